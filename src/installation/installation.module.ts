import { Module } from '@nestjs/common';
import { AuthMethodsModule } from '../auth-methods/auth-methods.module';
import { IdentitiesModule } from '../identities/identities.module';
import { OrganizationsModule } from '../organizations/organizations.module';
import { TokenAuthModule } from '../token-auth/token-auth.module';
import { AdministratorTokensService } from './administrator-tokens.service';
import { AdministratorWatchService } from './administrator-watch.service';
import { BootstrapController } from './bootstrap.controller';
import { InstallationService } from './installation.service';
import { OrganizationsController } from './organizations.controller';
import { BootstrapQueue } from './bootstrap.queue';
import { StatusController } from './status.controller';
import { TenantFounder } from './tenant.founder';

@Module({
  imports: [OrganizationsModule, IdentitiesModule, AuthMethodsModule, TokenAuthModule],
  controllers: [StatusController, BootstrapController, OrganizationsController],
  providers: [
    InstallationService,
    BootstrapQueue,
    TenantFounder,
    AdministratorTokensService,
    AdministratorWatchService,
  ],
  exports: [InstallationService],
})
export class InstallationModule {}
