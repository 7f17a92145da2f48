import { Module } from '@nestjs/common';
import { IdentitiesModule } from '../identities/identities.module';
import { AuthMethodConfigurations } from './auth-method-configurations.service';
import { LockoutClearing } from './lockout-clearing.service';
import { Lockouts } from './lockouts.service';
import { LoginEvents } from './login-events';
import { LoginProver } from './login-prover';
import { LoginService } from './login.service';
import { MethodSecrets } from './method-secrets';

/** What every auth method is built on. */
@Module({
  imports: [IdentitiesModule],
  providers: [
    AuthMethodConfigurations,
    LockoutClearing,
    Lockouts,
    LoginEvents,
    LoginProver,
    LoginService,
    MethodSecrets,
  ],
  exports: [AuthMethodConfigurations, LockoutClearing, LoginService],
})
export class AuthMethodsModule {}
