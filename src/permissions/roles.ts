import { type HostPermissions, type PermissionRule, PERMISSION_CATALOGUE, ruleOf } from './permission-catalogue';
import type { Rule } from './rules/rule';
import { ORGANIZATION_SUBJECTS, type Subjects } from './rules/subjects';

export const ROLES = ['admin', 'member', 'no-access'] as const;

/** The slug of a built-in role. */
export type Role = (typeof ROLES)[number];

/** In place of a slug, where an identity has a role that its organization has made. */
export const CUSTOM_ROLE = 'custom';

/** The permissions of a member. Members manage machine identities, but grant no rights. */
const OF_MEMBER: Subjects = {
  identity: ORGANIZATION_SUBJECTS.identity.filter((action) => action !== 'grant-privileges'),
  role: ['read'],
  project: ['create'],
  workspace: ['create'],
  member: ['read'],
  groups: ['read'],
  settings: ['read'],
  'incident-contact': ['read'],
  'audit-logs': ['read'],
  billing: ['read'],
  'secret-scanning': ORGANIZATION_SUBJECTS['secret-scanning'],
  'app-connections': ['connect'],
  'machine-identity-auth-template': ['list-templates', 'unlink-templates', 'attach-templates'],
  gateway: ['create-gateways', 'list-gateways', 'attach-gateways'],
  relay: ['create-relays', 'list-relays', 'edit-relays'],
};

/** The permissions of each role. */
const PERMISSIONS: Record<Role, Subjects> = {
  admin: ORGANIZATION_SUBJECTS,
  member: OF_MEMBER,
  'no-access': {},
};

/** The permissions that only instance administrators have, whatever their role: tenants are above organizations. */
const INSTANCE_ADMIN_PERMISSIONS: Subjects = { organization: PERMISSION_CATALOGUE.organization };

export function isRole(slug: string): slug is Role {
  return (ROLES as readonly string[]).includes(slug);
}

/** The rules of a built-in role, and what a host gives to it. An unknown role has none. */
export function builtInRules(role: string, hostPermissions: HostPermissions): Rule[] {
  const own = rulesOf(isRole(role) ? PERMISSIONS[role] : {}).flatMap((rule) => withoutHosts(rule, hostPermissions));
  const hosts = Object.keys(hostPermissions).filter((permission) => hostPermissions[permission]?.includes(role));
  return [...own, ...hosts.map(ruleOf).map(plainRule)];
}

export const INSTANCE_ADMIN_RULES: readonly Rule[] = rulesOf(INSTANCE_ADMIN_PERMISSIONS);

/** A rule that allows one thing. */
export function plainRule({ action, subject }: PermissionRule): Rule {
  return { action: [action], subject };
}

function rulesOf(subjects: Subjects): Rule[] {
  return Object.entries(subjects).map(([subject, action]) => ({ subject, action }));
}

/** A host decides alone which built-in role holds a permission that it has declared. */
function withoutHosts({ subject, action }: Rule, hostPermissions: HostPermissions): Rule[] {
  const own = action.filter((one) => !Object.hasOwn(hostPermissions, `${subject}:${one}`));
  return own.length === 0 ? [] : [{ subject, action: own }];
}
