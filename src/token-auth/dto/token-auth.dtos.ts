import { ApiProperty } from '@nestjs/swagger';
import { AccessTokenDto, SignedTokenDto } from '../../access-tokens/dto/access-token.dtos';
import { AccessTokenPolicyDto } from '../../access-tokens/dto/access-token-policy.dto';
import type { IdentityAuthMethod } from '../../auth-methods/identity-auth-method.entity';
import { Id, Part, Parts, Time, Whole, Words } from '../../common/dto/answers';
import { EXAMPLE } from '../../common/dto/examples';
import { Name } from '../../common/dto/fields';
import { field, isString, lengthBetween, matches } from '../../common/dto/rules';
import { PageDto } from '../../common/http/page';
import type { TrustedIp } from '../../common/net/trusted-ips';

export class AttachTokenAuthDto extends AccessTokenPolicyDto {}

export class UpdateTokenAuthDto extends AccessTokenPolicyDto {}

export class CreateTokenDto {
  @Name({ description: 'What the token is for.', example: 'ci-runner', optional: true })
  name?: string;

  @field(
    [isString, ...lengthBetween(1, 64), matches(/^[A-Za-z0-9_-]+$/, 'Expected letters, digits, _ or -')],
    { description: 'The organization the token speaks in. Yours is the only one.', optional: true },
    { type: String, minLength: 1, maxLength: 64 },
  )
  organizationSlug?: string;
}

/** What is left out stays as it is. */
export class UpdateTokenDto {
  @Name({ description: 'What the token is for.', example: 'ci-runner-2', optional: true })
  name?: string;
}

export class TrustedIpDto implements TrustedIp {
  @Words('The family of the address.', 'ipv4', { enum: ['ipv4', 'ipv6'] })
  type!: 'ipv4' | 'ipv6';

  @ApiProperty({
    description: 'Bits of the network; absent for a single address.',
    type: 'integer',
    required: false,
    example: 24,
  })
  prefix?: number;

  @Words('The address as it was given.', '203.0.113.0')
  ipAddress!: string;
}

export class TokenAuthDto {
  @Id('The id of the configuration.', EXAMPLE.authMethodId)
  id!: string;

  @Whole('Lifetime of a token in seconds; 0 for as long as allowed.', 3600)
  accessTokenTTL!: number;

  @Whole('Lifetime in seconds over all renewals; 0 for no such limit.', 86400)
  accessTokenMaxTTL!: number;

  @Whole('How often a token may be used; 0 for no limit.', 0)
  accessTokenNumUsesLimit!: number;

  @Parts(() => TrustedIpDto, 'Where tokens may be used from.')
  accessTokenTrustedIps!: TrustedIpDto[];

  @Time('When it was attached.')
  createdAt!: Date;

  @Time('When it was last changed.')
  updatedAt!: Date;

  @Id('The identity it belongs to.', EXAMPLE.identityId)
  identityId!: string;

  @Whole('Always 0: tokens made by hand are not periodic.', 0)
  accessTokenPeriod!: number;

  static of(method: IdentityAuthMethod): TokenAuthDto {
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

export class TokenAuthAnswerDto {
  @Part(() => TokenAuthDto, 'How the tokens of this identity behave.')
  identityTokenAuth!: TokenAuthDto;
}

export class IssuedTokenDto extends SignedTokenDto {
  @Whole('Seconds the token can live over all renewals; 0 for no such limit.', 86400)
  declare accessTokenMaxTTL: number;

  @Part(() => AccessTokenDto, 'The token as its managers see it.')
  tokenData!: AccessTokenDto;
}

export class TokenAnswerDto {
  @Part(() => AccessTokenDto, 'The token.')
  token!: AccessTokenDto;
}

export class TokenListDto extends PageDto {
  @Parts(() => AccessTokenDto, 'The tokens, newest first, expired and revoked ones included.')
  tokens!: AccessTokenDto[];
}
