import { createMongoAbility, type MongoAbility } from '@casl/ability';
import { Inject, Injectable } from '@nestjs/common';
import { LatchkeySettings } from '../latchkey.options';
import type { TokenPermissions } from '../access-tokens/issuing/token-permissions';
import type { CallerRights } from '../access-tokens/verification/caller';
import { isOwn, isOwnPermission, type Permission, type PermissionRule, ruleOf } from './permission-catalogue';
import { InstanceAdminRequiredError, PermissionBoundaryError } from './permissions.errors';
import { isRole, permissionsOf } from './roles';

/** The holder of rights: the slug of an identity's role, and whether it is an instance administrator. */
export interface Privileges {
  readonly role: string;
  readonly isInstanceAdmin: boolean;
  /** Those of the token alone; null or absent for those of the role. */
  readonly permissions?: TokenPermissions | null;
}

/** The act of a caller on an identity, in the words of the refusal: "create token for identity". */
export interface Attempt {
  readonly what: string;
  /** The permission that the act needs on the target (contract 3.9). */
  readonly permission: Permission;
}

/**
 * The one place where a role becomes permissions.
 *
 * The built-in roles mean the same in every organization, and never change while a process runs, so their abilities are kept for
 * good. Nothing is kept for any other slug: two organizations may use it for different roles, and either may change its own. The
 * rules of such a role belong to the token facts. The query that reads the membership would read them too, so that they are of
 * the right organization, and as fresh as everything else that a verification rests on.
 */
@Injectable()
export class PermissionsService implements CallerRights {
  private readonly abilities = new Map<string, MongoAbility>();
  private readonly abilitiesOfInstanceAdmins = new Map<string, MongoAbility>();

  constructor(@Inject(LatchkeySettings) private readonly settings: Pick<LatchkeySettings, 'hostPermissions'>) {}

  /** Every permission of a holder, Latchkey's own and the host's. An unknown role has none. */
  permissionsOf(holder: Privileges): readonly string[] {
    const { permissions } = holder;
    const ofRole = permissionsOf(holder, this.settings.hostPermissions);
    if (!permissions) return ofRole;
    const ofToken = Object.keys(permissions).flatMap((subject) =>
      permissions[subject]!.map((action) => `${subject}:${action}`),
    );
    return ofToken.filter((permission) => ofRole.includes(permission) || !isOwnPermission(permission));
  }

  isAllowed(holder: Privileges, permission: string): boolean {
    const { action, subject } = ruleOf(permission);
    return this.holds(holder, action, subject);
  }

  /**
   * Whether a holder has a permission. The host alone decides on its own permissions. Latchkey's own are for those whose role
   * has them: a token widens no role.
   */
  holds(holder: Privileges, action: string, subject: string): boolean {
    const { permissions } = holder;
    if (!permissions) return this.abilityOf(holder).can(action, subject);
    if (!Object.hasOwn(permissions, subject) || !permissions[subject]!.includes(action)) return false;
    return !isOwn(action, subject) || this.abilityOf(holder).can(action, subject);
  }

  /** `holds` for the code of a host. @throws TypeError for a permission that no caller can have, because it is not declared */
  can(holder: Privileges, action: string, subject: string): boolean {
    if (this.holds(holder, action, subject)) return true;
    this.requireDeclared(action, subject);
    return false;
  }

  /** The permissions of the target that the holder lacks: empty if the holder covers the target. */
  missing(holder: Privileges, target: Privileges): PermissionRule[] {
    return this.permissionsOf(target)
      .map(ruleOf)
      .filter(({ action, subject }) => !this.holds(holder, action, subject));
  }

  /**
   * The privilege boundary (decisions 19 and 20). A caller that issues, changes or removes credentials, or gives or takes a
   * role, must hold the permission for it and all permissions of the target.
   *
   * @throws InstanceAdminRequiredError, PermissionBoundaryError
   */
  requirePrivileges(caller: Privileges, target: Privileges, attempt: Attempt): void {
    requireInstanceAdmin(caller, target);
    const missing = this.missing(caller, target);
    const { action, subject } = ruleOf(attempt.permission);
    const isListed = missing.some((rule) => rule.action === action && rule.subject === subject);
    if (!isListed && !this.isAllowed(caller, attempt.permission)) missing.unshift({ action, subject });
    if (missing.length > 0) throw new PermissionBoundaryError(attempt.what, missing);
  }

  private requireDeclared(action: string, subject: string): void {
    const name = `${subject}:${action}`;
    if (isOwn(action, subject) || Object.hasOwn(this.settings.hostPermissions, name)) return;
    const declared = Object.keys(this.settings.hostPermissions).join(', ') || 'none';
    throw new TypeError(`permissions must have '${name}', which the code asks for. Declared are: ${declared}`);
  }

  private abilityOf({ role, isInstanceAdmin }: Privileges): MongoAbility {
    const abilities = isInstanceAdmin ? this.abilitiesOfInstanceAdmins : this.abilities;
    const known = abilities.get(role);
    if (known !== undefined) return known;
    const ability = createMongoAbility(
      permissionsOf({ role, isInstanceAdmin }, this.settings.hostPermissions).map(ruleOf),
    );
    if (isRole(role)) abilities.set(role, ability);
    return ability;
  }
}

/** Only instance administrators read or change an instance administrator (decision 20). @throws InstanceAdminRequiredError */
export function requireInstanceAdmin(
  caller: Pick<Privileges, 'isInstanceAdmin'>,
  target: Pick<Privileges, 'isInstanceAdmin'>,
): void {
  if (target.isInstanceAdmin && !caller.isInstanceAdmin) throw new InstanceAdminRequiredError();
}
