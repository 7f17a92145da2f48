const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Whether a text can be the id of a row. Asked before the database is: PostgreSQL answers a malformed uuid with an error,
 * and accepts spellings (braces, missing hyphens) that are not the id we handed out.
 */
export function isId(value: string): boolean {
  return UUID.test(value);
}
