import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { type DataSource, type EntityManager, In } from 'typeorm';
import { AuthLockout } from '../database/entities/auth-lockout.entity';
import { AUTH_METHODS } from '../database/entities/auth-method-names';
import { IdentityAuthMethod } from '../database/entities/identity-auth-method.entity';
import type { ListPart } from '../common/http/long-answer';
import { MAX_COUNTED, type PageDto, type PageQueryDto, totalOf } from '../common/http/page';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { ListReads } from '../database/list-reads';
import { countedBy, countUpTo, readPage } from '../database/read-page';
import type { IdentityListDto, SearchIdentitiesDto } from './dto/identity-list.dtos';
import { MembershipDto } from './dto/identity.dtos';
import { matching, membersOf, ordered, searchCursorOf } from './identity-search';
import { OrganizationMembership } from '../database/entities/organization-membership.entity';

const DEFAULT_SEARCH_SIZE = 50;

/** The found identities, in a page that may be part of a longer one. */
export interface FoundIdentities extends ListPart<MembershipDto> {
  readonly total: Pick<PageDto, 'totalCount' | 'isTotalCountCapped'>;
}

/** Finds identities, always within one organization. */
@Injectable()
export class IdentityDirectoryService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly reads: ListReads,
  ) {}

  /** One page, newest first (decision 17). */
  list(organizationId: string, query: PageQueryDto): Promise<IdentityListDto> {
    return this.reads.read(organizationId, async (tx) => {
      // Counted without their identities: every member has one.
      const counted = tx.createQueryBuilder(OrganizationMembership, 'm').where({ organizationId });
      const { page, ...rest } = await readPage(tx, membersOf(tx, organizationId), query, { counted });
      return { identities: await this.described(tx, page), ...rest };
    });
  }

  /**
   * The matching identities in the requested order, and their total.
   *
   * @param mostCounted the highest number to count to: at least one beyond the page, so that a caller that walks by `offset`
   * continues.
   */
  search(
    organizationId: string,
    query: SearchIdentitiesDto,
    mostCounted = mostCountedOf(query),
  ): Promise<FoundIdentities> {
    return this.reads.read(organizationId, async (tx) => {
      const { offset = 0, limit = DEFAULT_SEARCH_SIZE, cursor } = query;
      const found = await this.page(tx, organizationId, query, limit);
      const isWhole = cursor === undefined && found.nextCursor === null;
      const matches = () => matching(membersOf(tx, organizationId), query.search);
      const counted =
        countedBy(isWhole, offset, found.items.length) ?? (await countUpTo(tx, mostCounted + 1, matches()));
      return { ...found, total: totalOf(counted, mostCounted) };
    });
  }

  /** The same without a count, starting at a cursor. */
  searchOn(organizationId: string, query: SearchIdentitiesDto & { limit: number }): Promise<ListPart<MembershipDto>> {
    return this.reads.read(organizationId, (tx) => this.page(tx, organizationId, query, query.limit));
  }

  /** The slugs of the methods attached to each identity, in the order of the contract. */
  async authMethodsOf(
    identityIds: readonly string[],
    manager: EntityManager = this.dataSource.manager,
  ): Promise<Map<string, string[]>> {
    const rows = await manager.find(IdentityAuthMethod, {
      select: { identityId: true, method: true },
      where: { identityId: In([...identityIds]) },
    });
    const methods = new Map<string, string[]>(identityIds.map((id) => [id, []]));
    for (const row of rows.sort((a, b) => placeOf(a.method) - placeOf(b.method)))
      methods.get(row.identityId)?.push(row.method);
    return methods;
  }

  /** The slugs of the methods that are locked now. A lock does not count once lockouts are switched off. */
  async lockedMethodsOf(identityId: string, now: Date): Promise<string[]> {
    const rows = await this.dataSource
      .createQueryBuilder(IdentityAuthMethod, 'a')
      .innerJoin(AuthLockout, 'l', 'l.authMethodId = a.id AND l.isLocked AND l.expiresAt > :now', { now })
      .where('a.identityId = :identityId', { identityId })
      .andWhere("coalesce((a.config ->> 'lockoutEnabled')::boolean, true)")
      .getMany();
    return rows.map(({ method }) => method);
  }

  private async page(
    tx: EntityManager,
    organizationId: string,
    query: SearchIdentitiesDto,
    limit: number,
  ): Promise<ListPart<MembershipDto>> {
    const rows = await ordered(matching(membersOf(tx, organizationId), query.search), query)
      .offset(query.offset ?? 0)
      .limit(limit + 1)
      .getMany();
    const page = rows.slice(0, limit);
    const nextCursor = rows.length > limit ? searchCursorOf(page.at(-1)!, query.orderBy) : null;
    return { items: await this.described(tx, page), nextCursor };
  }

  private async described(tx: EntityManager, memberships: OrganizationMembership[]): Promise<MembershipDto[]> {
    const methods = await this.authMethodsOf(
      memberships.map(({ identityId }) => identityId),
      tx,
    );
    return memberships.map((membership) =>
      MembershipDto.of(membership, membership.identity!, methods.get(membership.identityId) ?? []),
    );
  }
}

/** How far a search counts: see `search`. */
export function mostCountedOf({ offset = 0, limit = DEFAULT_SEARCH_SIZE }: SearchIdentitiesDto): number {
  return Math.max(MAX_COUNTED, offset + limit + 1);
}

/** Methods of a host come last. */
function placeOf(method: string): number {
  const place = (AUTH_METHODS as readonly string[]).indexOf(method);
  return place === -1 ? AUTH_METHODS.length : place;
}
