/**
 * Whether a value from a row can be a count, or a limit where 0 means none. A negative number would be below every limit, or
 * pass as no limit at all.
 */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
