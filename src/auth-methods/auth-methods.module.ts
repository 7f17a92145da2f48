import { Module } from '@nestjs/common';
import { IdentitiesModule } from '../identities/identities.module';
import { AuthMethodConfigurationsService } from './configuration/auth-method-configurations.service';
import { LockoutClearingService } from './pipeline/lockout-clearing.service';
import { LockoutsService } from './pipeline/lockouts.service';
import { SecurityEvents } from './pipeline/security-events';
import { LoginProver } from './pipeline/login.prover';
import { LoginService } from './pipeline/login.service';
import { MethodSecretsService } from './configuration/method-secrets.service';

/** What every auth method is built on. */
@Module({
  imports: [IdentitiesModule],
  providers: [
    AuthMethodConfigurationsService,
    LockoutClearingService,
    LockoutsService,
    SecurityEvents,
    LoginProver,
    LoginService,
    MethodSecretsService,
  ],
  exports: [AuthMethodConfigurationsService, LockoutClearingService, LoginService],
})
export class AuthMethodsModule {}
