import { ROLES, type Role } from '../permissions/roles';

/** The built-in roles as lists show them. Their ids are the same in every organization, as clients know them. */
export const BUILT_IN: Record<Role, { readonly id: string; readonly name: string; readonly description: string }> = {
  admin: {
    id: 'b11b49a9-09a9-4443-916a-4246f9ff2c69',
    name: 'Admin',
    description: 'Everything in the organization.',
  },
  member: {
    id: 'b11b49a9-09a9-4443-916a-4246f9ff2c70',
    name: 'Member',
    description: 'Manages machine identities, and grants no rights.',
  },
  'no-access': {
    id: 'b10d49a9-09a9-4443-916a-4246f9ff2c72',
    name: 'No Access',
    description: 'Nothing.',
  },
};

export function builtInWithId(id: string): Role | undefined {
  return ROLES.find((slug) => BUILT_IN[slug].id === id.toLowerCase());
}
