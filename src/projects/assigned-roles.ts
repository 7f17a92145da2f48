import { BadRequestError, NotFoundError } from '../common/errors/latchkey.error';
import type { SqlRunner } from '../database/sql-runner';
import { isProjectRole } from '../permissions/projects/project-roles';
import type { NewMembershipRole } from './project-membership.store';
import type { ProjectRoleStore } from './project-role.store';
import { type TimeInput, timeOf } from './temporary-access';

/** The project has no role with this slug. 404. */
export class ProjectRoleNotFoundError extends NotFoundError {
  /** @param name the id or slug, as the caller wrote it. */
  constructor(name: string) {
    super('project_role_not_found', `Failed to find role ${name} in this project`);
  }
}

/** Every role of a membership is temporary. 400. */
export class NoPermanentRoleError extends BadRequestError {
  constructor() {
    super(
      'no_permanent_role',
      'A membership needs at least one permanent role. For one that ends, add no-access beside the temporary roles.',
    );
  }
}

/** A role as a client assigns it, and for what time. */
export interface AssignedRole extends TimeInput {
  readonly role: string;
}

/**
 * The roles that a client assigns, as they are stored.
 *
 * @throws ProjectRoleNotFoundError, TemporaryAccessError, NoPermanentRoleError
 */
export async function assignedRoles(
  store: ProjectRoleStore,
  { run, projectId }: { readonly run: SqlRunner; readonly projectId: string },
  roles: readonly AssignedRole[],
): Promise<NewMembershipRole[]> {
  const timed = roles.map((one) => ({ slug: one.role, time: timeOf(one) }));
  if (timed.every(({ time }) => time !== null)) throw new NoPermanentRoleError();
  const own = timed.map(({ slug }) => slug).filter((slug) => !isProjectRole(slug));
  const found = await store.bySlugs(run, projectId, own);
  return timed.map(({ slug, time }) => {
    if (isProjectRole(slug)) return { role: slug, time };
    const role = found.get(slug);
    if (role === undefined) throw new ProjectRoleNotFoundError(slug);
    return { role: 'custom', projectRoleId: role.id, time };
  });
}
