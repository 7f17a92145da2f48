import { authMethodModule } from '../auth-method.module';
import { SignedTokenLoginDto } from '../federation/dto/signed-token.dtos';
import { InvalidJwtError, IssuerUnavailableError, UnverifiedJwtError } from '../federation/federation.errors';
import { FederationModule } from '../federation/federation.module';
import { AZURE_AUTH } from './azure-auth.definition';
import {
  InvalidSigningKeyError,
  ServicePrincipalNotAllowedError,
  TenantMismatchError,
  UserTokenError,
} from './azure-auth.errors';
import { AZURE_EXAMPLE } from './azure-auth.examples';
import { AzureAuth } from './azure-auth.method';
import { EntraKeys } from './entra-keys';

/** Azure Auth: a workload logs in with a token of its managed identity. */
export const AzureAuthModule = authMethodModule(AZURE_AUTH, {
  login: {
    input: SignedTokenLoginDto,
    method: AzureAuth,
    refusals: [
      new InvalidJwtError(),
      new InvalidSigningKeyError(),
      new UnverifiedJwtError('jwt audience invalid'),
      new TenantMismatchError(),
      new UserTokenError(),
      new ServicePrincipalNotAllowedError(AZURE_EXAMPLE.principals),
      new IssuerUnavailableError('timed_out'),
    ],
  },
  imports: [FederationModule],
  providers: [EntraKeys],
});
