import { Module } from '@nestjs/common';
import { IdentitiesModule } from '../identities/identities.module';
import { AuthMethodConfigurations } from './auth-method-configurations.service';

/** What every auth method is built on. */
@Module({ imports: [IdentitiesModule], providers: [AuthMethodConfigurations], exports: [AuthMethodConfigurations] })
export class AuthMethodsModule {}
