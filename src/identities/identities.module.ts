import { Module } from '@nestjs/common';
import { IdentitiesController } from './identities.controller';
import { IdentitiesService } from './identities.service';
import { IdentityDirectory } from './identity-directory.service';
import { ManagedIdentities } from './managed-identities.service';
import { MembershipsController } from './memberships.controller';

@Module({
  controllers: [IdentitiesController, MembershipsController],
  providers: [IdentitiesService, IdentityDirectory, ManagedIdentities],
  exports: [IdentitiesService, ManagedIdentities],
})
export class IdentitiesModule {}
