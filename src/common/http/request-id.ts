import { randomText } from '../crypto/random-text';

/** The header that carries the request id on every answer; `reqId` repeats it in an error body (decision 37). */
export const REQUEST_ID_HEADER = 'X-Request-Id';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const ids = new WeakMap<object, string>();

/** `req-` and 14 random alphanumerics (contract section 0). */
export function newRequestId(): string {
  return `req-${randomText(14, ALPHABET)}`;
}

/** The id of a request, made on first use. */
export function requestId(request: object): string {
  let id = ids.get(request);
  if (id === undefined) {
    id = newRequestId();
    ids.set(request, id);
  }
  return id;
}
