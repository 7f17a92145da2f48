/** Stands where others have a SQLSTATE or the code of a socket. */
export const UNREADABLE_VALUE = 'LATCHKEY_UNREADABLE_VALUE';

/**
 * The database has answered something that cannot be read as what it is said to be. It is never taken for "nothing is there":
 * whoever needs the value is told that there is no verdict (503). The value is not quoted, since it may be a secret.
 */
export class UnreadableValueError extends Error {
  override readonly name = 'UnreadableValueError';
  readonly code = UNREADABLE_VALUE;

  constructor(what: string) {
    super(`The database answered ${what} in a form that cannot be read`);
  }
}
