import { ApiProperty } from '@nestjs/swagger';
import { QueryInteger, TrimmedText } from '../dto/request-fields';
import { ValidationFailureError } from '../errors/common.errors';
import { isId } from '../ids';

export const DEFAULT_PAGE_SIZE = 20;
export const MAX_PAGE_SIZE = 100;
/** Long lists are counted no further: to count millions of rows would cost more than the page. */
export const MAX_COUNTED = 10_000;
/** For lists whose total no known client uses: a thousand rows are counted in the time of a page. */
export const MAX_COUNTED_TOKENS = 1_000;

/** The part of a list that a caller asks for (decision 17). */
export class PageQueryDto {
  @QueryInteger({ description: 'How many items to return.', min: 1, max: MAX_PAGE_SIZE, example: DEFAULT_PAGE_SIZE })
  limit?: number;

  @QueryInteger({
    description: 'How many items to skip. Use `cursor` to walk long lists.',
    min: 0,
    max: 2_147_483_647,
    example: 0,
  })
  offset?: number;

  @TrimmedText({
    description: 'Continues after the last item of a page: the `nextCursor` of that page.',
    optional: true,
    max: 200,
  })
  cursor?: string;
}

/** The fields that every list has beside its items. */
export class PageDto {
  @ApiProperty({ description: 'The total number of items.', type: 'integer', example: 1 })
  totalCount!: number;

  @ApiProperty({
    description:
      'Present if there are more items than `totalCount`. Latchkey counts up to 10000 items, and up to 1000 tokens.',
    type: Boolean,
    required: false,
  })
  isTotalCountCapped?: true;

  @ApiProperty({
    description: 'The start of the next page; null on the last page.',
    type: String,
    nullable: true,
    example: null,
  })
  nextCursor!: string | null;
}

/** A place in a list ordered by creation time, then id, newest first. */
export interface Position {
  readonly createdAt: Date;
  readonly id: string;
}

export function encodeCursor({ createdAt, id }: Position): string {
  return Buffer.from(`${createdAt.getTime()}:${id}`).toString('base64url');
}

/** Reads a cursor as typed values, so that nothing in it can reach a statement as text. */
export function decodeCursor(cursor: string): Position {
  const [, millis = '', id = ''] = /^(\d{1,15}):(.+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (millis === '' || !isId(id)) {
    throw new ValidationFailureError([
      { code: 'invalid_string', path: ['cursor'], message: 'Not a cursor of this list' },
    ]);
  }
  return { createdAt: new Date(Number(millis)), id };
}

/** The total number of items, from a count that went at most one beyond `most`. */
export function totalOf(counted: number, most: number): Pick<PageDto, 'totalCount' | 'isTotalCountCapped'> {
  return counted > most ? { totalCount: most, isTotalCountCapped: true } : { totalCount: counted };
}

/** Cuts off the extra item, which was read only to learn whether another page follows. */
export function pageOf<Item extends Position>(
  items: Item[],
  limit: number,
): { page: Item[]; nextCursor: string | null } {
  const page = items.slice(0, limit);
  const last = page.at(-1);
  return { page, nextCursor: items.length > limit && last ? encodeCursor(last) : null };
}
