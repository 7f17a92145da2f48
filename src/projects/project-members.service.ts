import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { Clock } from '../common/clock/clock';
import type { ListPart } from '../common/http/long-answer';
import { decodeCursor, encodeCursor, MAX_COUNTED, type PageDto, totalOf } from '../common/http/page';
import { isId } from '../common/ids';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { ListReads } from '../database/list-reads';
import { countedBy } from '../database/read-page';
import { sqlIn, type SqlRunner } from '../database/sql-runner';
import { ManagedIdentitiesService } from '../identities/managed-identities.service';
import { ProjectAccessService, type ProjectCaller } from '../permissions/projects/project-access.service';
import { ProjectMembershipDto } from './dto/membership.dtos';
import { ProjectMembershipNotFoundError } from './memberships.errors';
import { byName, type NameOrder } from './membership-order';
import { type Condition, ProjectMembershipReads } from './project-membership.reads';
import { visibleIdentities } from './visible-identities';

/** The members that a caller asks for. */
export interface MemberFilter {
  /** A part of the name. */
  readonly name?: string;
  /** The slugs of roles, of which a member has one. */
  readonly roles?: readonly string[];
}

interface PageQuery {
  readonly limit: number;
  readonly offset?: number;
  readonly cursor?: string;
}

export type MemberPage = ListPart<ProjectMembershipDto> & {
  readonly total: Pick<PageDto, 'totalCount' | 'isTotalCountCapped'>;
};

/** Reads the members of projects, as far as the caller may see them. */
@Injectable()
export class ProjectMembersService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly members: ProjectMembershipReads,
    private readonly reads: ListReads,
    private readonly access: ProjectAccessService,
    private readonly managed: ManagedIdentitiesService,
    private readonly clock: Clock,
  ) {}

  /** One page, newest first. */
  list(at: ProjectCaller, query: PageQuery, filter: MemberFilter): Promise<MemberPage> {
    const { cursor } = query;
    const place = cursor === undefined ? undefined : decodeCursor(cursor);
    const behind = place && {
      sql: '(m.created_at, m.id) < ($1::timestamptz, $2::uuid)',
      values: [place.createdAt, place.id],
    };
    const order = 'm.created_at DESC, m.id DESC';
    return this.page(at, query, filter, { order, behind, cursorOf: encodeCursor });
  }

  /** One page in the order of names. */
  listByName(at: ProjectCaller, query: PageQuery & NameOrder, filter: MemberFilter): Promise<MemberPage> {
    return this.page(at, query, filter, byName(query));
  }

  /** @throws ProjectMembershipNotFoundError */
  async get({ projectId }: ProjectCaller, identityId: string): Promise<ProjectMembershipDto> {
    const sql = 'm.project_id = $1 AND m.identity_id = $2';
    const row = isId(identityId) ? await this.one({ sql, values: [projectId, identityId] }) : undefined;
    if (row === undefined) throw new ProjectMembershipNotFoundError(identityId);
    return row;
  }

  /** A membership by its own id, in any project. @throws ProjectMembershipNotFoundError, NotInProjectError, PermissionDeniedError */
  async getById(caller: VerifiedAccessToken, id: string): Promise<ProjectMembershipDto> {
    const sql = 'm.id = $1 AND p.organization_id = $2 AND m.identity_id IS NOT NULL';
    const found = isId(id) ? await this.one({ sql, values: [id, caller.organization.id] }) : undefined;
    if (found === undefined) throw new ProjectMembershipNotFoundError(id);
    const at = await this.access.enter(caller, found.projectId);
    this.access.require(at, 'identity:read', { identityId: found.identityId });
    return found;
  }

  /** The projects of an identity, in the order of their ids. @throws IdentityNotFoundError */
  async projectsOf(caller: VerifiedAccessToken, identityId: string, after: string, limit: number) {
    const { identity } = await this.managed.get(this.dataSource.manager, caller, identityId);
    const conditions = [{ sql: 'm.identity_id = $1 AND m.project_id > $2', values: [identity.id, after] }];
    const rows = await this.reads.read(caller.organization.id, (tx) =>
      this.members.find(sqlIn(tx), { conditions, order: 'm.project_id', limit: limit + 1, offset: 0 }),
    );
    const page = rows.slice(0, limit);
    return {
      items: page.map(ProjectMembershipDto.of),
      nextCursor: rows.length > limit ? page.at(-1)!.projectId : null,
    };
  }

  private page(at: ProjectCaller, query: PageQuery, filter: MemberFilter, walk: Walk): Promise<MemberPage> {
    const { limit, offset = 0, cursor } = query;
    const matching = [this.visible(at), ...conditionsOf(filter)];
    return this.reads.read(at.caller.organization.id, async (tx) => {
      const run = sqlIn(tx);
      const conditions = [...matching, ...(walk.behind ? [walk.behind] : [])];
      const rows = await this.members.find(run, { conditions, order: walk.order, limit: limit + 1, offset });
      const isWhole = cursor === undefined && rows.length <= limit;
      const counted = countedBy(isWhole, offset, rows.length) ?? (await this.count(run, matching));
      const items = rows.slice(0, limit).map(ProjectMembershipDto.of);
      const nextCursor = rows.length > limit ? walk.cursorOf(items.at(-1)!) : null;
      return { items, nextCursor, total: totalOf(counted, MAX_COUNTED) };
    });
  }

  private count(run: SqlRunner, conditions: readonly Condition[]): Promise<number> {
    return this.members.count(run, conditions, MAX_COUNTED + 1);
  }

  private visible(at: ProjectCaller): Condition {
    const { sql, values } = visibleIdentities(at.access.about(this.clock.epochMs(), 'read', 'identity'));
    const place = values.length + 1;
    return {
      sql: `(${sql}) AND m.project_id = $${place} AND m.identity_id IS NOT NULL`,
      values: [...values, at.projectId],
    };
  }

  private async one(condition: Condition): Promise<ProjectMembershipDto | undefined> {
    const run = sqlIn(this.dataSource.manager);
    const [row] = await this.members.find(run, { conditions: [condition], order: 'm.id', limit: 1, offset: 0 });
    return row && ProjectMembershipDto.of(row);
  }
}

/** An order of members, and how its cursors are read and written. */
export interface Walk {
  readonly order: string;
  readonly behind: Condition | undefined;
  readonly cursorOf: (last: ProjectMembershipDto) => string;
}

function conditionsOf({ name, roles = [] }: MemberFilter): Condition[] {
  const conditions: Condition[] = [];
  if (name) conditions.push({ sql: 'lower(i.name) LIKE lower($1)', values: [`%${name.replace(/[\\%_]/g, '\\$&')}%`] });
  if (roles.length > 0) conditions.push({ sql: HAS_ROLE, values: [roles] });
  return conditions;
}

const HAS_ROLE = `
  EXISTS (SELECT FROM latchkey.project_membership_roles g LEFT JOIN latchkey.project_roles r ON r.id = g.project_role_id
           WHERE g.membership_id = m.id AND coalesce(r.slug, g.role) = ANY ($1::text[]))`;
