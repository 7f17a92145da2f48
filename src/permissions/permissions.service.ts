import { Inject, Injectable } from '@nestjs/common';
import { LatchkeySettings } from '../latchkey.options';
import type { TokenPermissions } from '../access-tokens/issuing/token-permissions';
import type { CallerRights } from '../access-tokens/verification/caller';
import { isOwn, type Permission, ruleOf, subjectsWith } from './permission-catalogue';
import { InstanceAdminRequiredError, PermissionBoundaryError } from './permissions.errors';
import { builtInRules, INSTANCE_ADMIN_RULES, isRole, plainRule } from './roles';
import { missingFrom, type MissingPermission } from './rules/coverage';
import type { Rule } from './rules/rule';
import { type Fields, RuleSet } from './rules/rule-set';
import { actionsOf, ORGANIZATION_SUBJECTS, type Subjects } from './rules/subjects';

/** The holder of rights: the slug of an identity's role, and whether it is an instance administrator. */
export interface Privileges {
  readonly role: string;
  /** The rules of a role that the organization has made; null or absent for a built-in one. */
  readonly rules?: RuleSet | null;
  readonly isInstanceAdmin: boolean;
  /** Those of the token alone; null or absent for those of the role. */
  readonly permissions?: TokenPermissions | null;
}

/** The act of a caller on an identity, in the words of the refusal: "create token for identity". */
export interface Attempt {
  readonly what: string;
  /** The permission that the act needs on the target (contract 3.9). */
  readonly permission: Permission;
  /** Whether it only revokes: that stays easy, whatever the target holds in projects (decision 43). */
  readonly isRevocation?: boolean;
}

/**
 * The one place where a role becomes permissions.
 *
 * The built-in roles mean the same in every organization, and never change while a process runs, so their rules are kept for
 * good. Nothing is kept for any other slug: two organizations may use it for different roles, and either may change its own. The
 * rules of such a role are among the token facts. The query that reads the membership reads them too, so that they are of
 * the right organization, and as fresh as everything else that a verification rests on.
 */
@Injectable()
export class PermissionsService implements CallerRights {
  private readonly builtIn = new Map<string, RuleSet>();
  private readonly ofInstanceAdmins = new RuleSet(INSTANCE_ADMIN_RULES);

  constructor(@Inject(LatchkeySettings) private readonly settings: Pick<LatchkeySettings, 'hostPermissions'>) {}

  /** The subjects that rules of a role may name, and their actions: Latchkey's own and the host's. */
  get subjects(): Subjects {
    return subjectsWith(this.settings.hostPermissions);
  }

  /** Every permission that a holder has without conditions, Latchkey's own and the host's. An unknown role has none. */
  permissionsOf(holder: Privileges): readonly string[] {
    const named = this.rulesOf(holder).flatMap(({ subject, action }) => action.map((one) => [subject, one] as const));
    const held = named.filter(([subject, action]) => this.holds(holder, action, subject));
    return [...new Set(held.map(([subject, action]) => `${subject}:${action}`))];
  }

  isAllowed(holder: Privileges, permission: string): boolean {
    const { action, subject } = ruleOf(permission);
    return this.holds(holder, action, subject);
  }

  /**
   * Whether a holder has a permission. The host alone decides on its own permissions. Latchkey's own are for those whose role
   * has them: a token widens no role.
   *
   * @param fields those of the object in question. A rule with conditions on others does not allow.
   */
  holds(holder: Privileges, action: string, subject: string, fields?: Fields): boolean {
    // The former name of projects.
    if (subject === 'project' && this.holdsNamed(holder, action, 'workspace', fields)) return true;
    return this.holdsNamed(holder, action, subject, fields);
  }

  private holdsNamed(holder: Privileges, action: string, subject: string, fields?: Fields): boolean {
    const { permissions } = holder;
    if (!permissions) return this.isOfRole(holder, action, subject, fields);
    if (!Object.hasOwn(permissions, subject) || !permissions[subject]!.includes(action)) return false;
    return !this.isOfLatchkey(action, subject) || this.isOfRole(holder, action, subject, fields);
  }

