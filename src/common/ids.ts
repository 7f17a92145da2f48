/** The id that no row has. */
export const NIL_ID = '00000000-0000-0000-0000-000000000000';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Whether a text can be the id of a row. It is checked before the database is asked: PostgreSQL answers a malformed uuid with
 * an error, and accepts spellings (braces, missing hyphens) that differ from the id that Latchkey handed out.
 */
export function isId(value: string): boolean {
  return UUID.test(value);
}
