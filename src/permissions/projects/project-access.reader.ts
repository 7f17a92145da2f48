import { Injectable } from '@nestjs/common';
import type { VerifiedAccessToken } from '../../access-tokens/verification/verified-access-token';
import { ChangeFeedService } from '../../change-feed/change-feed.service';
import { readOfPrimary } from '../../change-feed/primary-reads';
import { DatabaseUnavailableError } from '../../common/errors/common.errors';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import { isObject } from '../../common/option-rules';
import { VerificationPools } from '../../database/connections/verification-pools';
import type { SqlRunner } from '../../database/sql-runner';
import { storedRules } from '../rules/stored-rules';
import { type Grant, ProjectAccess } from './project-access';
import { builtInProjectRules, isProjectRole } from './project-roles';

/** An identity, and the organization that it belongs to. */
export interface Member {
  readonly identityId: string;
  readonly organizationId: string;
}

/** Some of a list that is in the order of its ids. */
interface Page {
  /** The id before the first one. */
  readonly after: string;
  readonly most: number;
}

/** Reads what identities may do in projects: one query, for one project or for some. */
@Injectable()
export class ProjectAccessReader {
  constructor(
    readonly database: VerificationPools,
    readonly changeFeed: ChangeFeedService,
  ) {}

  /**
   * The rights in one project; null if the organization has no such project, or no such identity.
   *
   * @throws DatabaseUnavailableError, also for what cannot be read.
   */
  async find(member: Member, projectId: string): Promise<ProjectAccess | null> {
    const { identityId, organizationId } = member;
    const party = { group: organizationId, member: identityId, isCrowd: false };
    const row = await readOfPrimary(this, async () => {
      const [found] = await this.database.query<AccessRow>(ONE, [projectId, organizationId, identityId], party);
      if (!found || found.life === null) throw new DatabaseUnavailableError(new Error('a standby'));
      return found;
    });
    return row.project_id === null ? null : readable(() => accessOf(row));
  }

  /** The project of an organization that has a slug. @throws DatabaseUnavailableError */
  async idOf({ identityId, organization }: VerifiedAccessToken, slug: string): Promise<string | undefined> {
    const party = { group: organization.id, member: identityId, isCrowd: false };
    const [row] = await this.database.query<{ id: string }>(BY_SLUG, [organization.id, slug], party);
    return row?.id;
  }

  /** The same in a transaction, which may have changed them. @throws UnreadableValueError */
  async within(
    run: SqlRunner,
    { identityId, organizationId }: Member,
    projectId: string,
  ): Promise<ProjectAccess | null> {
    const [row] = await run<AccessRow>(ONE, [projectId, organizationId, identityId]);
    return !row || row.project_id === null ? null : accessOf(row);
  }

  /** The ids of some of the projects in which an identity has rights, in their order, after one of them. */
  async projectsOf(run: SqlRunner, identityId: string, { after, most }: Page): Promise<string[]> {
    const rows = await run<{ id: string }>(PROJECTS_OF, [identityId, after, most]);
    return rows.map(({ id }) => id);
  }

  /** The rights of an identity in some projects. */
  async some(run: SqlRunner, member: Member, projectIds: readonly string[]): Promise<Map<string, ProjectAccess>> {
    const { identityId, organizationId } = member;
    const rows = await run<AccessRow>(SOME, [projectIds, organizationId, identityId]);
    return new Map(rows.map((row) => [row.project_id!, accessOf(row)]));
  }
}

interface AccessRow {
  readonly life: string | null;
  readonly project_id: string | null;
  readonly slug: string;
  readonly name: string;
  readonly identity_name: string;
  readonly identity_id: string;
  readonly labels: string;
  readonly is_member: boolean;
  readonly grants: string;
}

const COLUMNS = `a.project_id, a.slug, a.name, a.identity_name, $3::uuid AS identity_id, a.labels, a.is_member, a.grants`;

const ONE = `
  SELECT latchkey.life() AS life, ${COLUMNS}
    FROM (SELECT) AS one
    LEFT JOIN latchkey.project_access(ARRAY[$1::uuid], $2::uuid, $3::uuid) AS a ON true`;

const BY_SLUG = 'SELECT id FROM latchkey.projects WHERE organization_id = $1 AND slug = $2';

const PROJECTS_OF = 'SELECT id FROM latchkey.projects_of($1::uuid, $2::uuid, $3::bigint) AS id';

const SOME = `
  SELECT ''::text AS life, ${COLUMNS}
    FROM latchkey.project_access($1::uuid[], $2::uuid, $3::uuid) AS a ORDER BY a.project_id`;

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof UnreadableValueError ? new DatabaseUnavailableError(error) : error;
  }
}

function accessOf(row: AccessRow): ProjectAccess {
  const grants = listOf(row.grants);
  const labels = parsed(row.labels);
  if (!isObject(labels)) throw unreadable();
  return new ProjectAccess({
    projectId: row.project_id!,
    slug: row.slug,
    name: row.name,
    isMember: row.is_member,
    owner: { id: row.identity_id, name: row.identity_name, labels: labels as Record<string, string> },
    grants: grants.map(grantOf),
    restsOn: [...new Set(grants.flatMap(({ roleId, groupId }) => [roleId, groupId]).filter(isText))],
    characters: row.grants.length + row.labels.length,
  });
}

interface GrantRow {
  readonly type: unknown;
  readonly id: unknown;
  readonly role?: unknown;
  readonly roleId?: unknown;
  readonly slug: unknown;
  readonly groupId?: unknown;
  readonly groupSlug?: unknown;
  readonly rules: unknown;
  readonly startsMs: unknown;
  readonly endsMs: unknown;
}

function listOf(text: string): GrantRow[] {
  const rows = parsed(text);
  if (!Array.isArray(rows) || !rows.every(isObject)) throw unreadable();
  return rows as unknown as GrantRow[];
}

/** A grant that cannot be read is not skipped, because it may prohibit something. */
function grantOf({ type, id, role, slug, groupId, groupSlug, rules, startsMs, endsMs }: GrantRow): Grant {
  if ((type !== 'role' && type !== 'privilege') || !isText(id) || !isText(slug)) throw unreadable();
  return {
    source: { type, id, slug, via: viaOf(groupId, groupSlug) },
    startsMs: momentOf(startsMs, -Infinity),
    endsMs: momentOf(endsMs, Infinity),
    rules: type === 'role' && role !== 'custom' ? builtInRules(role) : storedRules(rules),
  };
}

function viaOf(id: unknown, slug: unknown): Grant['source']['via'] {
  return isText(id) && isText(slug) ? { id, slug } : null;
}

function builtInRules(role: unknown) {
  if (typeof role !== 'string' || !isProjectRole(role)) throw unreadable();
  return builtInProjectRules(role);
}

function momentOf(value: unknown, absent: number): number {
  if (value === null || value === undefined) return absent;
  if (typeof value !== 'number' || Number.isNaN(value)) throw unreadable();
  return value;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreadable(): Error {
  return new UnreadableValueError('the rights of an identity in a project');
}
