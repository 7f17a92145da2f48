import { createMongoAbility, type MongoAbility } from '@casl/ability';
import { type HostPermissions, type PermissionRule, ruleOf } from './permission-catalogue';
import { permissionsOf } from './roles';

/** Who an ability is made for: what decides on rights. */
export interface Privileges {
  readonly role: string;
  readonly isInstanceAdmin: boolean;
}

const NONE: HostPermissions = {};
// By the host's own permissions, since two applications in one process may have different ones.
const abilities = new WeakMap<HostPermissions, Map<string, MongoAbility>>();

/** The ability of a role. There are as many as there are roles, so each is made once. */
export function abilityOf(privileges: Privileges, hostPermissions: HostPermissions = NONE): MongoAbility {
  const made = abilities.get(hostPermissions) ?? new Map<string, MongoAbility>();
  abilities.set(hostPermissions, made);
  const key = `${privileges.isInstanceAdmin}:${privileges.role}`;
  let ability = made.get(key);
  if (ability === undefined) {
    ability = createMongoAbility(permissionsOf(privileges, hostPermissions).map(ruleOf));
    made.set(key, ability);
  }
  return ability;
}

export function isAllowed(privileges: Privileges, permission: string, hostPermissions?: HostPermissions): boolean {
  const { action, subject } = ruleOf(permission);
  return abilityOf(privileges, hostPermissions).can(action, subject);
}

/** The permissions of one that another lacks: empty when the other covers it. */
export function missingPermissions(
  holder: Privileges,
  target: Privileges,
  hostPermissions?: HostPermissions,
): PermissionRule[] {
  const ability = abilityOf(holder, hostPermissions);
  return permissionsOf(target, hostPermissions)
    .map(ruleOf)
    .filter(({ action, subject }) => !ability.can(action, subject));
}
