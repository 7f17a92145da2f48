import { BadRequestError, NotFoundError } from '../common/errors/latchkey.error';

/** The identity is not a member of the project. 404. */
export class ProjectMembershipNotFoundError extends NotFoundError {
  /** @param id that of the identity or of the membership, as the caller wrote it. */
  constructor(id: string) {
    super('project_membership_not_found', `Failed to find project membership of ${id}`);
  }
}

/** The identity is a member of the project already. 400. */
export class AlreadyInProjectError extends BadRequestError {
  constructor() {
    super('already_in_project', 'The identity is a member of this project already. Update its membership instead.');
  }
}

/** The caller would remove itself. 400. */
export class OwnMembershipError extends BadRequestError {
  constructor() {
    super('own_membership', 'You cannot remove yourself from a project. Another administrator can.');
  }
}
