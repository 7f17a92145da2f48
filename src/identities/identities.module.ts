import { Module } from '@nestjs/common';
import { IdentitiesController } from './identities.controller';
import { IdentitiesService } from './identities.service';
import { IdentityStoreModule } from './identity-store.module';
import { IdentityReadsService } from './identity-reads.service';
import { IdentityDirectoryService } from './identity-directory.service';
import { ManagedIdentitiesService } from './managed-identities.service';
import { RoleStoreModule } from '../roles/role-store.module';
import { MeController } from './me.controller';
import { MembershipsController } from './memberships.controller';

@Module({
  imports: [IdentityStoreModule, RoleStoreModule],
  controllers: [IdentitiesController, MembershipsController, MeController],
  providers: [IdentitiesService, IdentityReadsService, IdentityDirectoryService, ManagedIdentitiesService],
  exports: [IdentitiesService, ManagedIdentitiesService, IdentityStoreModule],
})
export class IdentitiesModule {}
