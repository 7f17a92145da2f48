import { Readable } from 'node:stream';
import { Logger, StreamableFile } from '@nestjs/common';
import { keepingContext } from '../async/query-context';
import { isDatabaseUnavailable, loggable } from '../errors/database-errors';
import { LatchkeyError } from '../errors/latchkey.error';

/**
 * The number of items that are read, serialised and sent at a time: a few milliseconds of the event loop, and some hundred
 * kilobytes of memory.
 */
export const PART_SIZE = 200;

/** Some items of a list, and the start of the next ones. */
export interface ListPart<Item> {
  readonly items: Item[];
  readonly nextCursor: string | null;
}

export interface LongList<Item> {
  /** The name of the items in the answer. */
  readonly key: string;
  /** The first part, already read, so that a refusal of the request is answered as usual. */
  readonly first: ListPart<Item>;
  /** The other fields of the answer, without the items and `nextCursor`. */
  readonly rest: object;
  /** How many items to return in all. */
  readonly most: number;
  readonly readNext: (cursor: string, limit: number) => Promise<ListPart<Item>>;
}

const logger = new Logger('LongAnswer');

/**
 * A list that may be too long for one turn of the event loop. It is read, written and sent part by part, each after the client
 * has taken the one before. If a part cannot be read, the connection is closed, and the client sees that the list is
 * incomplete.
 */
export function longAnswer<Item>(list: LongList<Item>): object {
  const { key, first, rest, most } = list;
  const { items, nextCursor } = first;
  if (nextCursor === null || items.length >= most) return { [key]: items, ...rest, nextCursor };
  const readNext = keepingContext(list.readNext);
  const stream = Readable.from(textOf({ ...list, readNext }), { highWaterMark: 1 });
  const answer = new StreamableFile(stream, { type: 'application/json; charset=utf-8' });
  return answer.setErrorLogger(logBrokenAnswer);
}

async function* textOf<Item>({ key, first, rest, most, readNext }: LongList<Item>): AsyncGenerator<Buffer> {
  let part = first;
  let left = most - part.items.length;
  yield Buffer.from(`{${JSON.stringify(key)}:[${itemsOf(part)}`);
  while (part.nextCursor !== null && left > 0) {
    part = await readNext(part.nextCursor, Math.min(left, PART_SIZE));
    left -= part.items.length;
    if (part.items.length > 0) yield Buffer.from(`,${itemsOf(part)}`);
  }
  yield Buffer.from(`],${JSON.stringify({ ...rest, nextCursor: part.nextCursor }).slice(1)}`);
}

function itemsOf<Item>({ items }: ListPart<Item>): string {
  return JSON.stringify(items).slice(1, -1);
}

/** Nest would print the whole error, and the error of a statement contains its values. */
export function logBrokenAnswer(error: Error): void {
  const isOurs = !(error instanceof LatchkeyError) && !isDatabaseUnavailable(error) && !isReaderGone(error);
  const entry = { event: 'answer.broken_off', cause: loggable(error) };
  if (isOurs) logger.error(entry);
  else logger.debug(entry);
}

function isReaderGone(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return (
    code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ECONNRESET' || code === 'EPIPE' || error.name === 'AbortError'
  );
}
