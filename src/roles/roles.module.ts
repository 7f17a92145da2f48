import { Module } from '@nestjs/common';
import { LegacyRolesController } from './legacy-roles.controller';
import { RoleReadsService } from './role-reads.service';
import { RoleStoreModule } from './role-store.module';
import { RolesController } from './roles.controller';
import { RolesService } from './roles.service';

/** The roles that organizations make themselves. */
@Module({
  imports: [RoleStoreModule],
  controllers: [RolesController, LegacyRolesController],
  providers: [RolesService, RoleReadsService],
})
export class RolesModule {}
