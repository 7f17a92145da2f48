import { UntrustedAddressError } from '../../access-tokens/issuing/access-tokens.errors';
import { authMethodModule } from '../auth-method.module';
import { InvalidCredentialsError, LockedOutError } from '../auth-methods.errors';
import { ClientFinder } from './client.finder';
import { ClientSecretReadsService } from './client-secret-reads.service';
import { ClientSecretRevocationsService } from './client-secret-revocations.service';
import { ClientSecretRotationController } from './client-secret-rotation.controller';
import { ClientSecretRotationsService } from './client-secret-rotations.service';
import { ClientSecretStoreModule } from './client-secret-store.module';
import { ClientSecretsController } from './client-secrets.controller';
import { ClientSecretsService } from './client-secrets.service';
import { UniversalAuthLoginDto } from './dto/universal-auth.dtos';
import { UNIVERSAL_AUTH } from './universal-auth.definition';
import { ClientSecretExpiredError, ClientSecretUsedUpError } from './universal-auth.errors';
import { UniversalAuth } from './universal-auth.method';

/** Universal Auth: programs log in with a client id and a client secret. */
export const UniversalAuthModule = authMethodModule(UNIVERSAL_AUTH, {
  login: {
    input: UniversalAuthLoginDto,
    method: UniversalAuth,
    refusals: [
      new InvalidCredentialsError(),
      new LockedOutError(),
      new UntrustedAddressError(),
      new ClientSecretExpiredError(),
      new ClientSecretUsedUpError(),
    ],
  },
  imports: [ClientSecretStoreModule],
  controllers: [ClientSecretsController, ClientSecretRotationController],
  providers: [
    ClientFinder,
    ClientSecretReadsService,
    ClientSecretsService,
    ClientSecretRevocationsService,
    ClientSecretRotationsService,
  ],
});
