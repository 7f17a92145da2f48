import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { MissingAccessTokenError } from '../access-tokens/issuing/access-tokens.errors';
import { originOf } from '../access-tokens/guarding/call-origin';
import { callerOf } from '../access-tokens/guarding/caller.decorator';
import { refuse } from '../access-tokens/guarding/transport-errors';
import { PermissionsService } from './permissions.service';
import { PermissionDeniedError } from './permissions.errors';

/** The permission of a route: one of Latchkey's, one of the host's, or `any` if a usable token is enough. */
export const RequiredPermission = Reflector.createDecorator<string>();

/** Admits callers whose role includes the permission of the route. A route without a permission admits no caller. */
@Injectable()
export class PermissionGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly permissions: PermissionsService,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    try {
      return this.requirePermission(context);
    } catch (error) {
      return refuse(context, error);
    }
  }

  private requirePermission(context: ExecutionContext): boolean {
    const permission = this.reflector.getAllAndOverride(RequiredPermission, [context.getHandler(), context.getClass()]);
    if (permission === undefined) throw new TypeError('A guarded route must name its permission with @Authorized');
    if (permission === 'any') return true;
    const caller = callerOf(originOf(context).subject);
    if (caller === null) throw new MissingAccessTokenError();
    if (!this.permissions.isAllowed(caller, permission)) throw new PermissionDeniedError(permission);
    return true;
  }
}
