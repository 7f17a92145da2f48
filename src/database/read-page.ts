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
  /** What is counted, where that is not `all`. */
  readonly counted?: SelectQueryBuilder<Item>;
  /** So many are answered to who asks for no certain page. */
  readonly unpaged?: number;
  /** How far to count. */
  readonly mostCounted?: number;
}

/** One page of a list, newest first (decisions 17), and how many items there are in all. */
export async function readPage<Item extends ObjectLiteral & Position>(
  tx: EntityManager,
  all: SelectQueryBuilder<Item>,
  { limit: asked, offset = 0, cursor }: PageQueryDto,
  { counted = all, unpaged = DEFAULT_PAGE_SIZE, mostCounted = MAX_COUNTED }: PageOptions<Item> = {},
): Promise<PageDto & { page: Item[] }> {
  const limit = asked ?? (cursor === undefined ? unpaged : DEFAULT_PAGE_SIZE);
  const { alias } = all;
  const page = all.clone();
  // A row comparison, so that the index is walked from the cursor on, however deep the page lies.
  if (cursor !== undefined) {
    const { createdAt: cursorTime, id: cursorId } = decodeCursor(cursor);
    page.andWhere(`(${alias}.createdAt, ${alias}.id) < (:cursorTime, :cursorId)`, { cursorTime, cursorId });
  }
  page
    .orderBy({ [`${alias}.createdAt`]: 'DESC', [`${alias}.id`]: 'DESC' })
    .offset(offset)
    .limit(limit + 1);
  const rows = await page.getMany();
  // What is not cut off has been counted by reading it.
  const isWhole = cursor === undefined && rows.length <= limit && (offset === 0 || rows.length > 0);
  const count = isWhole ? offset + rows.length : await countUpTo(tx, mostCounted + 1, counted);
  return { ...pageOf(rows, limit), ...totalOf(count, mostCounted) };
}

/** Counts rows until there are so many. */
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
