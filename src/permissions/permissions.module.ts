import { Global, Module } from '@nestjs/common';
import { PermissionGuard } from './permission.guard';

/** What callers may do. Global, so that any route can ask for a permission. */
@Global()
@Module({ providers: [PermissionGuard], exports: [PermissionGuard] })
export class PermissionsModule {}
