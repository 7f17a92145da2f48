import type { Rule } from '../rules/rule';
import type { Subjects } from '../rules/subjects';
import { PROJECT_SUBJECTS as ALL } from './project-subjects';

export const PROJECT_ROLES = ['admin', 'member', 'viewer', 'no-access'] as const;

/** The slug of a role that every project has. */
export type ProjectRoleSlug = (typeof PROJECT_ROLES)[number];

const CRUD = ['read', 'create', 'edit', 'delete'] as const;
const READ = ['read'] as const;

const OF_MEMBER: Subjects = {
  secrets: ['describeSecret', 'readValue', 'create', 'edit', 'delete'],
  'secret-folders': CRUD,
  'secret-imports': CRUD,
  'dynamic-secrets': ALL['dynamic-secrets'],
  'secret-rollback': ALL['secret-rollback'],
  'secret-syncs': ALL['secret-syncs'],
  commits: ALL.commits,
  integrations: CRUD,
  webhooks: CRUD,
  'service-tokens': CRUD,
  settings: CRUD,
  environments: CRUD,
  tags: CRUD,
  member: ['read', 'create'],
  groups: READ,
  identity: CRUD,
  role: READ,
  'audit-logs': READ,
  'ip-allowlist': READ,
  cmek: ALL.cmek,
};

const OF_VIEWER: Subjects = {
  secrets: ['describeSecret', 'readValue'],
  'secret-folders': READ,
  'secret-imports': READ,
  'secret-rollback': READ,
  commits: READ,
  integrations: READ,
  webhooks: READ,
  'service-tokens': READ,
  settings: READ,
  environments: READ,
  tags: READ,
  member: READ,
  groups: READ,
  identity: READ,
  role: READ,
  'audit-logs': READ,
  'ip-allowlist': READ,
  cmek: READ,
};

const RULES: Record<ProjectRoleSlug, readonly Rule[]> = {
  admin: rulesOf(ALL),
  member: rulesOf(OF_MEMBER),
  viewer: rulesOf(OF_VIEWER),
  'no-access': [],
};

export function isProjectRole(slug: string): slug is ProjectRoleSlug {
  return (PROJECT_ROLES as readonly string[]).includes(slug);
}

export function builtInProjectRules(role: ProjectRoleSlug): readonly Rule[] {
  return RULES[role];
}

function rulesOf(subjects: Subjects): Rule[] {
  return Object.entries(subjects).map(([subject, action]) => ({ subject, action }));
}
