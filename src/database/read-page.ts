import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';
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

interface PageOptions {
  /** So many are answered to who asks for no certain page. */
  readonly unpaged?: number;
  /** How far to count. */
  readonly mostCounted?: number;
}

/** One page of a list, newest first (decisions 17), and how many items there are in all. */
export async function readPage<Item extends ObjectLiteral & Position>(
  all: SelectQueryBuilder<Item>,
  { limit: asked, offset = 0, cursor }: PageQueryDto,
  { unpaged = DEFAULT_PAGE_SIZE, mostCounted = MAX_COUNTED }: PageOptions = {},
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
  // At once, on a connection each: of a long list, counting takes longer than the page.
  const [counted, rows] = await Promise.all([countUpTo(mostCounted + 1, all), page.getMany()]);
  return { ...pageOf(rows, limit), ...totalOf(counted, mostCounted) };
}

async function countUpTo<Item extends ObjectLiteral>(most: number, all: SelectQueryBuilder<Item>): Promise<number> {
  const [sql, parameters] = all.clone().select('1').limit(most).getQueryAndParameters();
  const counting = `SELECT count(*)::integer AS counted FROM (${sql}) AS first`;
  const [{ counted }] = await all.dataSource.query<[{ counted: number }]>(counting, parameters);
  return counted;
}
