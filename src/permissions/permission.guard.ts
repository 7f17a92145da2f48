import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { callerOf } from '../access-tokens/caller.decorator';
import { isAllowed } from './ability';
import type { Permission } from './permission-catalogue';
import { PermissionDeniedError } from './permissions.errors';

/** The permission a route asks for, or that any good token will do. */
export const RequiredPermission = Reflector.createDecorator<Permission | 'any'>();

/** Lets callers in whose role includes the permission of the route. A route that names none lets nobody in. */
@Injectable()
export class PermissionGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const permission = this.reflector.get(RequiredPermission, context.getHandler());
    if (permission === undefined) throw new TypeError('A guarded route must name its permission with @Authorized');
    const caller = callerOf(context.switchToHttp().getRequest<object>());
    if (permission !== 'any' && !isAllowed(caller, permission)) throw new PermissionDeniedError(permission);
    return true;
  }
}
