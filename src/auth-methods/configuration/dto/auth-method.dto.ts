import { ApiProperty } from '@nestjs/swagger';
import {
  ResponseId,
  ResponseList,
  ResponseTime,
  ResponseInteger,
  ResponseText,
} from '../../../common/dto/response-fields';
import { EXAMPLE } from '../../../common/dto/examples';
import { EVERY_ADDRESS, type TrustedIp } from '../../../common/net/trusted-ips';
import type { IdentityAuthMethod } from '../../../database/entities/identity-auth-method.entity';

export class TrustedIpDto implements TrustedIp {
  @ResponseText('The family of the address.', 'ipv4', { enum: ['ipv4', 'ipv6'] })
  type!: 'ipv4' | 'ipv6';

  @ApiProperty({
    description: 'The number of network bits; absent for a single address.',
    type: 'integer',
    required: false,
    example: 0,
  })
  prefix?: number;

  @ResponseText('The address as it was sent.', '0.0.0.0')
  ipAddress!: string;
}

/** The fields that every method's configuration has in answers. */
export class AuthMethodDto {
  @ResponseId('The id of the configuration.', EXAMPLE.authMethodId)
  id!: string;

  @ResponseInteger('Lifetime of a token in seconds; 0 means the longest allowed.', 3600)
  accessTokenTTL!: number;

  @ResponseInteger('Lifetime in seconds over all renewals; 0 means no limit.', 86400)
  accessTokenMaxTTL!: number;

  @ResponseInteger('How many times a token can be used; 0 means no limit.', 0)
  accessTokenNumUsesLimit!: number;

  @ResponseList(() => TrustedIpDto, 'Addresses from which tokens can be used.', EVERY_ADDRESS)
  accessTokenTrustedIps!: TrustedIpDto[];

  @ResponseTime('When the method was attached.')
  createdAt!: Date;

  @ResponseTime('When the configuration was last changed.')
  updatedAt!: Date;

  @ResponseId('The identity of the configuration.', EXAMPLE.identityId)
  identityId!: string;

  @ResponseInteger('Seconds between renewals of periodic tokens; 0 if tokens are not periodic.', 0)
  accessTokenPeriod!: number;

  static of(method: IdentityAuthMethod): AuthMethodDto {
    return {
      id: method.id,
      accessTokenTTL: method.accessTokenTTL,
      accessTokenMaxTTL: method.accessTokenMaxTTL,
      accessTokenNumUsesLimit: method.accessTokenNumUsesLimit,
      accessTokenTrustedIps: method.accessTokenTrustedIps,
      createdAt: method.createdAt,
      updatedAt: method.updatedAt,
      identityId: method.identityId,
      accessTokenPeriod: method.accessTokenPeriod,
    };
  }
}