  /** `holds` for the code of a host. @throws TypeError for a permission that no caller can have, because it is not declared */
  can(holder: Privileges, action: string, subject: string): boolean {
    if (this.holds(holder, action, subject)) return true;
    this.requireDeclared(action, subject);
    return false;
  }

  /**
   * Every rule that a holder has now, in their order. A token with permissions of its own has those parts of its role's rules that
   * are about these permissions.
   */
  rulesOf(holder: Privileges): readonly Rule[] {
    const { isInstanceAdmin, permissions } = holder;
    const ofRole = [...(isInstanceAdmin ? INSTANCE_ADMIN_RULES : []), ...this.ruleSetOf(holder).rules];
    if (!permissions) return ofRole;
    return Object.keys(permissions).flatMap((subject) =>
      permissions[subject]!.flatMap((action) =>
        this.isOfLatchkey(action, subject) ? ofRole.flatMap(about(action, subject)) : [plainRule({ action, subject })],
      ),
    );
  }

  /** The permissions of the target that the holder does not provably hold: empty if the holder covers the target. */
  missing(holder: Privileges, target: Privileges): MissingPermission[] {
    return this.missingFor(holder, this.rulesOf(target));
  }

  /**
   * To write rules is to grant them, whether an identity has the role or not (decision 41).
   *
   * @throws PermissionBoundaryError
   */
  requireCovered(caller: Privileges, rules: readonly Rule[], what: string): void {
    const missing = this.missingFor(caller, rules);
    if (missing.length > 0) throw new PermissionBoundaryError(what, missing);
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

  private missingFor(holder: Privileges, rules: readonly Rule[]): MissingPermission[] {
    return missingFrom(new RuleSet(this.rulesOf(holder)), new RuleSet(rules));
  }

  /** Whether roles alone give a permission: the host has not declared it as its own. No token widens a role. */
  private isOfLatchkey(action: string, subject: string): boolean {
    if (isOwn(action, subject)) return true;
    const isKnown = actionsOf(ORGANIZATION_SUBJECTS, subject)?.includes(action) === true;
    return isKnown && !Object.hasOwn(this.settings.hostPermissions, `${subject}:${action}`);
  }

  private requireDeclared(action: string, subject: string): void {
    const name = `${subject}:${action}`;
    if (isOwn(action, subject) || Object.hasOwn(this.settings.hostPermissions, name)) return;
    const declared = Object.keys(this.settings.hostPermissions).join(', ') || 'none';
    throw new TypeError(`permissions must have '${name}', which the code asks for. Declared are: ${declared}`);
  }

  private isOfRole(holder: Privileges, action: string, subject: string, fields?: Fields): boolean {
    const isOfInstance = holder.isInstanceAdmin && this.ofInstanceAdmins.allows(action, subject);
    return isOfInstance || this.ruleSetOf(holder).allows(action, subject, fields);
  }

  private ruleSetOf({ role, rules }: Privileges): RuleSet {
    if (rules) return rules;
    const known = this.builtIn.get(role);
    if (known !== undefined) return known;
    const made = new RuleSet(builtInRules(role, this.settings.hostPermissions));
    if (isRole(role)) this.builtIn.set(role, made);
    return made;
  }
}

/** The part of a rule that is about one action on one subject. */
function about(action: string, subject: string): (rule: Rule) => Rule[] {
  return (rule) => (rule.subject === subject && rule.action.includes(action) ? [{ ...rule, action: [action] }] : []);
}

/** Only instance administrators read or change an instance administrator (decision 20). @throws InstanceAdminRequiredError */
export function requireInstanceAdmin(
  caller: Pick<Privileges, 'isInstanceAdmin'>,
  target: Pick<Privileges, 'isInstanceAdmin'>,
): void {
  if (target.isInstanceAdmin && !caller.isInstanceAdmin) throw new InstanceAdminRequiredError();
}
