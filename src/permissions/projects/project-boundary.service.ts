import { Injectable } from '@nestjs/common';
import type { VerifiedAccessToken } from '../../access-tokens/verification/verified-access-token';
import { Clock } from '../../common/clock/clock';
import type { SqlRunner } from '../../database/sql-runner';
import { PermissionBoundaryError } from '../permissions.errors';
import { allowedBy, type MissingPermission, type ProofBudget, proofBudget } from '../rules/coverage';
import { missingFromNowOn, type ProjectAccess } from './project-access';
import { ProjectAccessReader } from './project-access.reader';

/** The most projects whose rights are in memory at once. */
const PROJECTS_OF_PAGE = 20;
/** No project has this id. All others come after it. */
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

/** Some of the projects of an identity, of which a caller wants a credential. */
interface ProjectPage {
  readonly caller: VerifiedAccessToken;
  readonly identityId: string;
  readonly ids: readonly string[];
}

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

  /**
   * Asks three queries for each page of projects, and stops at the first page with something missing. All projects share one
   * budget, so the proof ends soon however many there are.
   *
   * @throws PermissionBoundaryError
   */
  async requireCovered(run: SqlRunner, caller: VerifiedAccessToken, identityId: string, what: string): Promise<void> {
    const budget = proofBudget();
    for (let after: string | undefined = BEFORE_ALL; after !== undefined;) {
      const ids = await this.reader.projectsOf(run, identityId, { after, most: PROJECTS_OF_PAGE });
      const missing = await this.missingInPage(run, { caller, identityId, ids }, budget);
      if (missing.length > 0) throw new PermissionBoundaryError(what, missing);
      after = ids.length < PROJECTS_OF_PAGE ? undefined : ids.at(-1);
    }
  }

  private async missingInPage(
    run: SqlRunner,
    { caller, identityId, ids }: ProjectPage,
    budget: ProofBudget,
  ): Promise<readonly MissingPermission[]> {
    const organizationId = caller.organization.id;
    const target = await this.reader.some(run, { identityId, organizationId }, ids);
    if (![...target.values()].some(allowsSomething)) return [];
    const own = await this.reader.some(run, { identityId: caller.identityId, organizationId }, [...target.keys()]);
    return [...target].flatMap(([id, access]) => this.missingIn(caller, own.get(id), access, budget));
  }

  private missingIn(
    { permissions }: VerifiedAccessToken,
    access: ProjectAccess | undefined,
    target: ProjectAccess,
    budget: ProofBudget,
  ): readonly MissingPermission[] {
    const { grants } = target.facts;
    if (access !== undefined) return missingFromNowOn({ access, permissions }, grants, this.clock.epochMs(), budget);
    // The project was made a moment ago.
    return allowedBy(grants.flatMap(({ rules }) => rules));
  }
}

function allowsSomething({ facts }: ProjectAccess): boolean {
  return facts.grants.some(({ rules }) => rules.some(({ inverted }) => !inverted));
}
