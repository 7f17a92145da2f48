/** Everything a caller can be allowed to do: subject, then action (contract 3.9). */
export const PERMISSION_CATALOGUE = {
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
  organization: ['read', 'create'],
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

export function ruleOf(permission: Permission): PermissionRule {
  const [subject = '', action = ''] = permission.split(':');
  return { action, subject };
}
