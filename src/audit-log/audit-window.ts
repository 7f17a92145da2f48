import { ValidationFailureError } from '../common/errors/common.errors';

/** The part of time that is asked about: the start is included, the end is not. */
export interface AuditWindow {
  readonly from: Date;
  readonly to: Date;
}

/** Three months, as the longest of them (contract 3.10). */
export const MAX_WINDOW_DAYS = 92;
const DAY_MS = 86_400_000;

/**
 * Reads a window. A day without a time begins at midnight UTC.
 *
 * @throws ValidationFailureError for an end before the start, or more than 92 days.
 */
export function windowOf({ startDate, endDate }: { startDate?: string; endDate?: string }, now: Date): AuditWindow {
  const to = endDate === undefined ? now : new Date(endDate);
  const from = startDate === undefined ? midnightBefore(now) : new Date(startDate);
  if (to < from) throw refusal('endDate', 'The end must not be before the start');
  if (to.getTime() - from.getTime() > MAX_WINDOW_DAYS * DAY_MS)
    throw refusal('startDate', `The time asked about must not be longer than ${MAX_WINDOW_DAYS} days`);
  return { from, to };
}

function midnightBefore(now: Date): Date {
  return new Date(Math.floor(now.getTime() / DAY_MS) * DAY_MS - DAY_MS);
}

function refusal(field: string, message: string): ValidationFailureError {
  return new ValidationFailureError([{ code: 'custom', path: [field], message }]);
}
