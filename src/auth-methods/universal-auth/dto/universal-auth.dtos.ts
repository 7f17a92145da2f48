import { ANYWHERE, TrustedIpInputDto } from '../../../access-tokens/issuing/dto/access-token-policy.dto';
import {
  ResponseId,
  ResponseObject,
  ResponseList,
  ResponseInteger,
  ResponseFlag,
} from '../../../common/dto/response-fields';
import { EVERY_ADDRESS } from '../../../common/net/trusted-ips';
import { Flag, Integer, ListOf, TrimmedText } from '../../../common/dto/request-fields';
import { AuthMethodDto, TrustedIpDto } from '../../configuration/dto/auth-method.dto';
import { PeriodicPolicyDto } from '../../configuration/dto/periodic-policy.dto';
import { LoginDto } from '../../pipeline/dto/login.dto';
import type { IdentityAuthMethod } from '../../../database/entities/identity-auth-method.entity';
import { configOf } from '../universal-auth.config';
import { CLIENT_EXAMPLE } from '../universal-auth.examples';

export class AttachUniversalAuthDto extends PeriodicPolicyDto {
  @ListOf(TrustedIpInputDto, {
    description: 'Addresses from which the client can log in. Default: all.',
    example: ANYWHERE,
    optional: true,
    min: 1,
    max: 256,
  })
  clientSecretTrustedIps?: TrustedIpInputDto[];

  @Flag({ description: 'Whether wrong guesses lock the client. Default true.', example: true, optional: true })
  lockoutEnabled?: boolean;

  @Integer({
    description: 'The number of wrong guesses that lock the client. Default 3.',
    example: 3,
    optional: true,
    min: 1,
    max: 30,
  })
  lockoutThreshold?: number;

  @Integer({
    description: 'Duration of a lock in seconds. Default 300.',
    example: 300,
    optional: true,
    min: 30,
    max: 86_400,
  })
  lockoutDurationSeconds?: number;

  @Integer({
    description: 'Seconds after the last wrong guess until the count is reset. Default 30.',
    example: 30,
    optional: true,
    min: 5,
    max: 3_600,
  })
  lockoutCounterResetSeconds?: number;
}

export class UpdateUniversalAuthDto extends AttachUniversalAuthDto {}

export class UniversalAuthLoginDto extends LoginDto {
  @TrimmedText({
    description: 'The `identityUniversalAuth.clientId` of "Attach Universal Auth to an identity".',
    example: 'paste the client id',
    max: 255,
  })
  clientId!: string;

  @TrimmedText({
    description: 'The `clientSecret` of "Create a client secret".',
    example: 'paste the client secret',
    max: 1_024,
  })
  clientSecret!: string;
}

export class UniversalAuthDto extends AuthMethodDto {
  @ResponseId('The client id, with which the client logs in.', CLIENT_EXAMPLE.clientId)
  clientId!: string;

  @ResponseList(() => TrustedIpDto, 'Addresses from which the client can log in.', EVERY_ADDRESS)
  clientSecretTrustedIps!: TrustedIpDto[];

  @ResponseFlag('Whether wrong guesses lock the client.', true)
  lockoutEnabled!: boolean;

  @ResponseInteger('The number of wrong guesses that lock the client.', 3)
  lockoutThreshold!: number;

  @ResponseInteger('Duration of a lock in seconds.', 300)
  lockoutDurationSeconds!: number;

  @ResponseInteger('Seconds after the last wrong guess until the count is reset.', 30)
  lockoutCounterResetSeconds!: number;

  static override of(method: IdentityAuthMethod): UniversalAuthDto {
    const clientId = method.clientId ?? '';
    return { ...AuthMethodDto.of(method), clientId, ...configOf(method) };
  }
}

export class UniversalAuthAnswerDto {
  @ResponseObject(() => UniversalAuthDto, 'The configuration: how the client logs in, and how its tokens behave.')
  identityUniversalAuth!: UniversalAuthDto;
}
