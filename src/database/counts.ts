/**
 * Whether a value from a row can be a count, or a limit where 0 stands for none. A negative one would be below every limit, or
 * pass for no limit at all.
 */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
