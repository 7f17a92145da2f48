import { BadRequestError, ForbiddenError, type LatchkeyError } from '../common/errors/latchkey.error';
import { ruleOf } from './permission-catalogue';
import type { MissingPermission } from './rules/coverage';

/** The caller's role does not include the permission of the route. The message names the action and the subject. */
export class PermissionDeniedError extends ForbiddenError {
  constructor(permission: string) {
    const { action, subject } = ruleOf(permission);
    super('permission_denied', `You are not allowed to ${action} on ${subject}`, 'PermissionDenied', { details: [] });
  }
}

/** The caller would grant, change or remove more than it holds itself (decision 19). */
export class PermissionBoundaryError extends ForbiddenError {
  constructor(attempt: string, missingPermissions: readonly MissingPermission[]) {
    super(
      'permission_boundary',
      `Failed to ${attempt} with more privileged role. Actor privilege level is not high enough to perform this action`,
      'PermissionBoundaryError',
      { details: { missingPermissions } },
    );
  }
}

/** Only an instance administrator changes an instance administrator (decision 20). */
export class InstanceAdminRequiredError extends ForbiddenError {
  constructor() {
    super(
      'instance_admin_required',
      'You are attempting to modify an instance admin identity. This requires elevated instance admin privileges',
    );
  }
}

/** The change would leave the organization, or the instance, without an administrator (decision 35). */
export class LastAdministratorError extends BadRequestError {
  constructor() {
    super(
      'last_administrator',
      'An organization keeps at least one identity that holds admin and can obtain a token, and so does the instance. Give another identity the role and a credential first, or issue another token: one that lasts for more than an hour and ten uses. A method counts once a login through it has succeeded.',
    );
  }
}

/** The refusals of acting on the rights or credentials of an identity (decisions 19 and 20), for the documentation. */
export function boundaryRefusals({ what }: { readonly what: string }): LatchkeyError[] {
  const missing = [{ action: 'grant-privileges', subject: 'identity' }];
  return [new InstanceAdminRequiredError(), new PermissionBoundaryError(what, missing)];
}
