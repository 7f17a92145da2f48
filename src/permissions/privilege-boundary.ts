import { isAllowed, missingPermissions, type Privileges } from './ability';
import { type HostPermissions, type Permission, ruleOf } from './permission-catalogue';
import { InstanceAdminRequiredError, PermissionBoundaryError } from './permissions.errors';

/** What somebody is about to do to an identity, in the words the refusal uses: "create token for identity". */
export interface Attempt {
  readonly what: string;
  /** The permission that goes with acting on somebody's rights (contract 3.9, last column). */
  readonly permission: Permission;
}

/**
 * The one rule of decisions 19 and 20: who mints, changes or removes credentials, or gives or takes a role, must hold the
 * permission for it and cover everything the target holds.
 *
 * @throws InstanceAdminRequiredError, PermissionBoundaryError
 */
export function requirePrivileges(
  caller: Privileges,
  target: Privileges,
  attempt: Attempt,
  hostPermissions?: HostPermissions,
): void {
  requireInstanceAdmin(caller, target);
  const missing = missingPermissions(caller, target, hostPermissions);
  const { action, subject } = ruleOf(attempt.permission);
  const isListed = missing.some((rule) => rule.action === action && rule.subject === subject);
  if (!isListed && !isAllowed(caller, attempt.permission)) missing.unshift({ action, subject });
  if (missing.length > 0) throw new PermissionBoundaryError(attempt.what, missing);
}

/** Instance admins are theirs alone to look into and change (decisions 20, contract 1.1.6). @throws InstanceAdminRequiredError */
export function requireInstanceAdmin(
  caller: Pick<Privileges, 'isInstanceAdmin'>,
  target: Pick<Privileges, 'isInstanceAdmin'>,
): void {
  if (target.isInstanceAdmin && !caller.isInstanceAdmin) throw new InstanceAdminRequiredError();
}
