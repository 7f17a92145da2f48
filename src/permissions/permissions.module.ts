import { Global, Module } from '@nestjs/common';
import { CallerRights } from '../access-tokens/verification/caller';
import { LastAdministratorService } from './last-administrator.service';
import { PermissionGuard } from './permission.guard';
import { PermissionsService } from './permissions.service';

/** The permissions of callers. The module is global, so that any route can ask for a permission. */
@Global()
@Module({
  providers: [
    PermissionGuard,
    PermissionsService,
    LastAdministratorService,
    { provide: CallerRights, useExisting: PermissionsService },
  ],
  exports: [PermissionGuard, PermissionsService, LastAdministratorService, CallerRights],
})
export class PermissionsModule {}
