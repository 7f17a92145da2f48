import { Global, Module } from '@nestjs/common';
import { CallerRights } from '../access-tokens/verification/caller';
import { LastAdministratorService } from './last-administrator.service';
import { PermissionGuard } from './permission.guard';
import { PermissionsService } from './permissions.service';
import { ProjectAccessReader } from './projects/project-access.reader';
import { ProjectAccessService } from './projects/project-access.service';
import { ProjectAdministratorsService } from './projects/project-administrators.service';
import { ProjectBoundaryService } from './projects/project-boundary.service';
import { ProjectGuard } from './projects/project.guard';

/** The permissions of callers. The module is global, so that any route can ask for a permission. */
@Global()
@Module({
  providers: [
    PermissionGuard,
    PermissionsService,
    LastAdministratorService,
    ProjectAccessReader,
    ProjectAccessService,
    ProjectGuard,
    ProjectAdministratorsService,
    ProjectBoundaryService,
    { provide: CallerRights, useExisting: PermissionsService },
  ],
  exports: [
    PermissionGuard,
    PermissionsService,
    LastAdministratorService,
    ProjectAccessReader,
    ProjectAccessService,
    ProjectGuard,
    ProjectAdministratorsService,
    ProjectBoundaryService,
    CallerRights,
  ],
})
export class PermissionsModule {}
