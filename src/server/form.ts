import { HttpStatus } from '@nestjs/common';
import { RefusedRequestError, TooManyFieldsError } from '../common/errors/common.errors';

/** More fields than any valid body has: fifty thousand would delay other requests. */
const MAX_FIELDS = 1_000;

/**
 * The fields of an `application/x-www-form-urlencoded` body. A name that comes more than once has a list of values. Encoded
 * values must be UTF-8: anything else would be stored as other characters than were sent. More than a thousand fields are
 * refused.
 *
 * @throws RefusedRequestError, TooManyFieldsError
 */
export function parseForm(text: string): Record<string, string | string[]> {
  const fields = new Map<string, string[]>();
  const pairs = text.split('&', MAX_FIELDS + 1);
  if (pairs.length > MAX_FIELDS) throw new TooManyFieldsError(MAX_FIELDS);
  for (const pair of pairs) {
    if (pair === '') continue;
    const end = pair.indexOf('=');
    const key = decode(end === -1 ? pair : pair.slice(0, end));
    const value = end === -1 ? '' : decode(pair.slice(end + 1));
    const values = fields.get(key);
    if (values === undefined) fields.set(key, [value]);
    else values.push(value);
  }
  return Object.fromEntries([...fields].map(([name, values]) => [name, values.length > 1 ? values : values[0]!]));
}

function decode(text: string): string {
  // Most text is not encoded.
  if (!/[%+]/.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (error) {
    throw new RefusedRequestError(HttpStatus.BAD_REQUEST, error);
  }
}
