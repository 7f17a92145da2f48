import { Injectable } from '@nestjs/common';
import type { VerifiedAccessToken } from '../../access-tokens/verification/verified-access-token';
import { Clock } from '../../common/clock/clock';
import type { SqlRunner } from '../../database/sql-runner';
import { PermissionBoundaryError } from '../permissions.errors';
import type { MissingPermission } from '../rules/coverage';
import { missingFromNowOn, type ProjectAccess } from './project-access';
import { ProjectAccessReader } from './project-access.reader';

/**
 * The privilege boundary in projects (decision 43): to issue a credential of an identity, or to change it, a caller must hold all
 * that the identity holds in every project, for as long as it does.
 */
@Injectable()
export class ProjectBoundaryService {
  constructor(
    private readonly reader: ProjectAccessReader,
    private readonly clock: Clock,
  ) {}

  /** Asks two queries, for any number of projects. @throws PermissionBoundaryError */
  async requireCovered(run: SqlRunner, caller: VerifiedAccessToken, identityId: string, what: string): Promise<void> {
    const organizationId = caller.organization.id;
    const target = await this.reader.all(run, { identityId, organizationId });
    if (![...target.values()].some(allowsSomething)) return;
    const own = await this.reader.all(run, { identityId: caller.identityId, organizationId }, [...target.keys()]);
    const missing = [...target].flatMap(([id, access]) => this.missingIn(caller, own.get(id), access));
    if (missing.length > 0) throw new PermissionBoundaryError(what, missing);
  }

  private missingIn(
    { permissions }: VerifiedAccessToken,
    access: ProjectAccess | undefined,
    target: ProjectAccess,
  ): readonly MissingPermission[] {
    const { grants } = target.facts;
    if (access !== undefined) return missingFromNowOn({ access, permissions }, grants, this.clock.epochMs());
    // The project was made a moment ago.
    return grants.flatMap(({ rules }) =>
      rules.flatMap(({ subject, action }) => action.map((one) => ({ action: one, subject }))),
    );
  }
}

function allowsSomething({ facts }: ProjectAccess): boolean {
  return facts.grants.some(({ rules }) => rules.some(({ inverted }) => !inverted));
}
