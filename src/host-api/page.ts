import { ValidationFailureError } from '../common/errors/common.errors';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, type Position } from '../common/http/page';

export { decodeCursor, encodeCursor } from '../common/http/page';

/** Before everything there is, newest first. */
export const FIRST_POSITION: Position = {
  createdAt: new Date('9999-12-31T00:00:00.000Z'),
  id: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
};

/** How many rows a page of a host's has. @throws ValidationFailureError */
export function hostLimitOf(limit: number | undefined): number {
  if (limit === undefined) return DEFAULT_PAGE_SIZE;
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE_SIZE) return limit;
  const message = `Expected a whole number from 1 to ${MAX_PAGE_SIZE}`;
  throw new ValidationFailureError([{ code: 'custom', path: ['limit'], message }]);
}
