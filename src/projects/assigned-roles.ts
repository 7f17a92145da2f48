import { BadRequestError, NotFoundError } from '../common/errors/latchkey.error';
import type { SqlRunner } from '../database/sql-runner';
import { isProjectRole } from '../permissions/projects/project-roles';
import { conditionsIn } from '../permissions/rules/rule';
import { storedRules } from '../permissions/rules/stored-rules';
import type { NewMembershipRole } from './project-membership.store';
import type { ProjectRole, ProjectRoleStore } from './project-role.store';
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

/** The most conditions that all roles of one member have together. A role that it has twice counts twice. */
export const MOST_CONDITIONS_OF_MEMBER = 2_000;

/** The roles of one member have too many conditions. 400. */
export class TooManyConditionsError extends BadRequestError {
  constructor() {
    super(
      'too_many_conditions',
      `All roles of one member may have at most ${MOST_CONDITIONS_OF_MEMBER} conditions together. A role that it has twice counts twice.`,
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
 * @throws ProjectRoleNotFoundError, TemporaryAccessError, NoPermanentRoleError, TooManyConditionsError
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
  requireFewConditions(own.flatMap((slug) => found.get(slug) ?? []));
  return timed.map(({ slug, time }) => {
    if (isProjectRole(slug)) return { role: slug, time };
    const role = found.get(slug);
    if (role === undefined) throw new ProjectRoleNotFoundError(slug);
    return { role: 'custom', projectRoleId: role.id, time };
  });
}

/** @throws TooManyConditionsError */
function requireFewConditions(roles: readonly ProjectRole[]): void {
  const counts = new Map(roles.map((role) => [role, conditionsIn(storedRules(role.permissions))]));
  const count = roles.reduce((sum, role) => sum + counts.get(role)!, 0);
  if (count > MOST_CONDITIONS_OF_MEMBER) throw new TooManyConditionsError();
}
