import { BadRequestError, NotFoundError } from '../common/errors/latchkey.error';

/** No role of the caller's organization has this id or slug. 404. */
export class RoleNotFoundError extends NotFoundError {
  /** @param name the id or slug, as the caller wrote it. */
  constructor(name: string) {
    super('role_not_found', `Failed to find role ${name}`);
  }
}

/** Another role of the organization has this slug. 400. */
export class RoleSlugTakenError extends BadRequestError {
  constructor() {
    super('role_slug_taken', 'A role of your organization has this slug already. Choose another one.');
  }
}

/** A built-in role is neither changed nor deleted. 400. */
export class BuiltInRoleError extends BadRequestError {
  constructor() {
    super('role_built_in', 'This role is built in. Create a role of your own instead.');
  }
}

/** The organization has as many roles as it can have. 400. */
export class TooManyRolesError extends BadRequestError {
  constructor(most: number) {
    super('too_many_roles', `An organization has at most ${most} roles of its own. Delete one first.`);
  }
}

/** An identity that has the role. */
export interface RoleHolder {
  readonly id: string;
  readonly name: string;
}

/** Identities have the role. The message names some of them. 400. */
export class RoleInUseError extends BadRequestError {
  /** @param count of all holders, of which the named ones are the first. */
  constructor(holders: readonly RoleHolder[], count: number) {
    const named = holders.map(({ id, name }) => `${name} (${id})`).join(', ');
    const rest = count > holders.length ? `, and ${count - holders.length} more` : '';
    super('role_in_use', `Identities have this role: ${named}${rest}. Give them another role first.`, {
      details: { identities: holders, totalCount: count },
    });
  }
}
