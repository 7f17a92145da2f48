import { BadRequestError } from '../common/errors/latchkey.error';
import type { RoleHolders } from './project-role.store';

/** Another role of the project has this slug. 400. */
export class ProjectRoleSlugTakenError extends BadRequestError {
  constructor() {
    super('project_role_slug_taken', 'A role of the project has this slug already. Choose another one.');
  }
}

/** The project has as many roles as it can have. 400. */
export class TooManyProjectRolesError extends BadRequestError {
  constructor(most: number) {
    super('too_many_project_roles', `A project has at most ${most} roles of its own. Delete one first.`);
  }
}

/** Members have the role. The message names some of them. 400. */
export class ProjectRoleInUseError extends BadRequestError {
  constructor({ first, count }: RoleHolders) {
    const named = first.map(({ id, name }) => `${name} (${id})`).join(', ');
    const rest = count > first.length ? `, and ${count - first.length} more` : '';
    super('project_role_in_use', `Members have this role: ${named}${rest}. Give them another role first.`, {
      details: { identities: first, totalCount: count },
    });
  }
}
