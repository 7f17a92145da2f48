import { Global, Module } from '@nestjs/common';
import { PermissionGuard } from './permission.guard';
import { PermissionsService } from './permissions.service';

/** What callers may do. Global, so that any route can ask for a permission. */
@Global()
@Module({ providers: [PermissionGuard, PermissionsService], exports: [PermissionGuard, PermissionsService] })
export class PermissionsModule {}
