import { authMethodModule } from '../auth-method.module';
import { LoginError } from '../auth-methods.errors';
import { SignedTokenLoginDto } from '../federation/dto/signed-token.dtos';
import { InvalidJwtError, IssuerUnavailableError, UnverifiedJwtError } from '../federation/federation.errors';
import { FederationModule } from '../federation/federation.module';
import { JWT_AUTH } from './jwt-auth.definition';
import { claimRefusal } from './jwt-auth.errors';
import { JwtAuth } from './jwt-auth.method';

const AMISS: LoginError[] = [
  claimRefusal({ rule: 'issuer', claim: 'iss', isMissing: false }),
  claimRefusal({ rule: 'subject', claim: 'sub', isMissing: true }),
  claimRefusal({ rule: 'subject', claim: 'sub', isMissing: false }),
  claimRefusal({ rule: 'audience', claim: 'aud', isMissing: true }),
  claimRefusal({ rule: 'audience', claim: 'aud', isMissing: false }),
  claimRefusal({ rule: 'claim', claim: 'branch', isMissing: true }),
  claimRefusal({ rule: 'claim', claim: 'branch', isMissing: false }),
];

/** JWT Auth: a program logs in with a JWT that it has from another issuer. */
export const JwtAuthModule = authMethodModule(JWT_AUTH, {
  login: {
    input: SignedTokenLoginDto,
    method: JwtAuth,
    refusals: [
      new InvalidJwtError(),
      new UnverifiedJwtError('jwt expired'),
      ...AMISS,
      new IssuerUnavailableError('timed_out'),
    ],
  },
  imports: [FederationModule],
});
