import { Module } from '@nestjs/common';
import { AuthMethodsModule } from '../auth-methods/auth-methods.module';
import { IdentitiesModule } from '../identities/identities.module';
import { OrganizationFounder } from '../organizations/organization.founder';
import { OrganizationsController } from '../organizations/organizations.controller';
import { OrganizationsModule } from '../organizations/organizations.module';
import { TokenAuthModule } from '../token-auth/token-auth.module';
import { AdministratorTokensService } from './administrator-tokens.service';
import { AdministratorWatchService } from './administrator-watch.service';
import { BootstrapController } from './bootstrap.controller';
import { InstallationService } from './installation.service';
import { BootstrapQueue } from './bootstrap.queue';
import { StatusController } from './status.controller';
import { TenantFounder } from './tenant.founder';

@Module({
  imports: [OrganizationsModule, IdentitiesModule, AuthMethodsModule, TokenAuthModule],
  // Organizations are served where they can be founded: their own module knows nothing of identities and tokens.
  controllers: [StatusController, BootstrapController, OrganizationsController],
  providers: [
    InstallationService,
    { provide: OrganizationFounder, useExisting: InstallationService },
    BootstrapQueue,
    TenantFounder,
    AdministratorTokensService,
    AdministratorWatchService,
  ],
  exports: [InstallationService],
})
export class InstallationModule {}
