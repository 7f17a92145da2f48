const CRUD = ['read', 'create', 'edit', 'delete'] as const;

/** The subjects of an organization, and the actions of each. Rules of organization roles name no others. */
export const ORGANIZATION_SUBJECTS = {
  identity: [
    'read',
    'create',
    'edit',
    'delete',
    'grant-privileges',
    'edit-auth',
    'revoke-auth',
    'create-token',
    'get-token',
    'delete-token',
  ],
  role: CRUD,
  project: ['create'],
  workspace: ['create'],
  member: CRUD,
  groups: [...CRUD, 'grant-privileges', 'add-identities', 'add-members', 'remove-members', 'remove-identities'],
  settings: CRUD,
  'incident-contact': CRUD,
  'audit-logs': ['read', 'edit'],
  billing: ['read', 'manage-billing'],
  sso: CRUD,
  scim: CRUD,
  ldap: CRUD,
  'github-org-sync': CRUD,
  'github-org-sync-manual': CRUD,
  'secret-scanning': CRUD,
  kms: CRUD,
  'project-templates': CRUD,
  'app-connections': [...CRUD, 'connect'],
  'organization-admin-console': ['access-all-projects'],
  'secret-share': ['manage-settings'],
  kmip: ['proxy', 'setup'],
  'machine-identity-auth-template': [
    'list-templates',
    'edit-templates',
    'create-templates',
    'delete-templates',
    'unlink-templates',
    'attach-templates',
  ],
  gateway: ['create-gateways', 'list-gateways', 'edit-gateways', 'delete-gateways', 'attach-gateways'],
  relay: ['create-relays', 'list-relays', 'edit-relays', 'delete-relays'],
  'sub-organization': ['create', 'direct-access', 'link-group'],
} as const satisfies Subjects;

/** Subjects, and the actions of each. */
export type Subjects = Readonly<Record<string, readonly string[]>>;

/** The fields that conditions of a rule may compare, by subject. A subject that is left out takes no conditions. */
export type ConditionFields = Readonly<Record<string, readonly string[]>>;

export const CONDITION_FIELDS: ConditionFields = {
  'app-connections': ['connectionId'],
};

export function actionsOf(subjects: Subjects, subject: string): readonly string[] | undefined {
  return Object.hasOwn(subjects, subject) ? subjects[subject] : undefined;
}

export function conditionFieldsOf(fields: ConditionFields, subject: string): readonly string[] {
  return actionsOf(fields, subject) ?? [];
}
