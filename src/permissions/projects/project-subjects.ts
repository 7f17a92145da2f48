import type { ConditionFields, Subjects } from '../rules/subjects';

const CRUD = ['read', 'create', 'edit', 'delete'] as const;

const OF_IDENTITIES = [
  ...CRUD,
  'grant-privileges',
  'assume-privileges',
  'revoke-auth',
  'create-token',
  'get-token',
  'delete-token',
  'assign-role',
  'assign-additional-privileges',
  'edit-auth',
] as const;
const OF_MEMBERS = [
  ...CRUD,
  'grant-privileges',
  'assume-privileges',
  'assign-role',
  'assign-additional-privileges',
] as const;
const OF_SYNCS = [...CRUD, 'sync-secrets', 'import-secrets', 'remove-secrets'] as const;

/** The subjects of a project, and the actions of each. Rules of project roles and of privileges name no others. */
export const PROJECT_SUBJECTS = {
  workspace: ['edit', 'delete'],
  identity: OF_IDENTITIES,
  member: OF_MEMBERS,
  groups: [...CRUD, 'grant-privileges', 'assign-role'],
  role: CRUD,
  settings: CRUD,
  environments: CRUD,
  tags: CRUD,
  integrations: CRUD,
  webhooks: CRUD,
  'service-tokens': CRUD,
  'ip-allowlist': CRUD,
  'audit-logs': ['read'],
  secrets: ['read', 'describeSecret', 'readValue', 'create', 'edit', 'delete'],
  'secret-folders': CRUD,
  'secret-imports': CRUD,
  'dynamic-secrets': [
    'read-root-credential',
    'create-root-credential',
    'edit-root-credential',
    'delete-root-credential',
    'lease',
  ],
  'secret-rollback': ['read', 'create'],
  'secret-approval': CRUD,
  'secret-rotation': ['read', 'read-generated-credentials', 'create', 'edit', 'delete', 'rotate-secrets'],
  'secret-syncs': OF_SYNCS,
  commits: ['read', 'perform-rollback'],
  kms: ['edit'],
  cmek: ['read', 'create', 'edit', 'delete', 'encrypt', 'decrypt', 'sign', 'verify', 'export'],
  'certificate-authorities': CRUD,
  certificates: CRUD,
  'certificate-templates': CRUD,
  'pki-alerts': CRUD,
  'pki-collections': CRUD,
  'ssh-certificate-authorities': CRUD,
  'ssh-certificates': CRUD,
  'ssh-certificate-templates': CRUD,
  'ssh-host-groups': CRUD,
  'pam-folders': CRUD,
  'pam-resources': CRUD,
} as const satisfies Subjects;

const IN_FOLDERS = ['environment', 'secretPath'];

/** The fields that conditions of a project's rules may compare. */
export const PROJECT_CONDITION_FIELDS: ConditionFields = {
  identity: ['identityId'],
  secrets: [...IN_FOLDERS, 'secretName', 'secretTags'],
  'secret-folders': IN_FOLDERS,
  'secret-imports': IN_FOLDERS,
  'dynamic-secrets': IN_FOLDERS,
  'secret-rotation': IN_FOLDERS,
  'secret-syncs': IN_FOLDERS,
};
