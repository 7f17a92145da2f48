import { ApiProperty } from '@nestjs/swagger';
import { Description, OneOf } from '../../../common/dto/request-fields';
import { ResponseObject, ResponseText } from '../../../common/dto/response-fields';
import type { IdentityAuthMethod } from '../../../database/entities/identity-auth-method.entity';
import type { ShownConfiguration } from '../../auth-method.definition';
import { AuthMethodDto } from '../../configuration/dto/auth-method.dto';
import { Texts } from '../../federation/dto/claim-fields';
import { BoundClaimsAnswerDto, BoundClaimsDto, MAX_PEM, MAX_URL } from '../../federation/dto/signed-token.dtos';
import { ISSUER_EXAMPLE } from '../../federation/federation.examples';
import type { JwtAuthConfig, KeyOrigin } from '../jwt-auth.config';
import { PUBLIC_KEY_EXAMPLE } from '../jwt-auth.examples';

const KEY_ORIGINS = ['jwks', 'static'] as const;
const TYPE = 'Where the keys come from: `jwks` for a URL, `static` for keys given here.';

class JwtSettingsDto extends BoundClaimsDto {
  @Description({
    description: 'The https URL of a JWK set.',
    example: '',
    optional: true,
    nullable: true,
    max: MAX_URL,
  })
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
    example: [PUBLIC_KEY_EXAMPLE],
    optional: true,
    nullable: true,
    max: 10,
    maxLength: MAX_PEM,
  })
  publicKeys?: string[] | null;

  @Description({
    description: 'The exact value that `iss` must have. Empty for any.',
    example: ISSUER_EXAMPLE.issuer,
    optional: true,
    nullable: true,
    max: MAX_URL,
  })
  boundIssuer?: string | null;
}

export class AttachJwtAuthDto extends JwtSettingsDto {
  @OneOf(KEY_ORIGINS, { description: TYPE, example: 'static' })
  configurationType!: KeyOrigin;
}

export class UpdateJwtAuthDto extends JwtSettingsDto {
  @OneOf(KEY_ORIGINS, { description: TYPE, example: 'static', optional: true })
  configurationType?: KeyOrigin;
}

/** The answer to a removal: its keys are no longer read. */
export class RemovedJwtAuthDto extends BoundClaimsAnswerDto {
  @ResponseText(TYPE, 'static', { enum: [...KEY_ORIGINS] })
  configurationType!: KeyOrigin;

  @ResponseText('The URL of the JWK set; empty for none.', '')
  jwksUrl!: string;

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

  @ApiProperty({ description: 'The public keys in PEM.', type: [String], example: [PUBLIC_KEY_EXAMPLE] })
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
