import { authMethodModule } from '../auth-method.module';
import { SignedTokenLoginDto } from '../federation/dto/signed-token.dtos';
import { InvalidJwtError, IssuerUnavailableError, UnverifiedJwtError } from '../federation/federation.errors';
import { FederationModule } from '../federation/federation.module';
import { GCP_AUTH } from './gcp-auth.definition';
import { InvalidAudienceError, InvalidServiceAccountError, NotAllowedError } from './gcp-auth.errors';
import { GcpAuth } from './gcp-auth.method';
import { GoogleKeys } from './google-keys';

/** GCP Auth: a workload logs in with a token of the service account that it runs as. */
export const GcpAuthModule = authMethodModule(GCP_AUTH, {
  login: {
    input: SignedTokenLoginDto,
    method: GcpAuth,
    refusals: [
      new InvalidJwtError(),
      new UnverifiedJwtError('jwt audience invalid'),
      new InvalidServiceAccountError(),
      new InvalidAudienceError(),
      new NotAllowedError('service_account'),
      new NotAllowedError('project'),
      new NotAllowedError('zone'),
      new IssuerUnavailableError('timed_out'),
    ],
  },
  imports: [FederationModule],
  providers: [GoogleKeys],
});
