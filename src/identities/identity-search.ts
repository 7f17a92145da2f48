import { Brackets, type EntityManager, type SelectQueryBuilder, type WhereExpressionBuilder } from 'typeorm';
import { isWellFormed } from '../common/dto/rules';
import { ValidationFailureError } from '../common/errors/common.errors';
import { isId } from '../common/ids';
import type {
  IdentityConditionDto,
  IdentityFilterDto,
  SearchIdentitiesDto,
  TextFilter,
} from './dto/identity-list.dtos';
import { Identity } from '../database/entities/identity.entity';
import { OrganizationMembership } from '../database/entities/organization-membership.entity';

type Search = SelectQueryBuilder<OrganizationMembership>;
type Order = NonNullable<SearchIdentitiesDto['orderBy']>;

/** The columns that indexes are ordered by: a page is read from an index, however long the list. */
const ORDERS: Record<Order, { readonly value: string; readonly id: string }> = {
  name: { value: 'i.name', id: 'i.id' },
  role: { value: 'm.role', id: 'm.id' },
};

/** The members of an organization, each with its identity. */
export function membersOf(tx: EntityManager, organizationId: string): Search {
  return tx
    .createQueryBuilder(OrganizationMembership, 'm')
    .innerJoinAndMapOne('m.identity', Identity, 'i', 'i.id = m.identityId AND i.organizationId = :organizationId')
    .leftJoinAndSelect('m.customRole', 'r', 'r.organizationId = m.organizationId')
    .where('m.organizationId = :organizationId', { organizationId });
}

/** The matching members. */
export function matching(members: Search, filter: IdentityFilterDto | undefined): Search {
  if (filter !== undefined) applyFilter(members, filter);
  return members;
}

/** In the requested order, after the cursor; equal names or roles in the order of their ids. */
export function ordered(found: Search, { orderBy = 'name', orderDirection, cursor }: SearchIdentitiesDto): Search {
  const { value, id } = ORDERS[orderBy];
  const isDescending = orderDirection === 'desc';
  if (cursor !== undefined) {
    const at = decodeSearchCursor(cursor, orderBy);
    found.andWhere(`(${value}, ${id}) ${isDescending ? '<' : '>'} (:cursorValue, :cursorId)`, {
      cursorValue: at.value,
      cursorId: at.id,
    });
  }
  const direction = isDescending ? 'DESC' : 'ASC';
  return found.orderBy(value, direction).addOrderBy(id, direction);
}

/** The start of the next page. */
export function searchCursorOf({ id, role, identity }: OrganizationMembership, orderBy: Order = 'name'): string {
  const place = orderBy === 'role' ? [role, id] : [identity!.name, identity!.id];
  return Buffer.from(JSON.stringify([orderBy, ...place])).toString('base64url');
}

/** Reads a cursor as typed values, so that nothing in it can reach a statement as text. */
function decodeSearchCursor(cursor: string, orderBy: Order): { value: string; id: string } {
  const [order, value, id] = parsed(Buffer.from(cursor, 'base64url').toString());
  const isText = typeof value === 'string' && isWellFormed(value) && !value.includes('\0');
  if (order === orderBy && isText && typeof id === 'string' && isId(id)) return { value, id };
  throw new ValidationFailureError([
    { code: 'invalid_string', path: ['cursor'], message: 'Not a cursor of this list in this order' },
  ]);
}

function parsed(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function applyFilter(builder: Search, filter: IdentityFilterDto): void {
  const names = parameterNames();
  applyCondition(builder, filter, names);
  const { $or: alternatives } = filter;
  if (alternatives === undefined) return;
  const parts = alternatives.map(partOf).filter((part) => part !== undefined);
  builder.andWhere(
    new Brackets((any) => {
      // The name is lowered once for all parts, not once for each.
      if (parts.length > 0) orContains(any, parts, names);
      for (const condition of alternatives) {
        if (partOf(condition) !== undefined) continue;
        any.orWhere(new Brackets((one) => applyCondition(one.where('true'), condition, names)));
      }
    }),
  );
}

/** The part of a name that a condition asks for, if it asks for nothing else. */
function partOf({ name, role }: IdentityConditionDto): string | undefined {
  if (role !== undefined || typeof name !== 'object' || Object.keys(name).join() !== '$contains') return undefined;
  return name.$contains;
}

function applyCondition(where: WhereExpressionBuilder, condition: IdentityConditionDto, names: () => string): void {
  if (condition.name !== undefined) applyTextFilter(where, 'i.name', condition.name, names);
  if (condition.role !== undefined) applyTextFilter(where, 'm.role', condition.role, names);
}

function applyTextFilter(where: WhereExpressionBuilder, column: string, filter: TextFilter, names: () => string): void {
  const { $eq, $contains, $in } = typeof filter === 'string' ? { $eq: filter } : filter;
  if ($eq !== undefined) bind(where, names(), $eq, (name) => `${column} = :${name}`);
  if ($contains !== undefined)
    bind(where, names(), patternOf($contains), (name) => `lower(${column}) LIKE lower(:${name})`);
  if ($in !== undefined) bind(where, names(), $in, (name) => `${column} IN (:...${name})`);
}

function orContains(where: WhereExpressionBuilder, parts: string[], names: () => string): void {
  const patterns = Object.fromEntries(parts.map((part) => [names(), patternOf(part)]));
  const lowered = Object.keys(patterns).map((name) => `lower(:${name})`);
  where.orWhere(`lower(i.name) LIKE ANY (ARRAY[${lowered.join(', ')}])`, patterns);
}

function bind(where: WhereExpressionBuilder, name: string, value: unknown, sql: (name: string) => string): void {
  where.andWhere(sql(name), { [name]: value });
}

function parameterNames(): () => string {
  let count = 0;
  return () => `filter${(count += 1)}`;
}

function patternOf(part: string): string {
  return `%${part.replace(/[\\%_]/g, '\\$&')}%`;
}
