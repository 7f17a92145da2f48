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

/**
 * One page of a list, newest first (decisions 17), and how many items there are in all. Who asks for no certain page of a list
 * that the contract knows no pages of is answered `unpaged` items.
 */
export async function readPage<Item extends ObjectLiteral & Position>(
  all: SelectQueryBuilder<Item>,
  { limit: asked, offset = 0, cursor }: PageQueryDto,
  unpaged = DEFAULT_PAGE_SIZE,
): Promise<PageDto & { page: Item[] }> {
  const limit = asked ?? (cursor === undefined ? unpaged : DEFAULT_PAGE_SIZE);
  const { alias } = all;
  const counted = await countUpTo(MAX_COUNTED + 1, all);
  // A row comparison, so that the index is walked from the cursor on, however deep the page lies.
  if (cursor !== undefined) {
    const { createdAt: cursorTime, id: cursorId } = decodeCursor(cursor);
    all.andWhere(`(${alias}.createdAt, ${alias}.id) < (:cursorTime, :cursorId)`, { cursorTime, cursorId });
  }
  const rows = await all
    .orderBy({ [`${alias}.createdAt`]: 'DESC', [`${alias}.id`]: 'DESC' })
    .offset(offset)
    .limit(limit + 1)
    .getMany();
  return { ...pageOf(rows, limit), ...totalOf(counted) };
}

async function countUpTo<Item extends ObjectLiteral>(most: number, all: SelectQueryBuilder<Item>): Promise<number> {
  const [sql, parameters] = all.clone().select('1').limit(most).getQueryAndParameters();
  const counting = `SELECT count(*)::integer AS counted FROM (${sql}) AS first`;
  const [{ counted }] = await all.dataSource.query<[{ counted: number }]>(counting, parameters);
  return counted;
}
