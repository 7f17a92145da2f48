import { Module } from '@nestjs/common';
import { UntrustedAddressError } from '../../access-tokens/access-tokens.errors';
import { IdentitiesModule } from '../../identities/identities.module';
import { InvalidCredentialsError, LockedOutError } from '../auth-methods.errors';
import { AuthMethodsModule } from '../auth-methods.module';
import { configurationController } from '../configuration.controller';
import { lockoutsController } from '../lockouts.controller';
import { loginController } from '../login.controller';
import { ClientFinder } from './client-finder';
import { ClientSecretHasher } from './client-secret-hasher';
import { ClientSecretsController } from './client-secrets.controller';
import { ClientSecretsService } from './client-secrets.service';
import { UniversalAuthLoginDto } from './dto/universal-auth.dtos';
import { UNIVERSAL_AUTH } from './universal-auth.definition';
import { ClientSecretExpiredError, ClientSecretUsedUpError } from './universal-auth.errors';
import { UniversalAuth } from './universal-auth.method';

const login = loginController(UNIVERSAL_AUTH, {
  input: UniversalAuthLoginDto,
  method: UniversalAuth,
  refusals: [
    new InvalidCredentialsError(),
    new LockedOutError(),
    new UntrustedAddressError(),
    new ClientSecretExpiredError(),
    new ClientSecretUsedUpError(),
  ],
});

/** Universal Auth: how most programs log in, with a client id and a client secret. */
@Module({
  imports: [AuthMethodsModule, IdentitiesModule],
  controllers: [
    login,
    configurationController(UNIVERSAL_AUTH),
    lockoutsController(UNIVERSAL_AUTH),
    ClientSecretsController,
  ],
  providers: [UniversalAuth, ClientFinder, ClientSecretsService, ClientSecretHasher],
})
export class UniversalAuthModule {}
