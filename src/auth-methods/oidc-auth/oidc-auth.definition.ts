import { type AuthMethodDefinition, refusalsWhereMissing } from '../auth-method.definition';
import {
  AttachOidcAuthDto,
  OidcAuthAnswerDto,
  OidcAuthDto,
  RemovedOidcAuthAnswerDto,
  UpdateOidcAuthDto,
} from './dto/oidc-auth.dtos';
import { mergeSettings } from './oidc-auth.config';

/** A JWT of an OpenID Connect issuer for an access token. */
export const OIDC_AUTH: AuthMethodDefinition = {
  slug: 'oidc-auth',
  title: 'OIDC Auth',
  phrase: 'oidc auth',
  docs: { description: 'Let a CI job or another workload log in with the token that its platform has given it.' },
  responseKey: 'identityOidcAuth',
  input: { attach: AttachOidcAuthDto, update: UpdateOidcAuthDto },
  answer: { type: OidcAuthAnswerDto, removed: RemovedOidcAuthAnswerDto, of: OidcAuthDto.show },
  configure: (input, stored) => mergeSettings(input, stored),
  refusals: refusalsWhereMissing('OIDC Auth', 'oidc auth'),
};
