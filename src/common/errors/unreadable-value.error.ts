/** Takes the place of a SQLSTATE or a socket's code. */
export const UNREADABLE_VALUE = 'LATCHKEY_UNREADABLE_VALUE';

/**
 * The database answered something that cannot be read as the expected value. It is never taken for "there is no such value":
 * the caller that needs it gets 503. The value is not quoted, because it may be a secret.
 */
export class UnreadableValueError extends Error {
  override readonly name = 'UnreadableValueError';
  readonly code = UNREADABLE_VALUE;

  constructor(what: string) {
    super(`The database answered ${what} in a form that cannot be read`);
  }
}
