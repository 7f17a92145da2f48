import { Module } from '@nestjs/common';
import { IdentitiesModule } from '../identities/identities.module';
import { AuthMethodStoreModule } from './configuration/auth-method-store.module';
import { AuthMethodConfigurationsService } from './configuration/auth-method-configurations.service';
import { LockoutClearingService } from './pipeline/lockout-clearing.service';
import { LockoutsService } from './pipeline/lockouts.service';
import { LoginConfigurationFinder } from './pipeline/login-configuration.finder';
import { LoginPipeline } from './pipeline/login.pipeline';
import { LOGIN_TIME, LOGIN_TIME_MS } from './pipeline/login-time';
import { LoginTokenIssuer } from './pipeline/login-token.issuer';
import { SecurityEventReporter } from './pipeline/security-event.reporter';
import { MethodSecretsService } from './configuration/method-secrets.service';

/** The parts that every auth method is built on. */
@Module({
  imports: [IdentitiesModule, AuthMethodStoreModule],
  providers: [
    AuthMethodConfigurationsService,
    LockoutClearingService,
    LockoutsService,
    LoginConfigurationFinder,
    LoginPipeline,
    LoginTokenIssuer,
    { provide: LOGIN_TIME, useValue: LOGIN_TIME_MS },
    SecurityEventReporter,
    MethodSecretsService,
  ],
  exports: [AuthMethodConfigurationsService, LockoutClearingService, LoginPipeline],
})
export class AuthMethodsModule {}
