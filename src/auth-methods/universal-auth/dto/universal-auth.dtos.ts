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
    description: 'Where the client may log in from. Default: anywhere.',
    example: ANYWHERE,
    optional: true,
    min: 1,
    max: 256,
  })
  clientSecretTrustedIps?: TrustedIpInputDto[];

  @Flag({ description: 'Whether wrong guesses lock the client out. Default true.', example: true, optional: true })
  lockoutEnabled?: boolean;

  @Integer({ description: 'So many wrong guesses lock. Default 3.', example: 3, optional: true, min: 1, max: 30 })
  lockoutThreshold?: number;

  @Integer({
    description: 'How long a lock lasts, in seconds. Default 300.',
    example: 300,
    optional: true,
    min: 30,
    max: 86_400,
  })
  lockoutDurationSeconds?: number;

  @Integer({
    description: 'How long after the last wrong guess they are forgotten, in seconds. Default 30.',
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
  @ResponseId('What the client calls itself when it logs in.', CLIENT_EXAMPLE.clientId)
  clientId!: string;

  @ResponseList(() => TrustedIpDto, 'Where the client may log in from.', EVERY_ADDRESS)
  clientSecretTrustedIps!: TrustedIpDto[];

  @ResponseFlag('Whether wrong guesses lock the client out.', true)
  lockoutEnabled!: boolean;

  @ResponseInteger('So many wrong guesses lock.', 3)
  lockoutThreshold!: number;

  @ResponseInteger('How long a lock lasts, in seconds.', 300)
  lockoutDurationSeconds!: number;

  @ResponseInteger('How long after the last wrong guess they are forgotten, in seconds.', 30)
  lockoutCounterResetSeconds!: number;

  static override of(method: IdentityAuthMethod): UniversalAuthDto {
    const clientId = method.clientId ?? '';
    return { ...AuthMethodDto.of(method), clientId, ...configOf(method) };
  }
}

export class UniversalAuthAnswerDto {
  @ResponseObject(() => UniversalAuthDto, 'How the client logs in, and how its tokens behave.')
  identityUniversalAuth!: UniversalAuthDto;
}
