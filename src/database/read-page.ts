import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import { decodeCursor, DEFAULT_PAGE_SIZE, pageOf, type PageQueryDto, type Position } from '../common/http/page';

/** One page of a list, newest first (decisions 17), and how many items there are in all. */
export async function readPage<Item extends ObjectLiteral & Position>(
  all: SelectQueryBuilder<Item>,
  { limit = DEFAULT_PAGE_SIZE, offset = 0, cursor }: PageQueryDto,
): Promise<{ page: Item[]; nextCursor: string | null; totalCount: number }> {
  const { alias } = all;
  const totalCount = await all.getCount();
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
  return { ...pageOf(rows, limit), totalCount };
}
