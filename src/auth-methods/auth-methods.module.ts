import { Module } from '@nestjs/common';
import { IdentitiesModule } from '../identities/identities.module';
import { AuthMethodConfigurations } from './auth-method-configurations.service';
import { Lockouts } from './lockouts.service';
import { LoginEvents } from './login-events';
import { LoginService } from './login.service';

/** What every auth method is built on. */
@Module({
  imports: [IdentitiesModule],
  providers: [AuthMethodConfigurations, LoginService, Lockouts, LoginEvents],
  exports: [AuthMethodConfigurations, LoginService],
})
export class AuthMethodsModule {}
