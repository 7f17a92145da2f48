import { Injectable } from '@nestjs/common';
import { BadRequestError } from '../../common/errors/latchkey.error';
import type { SqlRunner } from '../../database/sql-runner';

/** The change would leave a project without an administrator. 400. */
export class LastProjectAdministratorError extends BadRequestError {
  constructor(projects: readonly { readonly id: string; readonly name: string }[] = []) {
    const named = projects.map(({ id, name }) => `${name} (${id})`).join(', ');
    const which = named === '' ? '' : ` It is the only one of: ${named}.`;
    super(
      'last_project_administrator',
      `A project keeps at least one identity that holds the role admin itself and for good.${which} Give another identity the role first, or delete the project.`,
    );
  }
}

const NAMED = 10;

/** Keeps an administrator in every project, whatever happens to identities. */
@Injectable()
export class ProjectAdministratorsService {
  /**
   * To be called before an identity is deleted. Its projects stay locked until the transaction ends, so that no other
   * administrator of them leaves meanwhile.
   *
   * @throws LastProjectAdministratorError
   */
  async requireOthers(run: SqlRunner, identityId: string, organizationId: string | null): Promise<void> {
    const led = await run<{ id: string }>(LED, [identityId, organizationId]);
    if (led.length === 0) return;
    const ids = led.map(({ id }) => id);
    const alone = await run<{ id: string; name: string }>(ALONE, [ids, identityId, NAMED]);
    if (alone.length > 0) throw new LastProjectAdministratorError(alone);
  }
}

const ADMINISTRATES = `
  JOIN latchkey.project_membership_roles r ON r.membership_id = m.id AND r.role = 'admin' AND r.ends_at IS NULL`;

const LED = `
  SELECT p.id FROM latchkey.projects p
   WHERE ($2::uuid IS NULL OR p.organization_id = $2) AND p.id IN (SELECT m.project_id FROM latchkey.project_memberships m ${ADMINISTRATES} WHERE m.identity_id = $1)
   ORDER BY p.id FOR NO KEY UPDATE OF p`;

const ALONE = `
  SELECT p.id, p.name FROM latchkey.projects p
   WHERE p.id = ANY ($1::uuid[]) AND NOT EXISTS (
     SELECT FROM latchkey.project_memberships m ${ADMINISTRATES}
      WHERE m.project_id = p.id AND m.identity_id <> $2)
   ORDER BY p.name, p.id LIMIT $3`;
