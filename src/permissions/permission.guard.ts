import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { MissingAccessTokenError } from '../access-tokens/issuing/access-tokens.errors';
import { originOf } from '../access-tokens/guarding/call-origin';
import { callerOf } from '../access-tokens/guarding/caller.decorator';
import { type RequiredPermission, rulesOf } from '../access-tokens/guarding/route-rules';
import { refuse } from '../access-tokens/guarding/transport-errors';
import { PermissionsService } from './permissions.service';
import { PermissionDeniedError } from './permissions.errors';

/** Admits callers that hold every permission of the route. A route without a permission requirePermission no caller. */
@Injectable()
export class PermissionGuard implements CanActivate {
  constructor(private readonly permissions: PermissionsService) {}

  canActivate(context: ExecutionContext): boolean {
    try {
      return this.requirePermission(context);
    } catch (error) {
      return refuse(context, error);
    }
  }

  private requirePermission(context: ExecutionContext): boolean {
    const { permissions, isPublic } = rulesOf(context);
    if (isPublic) return true;
    if (permissions === undefined) {
      throw new TypeError('A guarded route must name its permission with @Authorized or @RequirePermission');
    }
    return permissions.length === 0 || this.holdsAll(context, permissions);
  }

  private holdsAll(context: ExecutionContext, permissions: readonly RequiredPermission[]): boolean {
    const caller = callerOf(originOf(context).subject);
    if (caller === null) throw new MissingAccessTokenError();
    for (const { action, subject } of permissions) {
      if (!this.permissions.holds(caller, action, subject)) throw new PermissionDeniedError(`${subject}:${action}`);
    }
    return true;
  }
}
