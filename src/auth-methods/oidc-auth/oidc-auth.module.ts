import { authMethodModule } from '../auth-method.module';
import { LoginError } from '../auth-methods.errors';
import { SignedTokenLoginDto } from '../federation/dto/signed-token.dtos';
import { InvalidJwtError, IssuerUnavailableError, UnverifiedJwtError } from '../federation/federation.errors';
import { FederationModule } from '../federation/federation.module';
import { OIDC_AUTH } from './oidc-auth.definition';
import { claimRefusal, MissingMetadataClaimError, SigningKeyError } from './oidc-auth.errors';
import { OidcAuth } from './oidc-auth.method';

const AMISS: LoginError[] = [
  claimRefusal({ rule: 'subject', claim: 'sub', isMissing: false }),
  claimRefusal({ rule: 'audience', claim: 'aud', isMissing: false }),
  claimRefusal({ rule: 'claim', claim: 'branch', isMissing: true }),
  claimRefusal({ rule: 'claim', claim: 'branch', isMissing: false }),
  new MissingMetadataClaimError('repository'),
];

/** OIDC Auth: a workload logs in with a JWT of its platform, which says in a public document where its keys are. */
export const OidcAuthModule = authMethodModule(OIDC_AUTH, {
  login: {
    input: SignedTokenLoginDto,
    method: OidcAuth,
    refusals: [
      new InvalidJwtError(),
      new UnverifiedJwtError('jwt expired'),
      new SigningKeyError('signing_key_not_found'),
      new SigningKeyError('no_signing_keys'),
      new SigningKeyError('too_many_signing_keys'),
      ...AMISS,
      new IssuerUnavailableError('timed_out'),
    ],
  },
  imports: [FederationModule],
});
