import { Module } from '@nestjs/common';
import { AssignableRolesService } from './assignable-roles.service';
import { RoleStore } from './role.store';

/** Apart from the REST API of roles: identities are given roles without it. */
@Module({ providers: [RoleStore, AssignableRolesService], exports: [RoleStore, AssignableRolesService] })
export class RoleStoreModule {}
