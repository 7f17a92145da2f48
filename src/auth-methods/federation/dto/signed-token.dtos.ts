import { ApiProperty } from '@nestjs/swagger';
import { Description, TrimmedText } from '../../../common/dto/request-fields';
import { ResponseText } from '../../../common/dto/response-fields';
import { AuthMethodDto } from '../../configuration/dto/auth-method.dto';
import { PeriodicPolicyDto } from '../../configuration/dto/periodic-policy.dto';
import { IdentityLoginDto } from '../../pipeline/dto/login.dto';
import { ISSUER_EXAMPLE } from '../federation.examples';
import { TextsByName } from './claim-fields';

const PATTERNS = '`*` stands for any characters, `?` for one, `{a,b}` for a or b.';
/** The longest text in PEM. */
export const MAX_PEM = 16_384;
/** The longest URL, and the longest name of an issuer. */
export const MAX_URL = 2_048;

/** The rules for tokens in a configuration: the fields of every method with signed tokens. */
export class BoundClaimsDto extends PeriodicPolicyDto {
  @Description({
    description: `A pattern that \`sub\` must match. ${PATTERNS} Empty for any.`,
    example: ISSUER_EXAMPLE.subject,
    optional: true,
    nullable: true,
    max: 1_024,
  })
  boundSubject?: string | null;

  @Description({
    description: 'Patterns, separated by commas: `aud` must match one of them. Empty for any.',
    example: ISSUER_EXAMPLE.audiences,
    optional: true,
    nullable: true,
    max: 4_096,
  })
  boundAudiences?: string | null;

  @TextsByName({
    description: 'For each claim, by the path to it, patterns of which it must match one.',
    example: ISSUER_EXAMPLE.claims,
    optional: true,
    nullable: true,
    max: 64,
    maxLength: 4_096,
  })
  boundClaims?: Record<string, string> | null;
}

/** The same fields in answers. */
export class BoundClaimsAnswerDto extends AuthMethodDto {
  @ResponseText('The value that `iss` must have; empty for any.', ISSUER_EXAMPLE.issuer)
  boundIssuer!: string;

  @ResponseText('The pattern that `sub` must match; empty for any.', ISSUER_EXAMPLE.subject)
  boundSubject!: string;

  @ResponseText('The patterns of which `aud` must match one; empty for any.', ISSUER_EXAMPLE.audiences)
  boundAudiences!: string;

  @ApiProperty({
    description: 'For each claim the patterns of which it must match one.',
    type: 'object',
    additionalProperties: { type: 'string' },
    example: ISSUER_EXAMPLE.claims,
  })
  boundClaims!: Readonly<Record<string, string>>;
}

export class SignedTokenLoginDto extends IdentityLoginDto {
  @TrimmedText({ description: 'A JWT of the issuer.', example: ISSUER_EXAMPLE.jwt, max: 16_384 })
  jwt!: string;
}
