import { createMongoAbility, type MongoAbility } from '@casl/ability';
import { type Permission, type PermissionRule, ruleOf } from './permission-catalogue';
import { permissionsOf } from './roles';

/** Who an ability is made for: what decides on rights. */
export interface Privileges {
  readonly role: string;
  readonly isInstanceAdmin: boolean;
}

const abilities = new Map<string, MongoAbility>();

/** The ability of a role. There are as many as there are roles, so each is made once. */
export function abilityOf(privileges: Privileges): MongoAbility {
  const key = `${privileges.isInstanceAdmin}:${privileges.role}`;
  let ability = abilities.get(key);
  if (ability === undefined) {
    ability = createMongoAbility(permissionsOf(privileges).map(ruleOf));
    abilities.set(key, ability);
  }
  return ability;
}

export function isAllowed(privileges: Privileges, permission: Permission): boolean {
  const { action, subject } = ruleOf(permission);
  return abilityOf(privileges).can(action, subject);
}

/** The permissions of one that another lacks: empty when the other covers it. */
export function missingPermissions(holder: Privileges, target: Privileges): PermissionRule[] {
  const ability = abilityOf(holder);
  return permissionsOf(target)
    .map(ruleOf)
    .filter(({ action, subject }) => !ability.can(action, subject));
}
