import type { EntityManager, ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import {
  decodeCursor,
  DEFAULT_PAGE_SIZE,
  MAX_COUNTED,
  type PageDto,
  pageOf,
  type PageQueryDto,
  type Position,
  totalOf,
} from '../common/http/page';

interface PageOptions<Item extends ObjectLiteral> {
  /** The rows to count, if not `all`. */
  readonly counted?: SelectQueryBuilder<Item>;
  /** The number of items for a caller that asks for no certain page. */
  readonly unpaged?: number;
  /** The highest number to count to. */
  readonly mostCounted?: number;
}

/** One page of a list, newest first (decisions 17), and how many items there are in all. */
export async function readPage<Item extends ObjectLiteral & Position>(
  tx: EntityManager,
  all: SelectQueryBuilder<Item>,
  query: PageQueryDto,
  { counted = all, unpaged = DEFAULT_PAGE_SIZE, mostCounted = MAX_COUNTED }: PageOptions<Item> = {},
): Promise<PageDto & { page: Item[] }> {
  const { offset = 0, cursor } = query;
  const limit = limitOf(query, unpaged);
  const rows = await behind(all, cursor)
    .orderBy({ [`${all.alias}.createdAt`]: 'DESC', [`${all.alias}.id`]: 'DESC' })
    .offset(offset)
    .limit(limit + 1)
    .getMany();
  const isWhole = cursor === undefined && rows.length <= limit;
  const count = countedBy(isWhole, offset, rows.length) ?? (await countUpTo(tx, mostCounted + 1, counted));
  return { ...pageOf(rows, limit), ...totalOf(count, mostCounted) };
}

function limitOf({ limit, cursor }: PageQueryDto, unpaged: number): number {
  return limit ?? (cursor === undefined ? unpaged : DEFAULT_PAGE_SIZE);
}

/** A row comparison, so that the index is walked from the cursor on, at any depth. */
function behind<Item extends ObjectLiteral>(
  all: SelectQueryBuilder<Item>,
  cursor: string | undefined,
): SelectQueryBuilder<Item> {
  if (cursor === undefined) return all.clone();
  const { createdAt: cursorTime, id: cursorId } = decodeCursor(cursor);
  const { alias } = all;
  return all.clone().andWhere(`(${alias}.createdAt, ${alias}.id) < (:cursorTime, :cursorId)`, { cursorTime, cursorId });
}

/** The total, if the page has shown it: the page was the last, and not beyond the end. */
export function countedBy(isWhole: boolean, offset: number, found: number): number | undefined {
  return isWhole && (offset === 0 || found > 0) ? offset + found : undefined;
}

/** Counts rows up to a number. */
export async function countUpTo<Item extends ObjectLiteral>(
  tx: EntityManager,
  most: number,
  all: SelectQueryBuilder<Item>,
): Promise<number> {
  const [sql, parameters] = all.clone().select('1').limit(most).getQueryAndParameters();
  const counting = `SELECT count(*)::integer AS counted FROM (${sql}) AS first`;
  const [{ counted }] = await tx.query<[{ counted: number }]>(counting, parameters);
  return counted;
}
