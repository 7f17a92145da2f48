import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Brackets, type DataSource, In, type SelectQueryBuilder, type WhereExpressionBuilder } from 'typeorm';
import { AuthLockout } from '../auth-methods/auth-lockout.entity';
import { AUTH_METHODS } from '../auth-methods/auth-method-names';
import { IdentityAuthMethod } from '../auth-methods/identity-auth-method.entity';
import type { PageQueryDto } from '../common/http/page';
import { LATCHKEY_DATA_SOURCE } from '../database/data-source-name';
import { readPage } from '../database/read-page';
import type {
  IdentityConditionDto,
  IdentityFilterDto,
  SearchIdentitiesDto,
  TextFilter,
} from './dto/identity-list.dtos';
import { type IdentityListDto, type IdentitySearchResultDto } from './dto/identity-list.dtos';
import { MembershipDto } from './dto/identity.dtos';
import { Identity } from './identity.entity';
import { OrganizationMembership } from './organization-membership.entity';

/** Finds identities among many. Always within one organization. */
@Injectable()
export class IdentityDirectory {
  constructor(@InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource) {}

  /** One page, newest first (decisions 17). */
  async list(organizationId: string, query: PageQueryDto): Promise<IdentityListDto> {
    const { page, ...rest } = await readPage(this.members(organizationId), query);
    return { identities: await this.described(page), ...rest };
  }

  /** What matches, in the order asked for; equal names or roles in the order of their ids. */
  async search(organizationId: string, query: SearchIdentitiesDto): Promise<IdentitySearchResultDto> {
    const found = this.members(organizationId);
    if (query.search) applyFilter(found, query.search);
    const direction = query.orderDirection === 'desc' ? 'DESC' : 'ASC';
    const [items, totalCount] = await found
      .orderBy(query.orderBy === 'role' ? 'm.role' : 'i.name', direction)
      .addOrderBy('m.id', direction)
      .offset(query.offset ?? 0)
      .limit(query.limit ?? 50)
      .getManyAndCount();
    return { identities: await this.described(items), totalCount };
  }

  /** The slugs of the methods attached to each identity, in the order of the contract. */
  async authMethodsOf(identityIds: readonly string[]): Promise<Map<string, string[]>> {
    const rows = await this.dataSource.manager.find(IdentityAuthMethod, {
      select: { identityId: true, method: true },
      where: { identityId: In([...identityIds]) },
    });
    const methods = new Map<string, string[]>(identityIds.map((id) => [id, []]));
    for (const row of rows.sort((a, b) => placeOf(a.method) - placeOf(b.method)))
      methods.get(row.identityId)?.push(row.method);
    return methods;
  }

  /** The slugs of the methods that nobody gets in with at present. A lock counts for nothing once lock-outs are switched off. */
  async lockedMethodsOf(identityId: string, now: Date): Promise<string[]> {
    const rows = await this.dataSource
      .createQueryBuilder(IdentityAuthMethod, 'a')
      .innerJoin(AuthLockout, 'l', 'l.authMethodId = a.id AND l.isLocked AND l.expiresAt > :now', { now })
      .where('a.identityId = :identityId', { identityId })
      .andWhere("coalesce((a.config ->> 'lockoutEnabled')::boolean, true)")
      .getMany();
    return rows.map(({ method }) => method);
  }

  private members(organizationId: string): SelectQueryBuilder<OrganizationMembership> {
    return this.dataSource
      .createQueryBuilder(OrganizationMembership, 'm')
      .innerJoinAndMapOne('m.identity', Identity, 'i', 'i.id = m.identityId')
      .where('m.organizationId = :organizationId', { organizationId });
  }

  private async described(memberships: OrganizationMembership[]): Promise<MembershipDto[]> {
    const methods = await this.authMethodsOf(memberships.map(({ identityId }) => identityId));
    return memberships.map((membership) =>
      MembershipDto.of(membership, membership.identity!, methods.get(membership.identityId) ?? []),
    );
  }
}

/** Methods of a host's own come last. */
function placeOf(method: string): number {
  const place = (AUTH_METHODS as readonly string[]).indexOf(method);
  return place === -1 ? AUTH_METHODS.length : place;
}

function applyFilter(builder: SelectQueryBuilder<OrganizationMembership>, filter: IdentityFilterDto): void {
  const names = parameterNames();
  applyCondition(builder, filter, names);
  const { $or: alternatives } = filter;
  if (alternatives === undefined) return;
  builder.andWhere(
    new Brackets((any) => {
      for (const condition of alternatives) {
        any.orWhere(new Brackets((one) => applyCondition(one.where('true'), condition, names)));
      }
    }),
  );
}

function applyCondition(where: WhereExpressionBuilder, condition: IdentityConditionDto, names: () => string): void {
  if (condition.name !== undefined) applyTextFilter(where, 'i.name', condition.name, names);
  if (condition.role !== undefined) applyTextFilter(where, 'm.role', condition.role, names);
}

function applyTextFilter(where: WhereExpressionBuilder, column: string, filter: TextFilter, names: () => string): void {
  const { $eq, $contains, $in } = typeof filter === 'string' ? { $eq: filter } : filter;
  if ($eq !== undefined) bind(where, names(), $eq, (name) => `${column} = :${name}`);
  if ($contains !== undefined) bind(where, names(), `%${escapeLike($contains)}%`, (name) => `${column} ILIKE :${name}`);
  if ($in !== undefined) bind(where, names(), $in, (name) => `${column} IN (:...${name})`);
}

function bind(where: WhereExpressionBuilder, name: string, value: unknown, sql: (name: string) => string): void {
  where.andWhere(sql(name), { [name]: value });
}

function parameterNames(): () => string {
  let count = 0;
  return () => `filter${(count += 1)}`;
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
