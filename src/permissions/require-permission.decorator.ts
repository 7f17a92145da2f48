import { applyDecorators, UseGuards } from '@nestjs/common';
import { AccessTokenGuard } from '../access-tokens/guarding/access-token.guard';
import { requiring } from '../access-tokens/guarding/route-rules';
import { PermissionGuard } from './permission.guard';

/**
 * Admits callers with a usable access token and a permission: `@RequirePermission('read', 'files')` requires `files:read`. It
 * goes on a handler or a controller of a host; several of them on one handler are all required, and those of a handler stand
 * instead of those of its controller. A token with permissions of its own holds just those of the host's permissions, any other
 * token those of its identity's role; Latchkey's own permissions need both. Others get 401, or 403 (`PermissionDeniedError`).
 *
 * @param action what the route does, such as `read`.
 * @param subject what it does it to, such as `files`. The host declares `files:read` in the option `permissions`, or it is a
 *   permission of Latchkey; any other stops the start (LatchkeyOptionsError).
 */
export function RequirePermission(action: string, subject: string): MethodDecorator & ClassDecorator {
  return applyDecorators(UseGuards(AccessTokenGuard, PermissionGuard), requiring({ action, subject }));
}
