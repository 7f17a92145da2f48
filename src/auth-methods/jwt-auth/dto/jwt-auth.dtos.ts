import { ApiProperty } from '@nestjs/swagger';
import { Description, OneOf, TrimmedText } from '../../../common/dto/request-fields';
import { ResponseObject, ResponseText } from '../../../common/dto/response-fields';
import type { IdentityAuthMethod } from '../../../database/entities/identity-auth-method.entity';
import type { ShownConfiguration } from '../../auth-method.definition';
import { AuthMethodDto } from '../../configuration/dto/auth-method.dto';
import { PeriodicPolicyDto } from '../../configuration/dto/periodic-policy.dto';
import { Texts, TextsByName } from '../../federation/dto/claim-fields';
import { IdentityLoginDto } from '../../pipeline/dto/login.dto';
import type { JwtAuthConfig, KeyOrigin } from '../jwt-auth.config';
import { JWT_EXAMPLE } from '../jwt-auth.examples';

const KEY_ORIGINS = ['jwks', 'static'] as const;
const TYPE = 'Where the keys come from: `jwks` for a URL, `static` for keys given here.';
const PATTERNS = '`*` stands for any characters, `?` for one, `{a,b}` for a or b.';
const MAX_PEM = 16_384;

class JwtSettingsDto extends PeriodicPolicyDto {
  @Description({ description: 'The https URL of a JWK set.', example: '', optional: true, nullable: true, max: 2_048 })
  jwksUrl?: string | null;

  @Description({
    description: 'The certificates, in PEM, that the server of the URL is trusted by. Default: those of the system.',
    example: '',
    optional: true,
    nullable: true,
    max: MAX_PEM,
  })
  jwksCaCert?: string | null;

  @Texts({
    description:
      'Public keys in PEM. To change a key without an interruption, give the old and the new one for a while.',
    example: [JWT_EXAMPLE.publicKey],
    optional: true,
    nullable: true,
    max: 10,
    maxLength: MAX_PEM,
  })
  publicKeys?: string[] | null;

  @Description({
    description: 'The exact value that `iss` must have. Empty for any.',
    example: JWT_EXAMPLE.issuer,
    optional: true,
    nullable: true,
    max: 2_048,
  })
  boundIssuer?: string | null;

  @Description({
    description: `A pattern that \`sub\` must match. ${PATTERNS} Empty for any.`,
    example: JWT_EXAMPLE.subject,
    optional: true,
    nullable: true,
    max: 1_024,
  })
  boundSubject?: string | null;

  @Description({
    description: 'Patterns, separated by commas: `aud` must match one of them. Empty for any.',
    example: JWT_EXAMPLE.audiences,
    optional: true,
    nullable: true,
    max: 4_096,
  })
  boundAudiences?: string | null;

  @TextsByName({
    description: 'For each claim, by the path to it, patterns of which it must match one.',
    example: JWT_EXAMPLE.claims,
    optional: true,
    nullable: true,
    max: 64,
    maxLength: 4_096,
  })
  boundClaims?: Record<string, string> | null;
}

export class AttachJwtAuthDto extends JwtSettingsDto {
  @OneOf(KEY_ORIGINS, { description: TYPE, example: 'static' })
  configurationType!: KeyOrigin;
}

export class UpdateJwtAuthDto extends JwtSettingsDto {
  @OneOf(KEY_ORIGINS, { description: TYPE, example: 'static', optional: true })
  configurationType?: KeyOrigin;
}

export class JwtAuthLoginDto extends IdentityLoginDto {
  @TrimmedText({ description: 'A JWT of the issuer.', example: JWT_EXAMPLE.jwt, max: 16_384 })
  jwt!: string;
}

/** The answer to a removal: its keys are no longer read. */
export class RemovedJwtAuthDto extends AuthMethodDto {
  @ResponseText(TYPE, 'static', { enum: [...KEY_ORIGINS] })
  configurationType!: KeyOrigin;

  @ResponseText('The URL of the JWK set; empty for none.', '')
  jwksUrl!: string;

  @ResponseText('The value that `iss` must have; empty for any.', JWT_EXAMPLE.issuer)
  boundIssuer!: string;

  @ResponseText('The pattern that `sub` must match; empty for any.', JWT_EXAMPLE.subject)
  boundSubject!: string;

  @ResponseText('The patterns of which `aud` must match one; empty for any.', JWT_EXAMPLE.audiences)
  boundAudiences!: string;

  @ApiProperty({
    description: 'For each claim the patterns of which it must match one.',
    type: 'object',
    additionalProperties: { type: 'string' },
    example: JWT_EXAMPLE.claims,
  })
  boundClaims!: Readonly<Record<string, string>>;

  static show(row: IdentityAuthMethod, { secrets }: ShownConfiguration): RemovedJwtAuthDto {
    return { ...AuthMethodDto.of(row), ...(row.config as JwtAuthConfig), ...secrets };
  }
}

export class JwtAuthDto extends RemovedJwtAuthDto {
  @ResponseText(
    'The certificates, in PEM, that the server of the URL is trusted by; empty for those of the system.',
    '',
  )
  jwksCaCert!: string;

  @ApiProperty({ description: 'The public keys in PEM.', type: [String], example: [JWT_EXAMPLE.publicKey] })
  publicKeys!: readonly string[];
}

export class JwtAuthAnswerDto {
  @ResponseObject(() => JwtAuthDto, 'Whose tokens log in, and how the tokens behave that they get.')
  identityJwtAuth!: JwtAuthDto;
}

export class RemovedJwtAuthAnswerDto {
  @ResponseObject(() => RemovedJwtAuthDto, 'The configuration that was removed.')
  identityJwtAuth!: RemovedJwtAuthDto;
}
