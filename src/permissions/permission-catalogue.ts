import { ORGANIZATION_SUBJECTS, type Subjects } from './rules/subjects';

/** Everything that Latchkey's own routes ask for: subject, then action (contract 3.9). */
export const PERMISSION_CATALOGUE = {
  identity: ORGANIZATION_SUBJECTS.identity,
  role: ORGANIZATION_SUBJECTS.role,
  project: ORGANIZATION_SUBJECTS.project,
  workspace: ORGANIZATION_SUBJECTS.workspace,
  organization: ['read', 'create'],
  'audit-logs': ORGANIZATION_SUBJECTS['audit-logs'],
} as const;

type Catalogue = typeof PERMISSION_CATALOGUE;

/** `identity:create-token`, `organization:read`, ... */
export type Permission = { [Subject in keyof Catalogue]: `${Subject}:${Catalogue[Subject][number]}` }[keyof Catalogue];

export function permissionsOn<Subject extends keyof Catalogue>(subject: Subject): Permission[] {
  return PERMISSION_CATALOGUE[subject].map((action) => `${subject}:${action}` as Permission);
}

/** A permission as the wire and the ability spell it. */
export interface PermissionRule {
  readonly action: string;
  readonly subject: string;
}

export function ruleOf(permission: string): PermissionRule {
  const [subject = '', action = ''] = permission.split(':');
  return { action, subject };
}

/** The host's own permissions, such as `reports:read`, each with the roles that hold it. */
export type HostPermissions = Readonly<Record<string, readonly string[]>>;

/** The names for the rules of a role: the subjects of an organization, and the host's own permissions. */
export function subjectsWith(hostPermissions: HostPermissions): Subjects {
  const subjects: Record<string, readonly string[]> = { ...ORGANIZATION_SUBJECTS };
  for (const { subject, action } of Object.keys(hostPermissions).map(ruleOf)) {
    const known = Object.hasOwn(subjects, subject) ? subjects[subject]! : [];
    subjects[subject] = [...new Set([...known, action])];
  }
  return subjects;
}

/** Whether a text can name a permission: subject, colon, action, as in Latchkey's own permissions. */
export function isPermissionName(text: string): boolean {
  return /^[a-z][a-z0-9-]*:[a-z][a-z0-9-]*$/.test(text);
}

export function isOwnPermission(text: string): text is Permission {
  const { action, subject } = ruleOf(text);
  return text === `${subject}:${action}` && isOwn(action, subject);
}

/** Whether a permission is one of Latchkey's own. */
export function isOwn(action: string, subject: string): boolean {
  const actions = Object.hasOwn(PERMISSION_CATALOGUE, subject) ? PERMISSION_CATALOGUE[subject as keyof Catalogue] : [];
  return (actions as readonly string[]).includes(action);
}
