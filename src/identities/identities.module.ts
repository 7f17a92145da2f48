import { Module } from '@nestjs/common';
import { IdentitiesController } from './identities.controller';
import { IdentitiesService } from './identities.service';
import { IdentityDirectoryService } from './identity-directory.service';
import { ManagedIdentitiesService } from './managed-identities.service';
import { MembershipsController } from './memberships.controller';

@Module({
  controllers: [IdentitiesController, MembershipsController],
  providers: [IdentitiesService, IdentityDirectoryService, ManagedIdentitiesService],
  exports: [IdentitiesService, ManagedIdentitiesService],
})
export class IdentitiesModule {}
