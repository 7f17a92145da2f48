import { ForbiddenError, NotFoundError } from '../../common/errors/latchkey.error';

/** The caller's organization has no project with this id. 404. */
export class ProjectNotFoundError extends NotFoundError {
  constructor(projectId: string) {
    super('project_not_found', `Project with ID '${projectId}' not found`);
  }
}

/** The caller's organization has no project with this slug. 404. */
export class ProjectSlugNotFoundError extends NotFoundError {
  constructor(slug: string) {
    super('project_not_found', `Project with slug '${slug}' not found`);
  }
}

/** The project is one of the caller's organization, and the caller is not in it. 403. */
export class NotInProjectError extends ForbiddenError {
  constructor() {
    super('not_in_project', 'You are not a member of this project');
  }
}
