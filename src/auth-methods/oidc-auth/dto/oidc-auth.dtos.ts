import { ApiProperty } from '@nestjs/swagger';
import { Description, TrimmedText } from '../../../common/dto/request-fields';
import { ResponseObject, ResponseText } from '../../../common/dto/response-fields';
import type { IdentityAuthMethod } from '../../../database/entities/identity-auth-method.entity';
import type { ShownConfiguration } from '../../auth-method.definition';
import { AuthMethodDto } from '../../configuration/dto/auth-method.dto';
import { TextsByName } from '../../federation/dto/claim-fields';
import { BoundClaimsAnswerDto, BoundClaimsDto, MAX_PEM, MAX_URL } from '../../federation/dto/signed-token.dtos';
import { ISSUER_EXAMPLE } from '../../federation/federation.examples';
import type { OidcAuthConfig } from '../oidc-auth.config';
import { warningsOf } from '../oidc-auth.warnings';

const URL_FIELD = {
  description: 'The https URL of the issuer, without `/.well-known/openid-configuration`.',
  example: ISSUER_EXAMPLE.issuer,
  max: MAX_URL,
};
const ISSUER_FIELD = {
  description: 'The exact value that `iss` must have, and the issuer that the discovery document must name.',
  example: ISSUER_EXAMPLE.issuer,
  max: MAX_URL,
};
const MAPPING_EXAMPLE = { branch: 'branch' };

class OidcSettingsDto extends BoundClaimsDto {
  @TextsByName({
    description: 'Claims for the access token: the path to each, by the name that it gets there.',
    example: MAPPING_EXAMPLE,
    optional: true,
    nullable: true,
    max: 64,
    maxLength: 1_024,
  })
  claimMetadataMapping?: Record<string, string> | null;

  @Description({
    description:
      'The certificates, in PEM, that the servers of the issuer are trusted by. Default: those of the system.',
    example: '',
    optional: true,
    nullable: true,
    max: MAX_PEM,
  })
  caCert?: string | null;
}

export class AttachOidcAuthDto extends OidcSettingsDto {
  @TrimmedText(URL_FIELD)
  oidcDiscoveryUrl!: string;

  @TrimmedText(ISSUER_FIELD)
  boundIssuer!: string;
}

export class UpdateOidcAuthDto extends OidcSettingsDto {
  @TrimmedText({ ...URL_FIELD, optional: true })
  oidcDiscoveryUrl?: string;

  @TrimmedText({ ...ISSUER_FIELD, optional: true })
  boundIssuer?: string;
}

/** The answer to a removal: its certificates are no longer read. */
export class RemovedOidcAuthDto extends BoundClaimsAnswerDto {
  @ResponseText('The URL of the issuer.', ISSUER_EXAMPLE.issuer)
  oidcDiscoveryUrl!: string;

  @ApiProperty({
    description: 'The claims that go into access tokens: the path to each, by its name there. Null for none.',
    type: 'object',
    additionalProperties: { type: 'string' },
    nullable: true,
    example: MAPPING_EXAMPLE,
  })
  claimMetadataMapping!: Readonly<Record<string, string>> | null;
}

export class OidcAuthDto extends RemovedOidcAuthDto {
  @ResponseText('The certificates, in PEM, that the servers are trusted by; empty for those of the system.', '')
  caCert!: string;

  @ApiProperty({
    description: 'How the configuration could let in workloads of strangers; empty if nothing is known against it.',
    type: [String],
    example: [],
  })
  warnings!: readonly string[];

  static show(row: IdentityAuthMethod, { route, secrets }: ShownConfiguration): RemovedOidcAuthDto {
    const config = row.config as OidcAuthConfig;
    const shown = { ...AuthMethodDto.of(row), ...config, ...secrets };
    return route === 'remove' ? shown : Object.assign(shown, { warnings: warningsOf(config) });
  }
}

export class OidcAuthAnswerDto {
  @ResponseObject(() => OidcAuthDto, 'Whose tokens log in, and how the tokens behave that they get.')
  identityOidcAuth!: OidcAuthDto;
}

export class RemovedOidcAuthAnswerDto {
  @ResponseObject(() => RemovedOidcAuthDto, 'The configuration that was removed.')
  identityOidcAuth!: RemovedOidcAuthDto;
}
