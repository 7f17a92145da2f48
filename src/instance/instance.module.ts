import { Module } from '@nestjs/common';
import { AuthMethodsModule } from '../auth-methods/auth-methods.module';
import { IdentitiesModule } from '../identities/identities.module';
import { OrganizationsModule } from '../organizations/organizations.module';
import { TokenAuthModule } from '../token-auth/token-auth.module';
import { AdministratorTokens } from './administrator-tokens.service';
import { AdministratorWatch } from './administrator-watch.service';
import { BootstrapController } from './bootstrap.controller';
import { InstanceService } from './instance.service';
import { OrganizationsController } from './organizations.controller';
import { SetUpTurns } from './set-up-turns';
import { StatusController } from './status.controller';
import { TenantFounder } from './tenant-founder.service';

@Module({
  imports: [OrganizationsModule, IdentitiesModule, AuthMethodsModule, TokenAuthModule],
  controllers: [StatusController, BootstrapController, OrganizationsController],
  providers: [InstanceService, SetUpTurns, TenantFounder, AdministratorTokens, AdministratorWatch],
  exports: [InstanceService],
})
export class InstanceModule {}
