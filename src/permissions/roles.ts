import { type HostPermissions, type Permission, permissionsOn } from './permission-catalogue';

export const ROLES = ['admin', 'member', 'no-access'] as const;

/** The slug of a role in an organization. */
export type Role = (typeof ROLES)[number];

/** The permissions of each role. Members manage machine identities, but grant no rights. */
const PERMISSIONS: Record<Role, readonly Permission[]> = {
  admin: permissionsOn('identity'),
  member: permissionsOn('identity').filter((permission) => permission !== 'identity:grant-privileges'),
  'no-access': [],
};

/** The permissions that only instance administrators have, whatever their role: tenants are above organizations. */
const INSTANCE_ADMIN_PERMISSIONS: readonly Permission[] = permissionsOn('organization');

export function isRole(slug: string): slug is Role {
  return (ROLES as readonly string[]).includes(slug);
}

/** The permissions of a role. An unknown role has none. */
export function permissionsOf(
  { role, isInstanceAdmin }: { role: string; isInstanceAdmin: boolean },
  hostPermissions: HostPermissions,
): readonly string[] {
  const own = isRole(role) ? PERMISSIONS[role] : [];
  const hosts = Object.keys(hostPermissions).filter((permission) => hostPermissions[permission]?.includes(role));
  return [...own, ...(isInstanceAdmin ? INSTANCE_ADMIN_PERMISSIONS : []), ...hosts];
}
