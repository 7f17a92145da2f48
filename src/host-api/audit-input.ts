import { isStorable } from '../common/dto/rules';
import { HOST_EVENT_TYPE, isHostEventType } from '../common/host-event-type';
import { isId } from '../common/ids';
import { isObject } from '../common/option-rules';

/** The most bytes of the metadata of an event, as JSON. */
export const MAX_METADATA_BYTES = 16_384;
const MAX_DEPTH = 8;

/** A JWT, a short key with a checksum, or the secret of a stream. */
const CREDENTIAL = /eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}|\b[a-z][a-z0-9_]{2,}_[0-9A-Za-z]{36}\b|whsec_[\w+/]{24,}/;

/** @throws TypeError */
export function requireEventType(type: unknown): string {
  if (isHostEventType(type)) return type;
  throw new TypeError(`type must be ${HOST_EVENT_TYPE}`);
}

/** @throws TypeError */
export function requireIdOrNone(name: string, id: string | undefined): string | null {
  if (id === undefined) return null;
  if (typeof id !== 'string' || !isId(id)) throw new TypeError(`${name} must be an id`);
  return id.toLowerCase();
}

/** Text of the host, within bounds; null for none. @throws TypeError */
export function requireTextOrNone(name: string, text: unknown, most: number): string | null {
  if (text === undefined) return null;
  const isText = typeof text === 'string' && text.length >= 1 && text.length <= most && isStorable.holds(text);
  if (!isText) throw new TypeError(`${name} must be 1 to ${most} characters`);
  requireNoCredential(name, text);
  return text;
}

/**
 * Metadata that PostgreSQL can keep, and whose canonical form the chain can cover.
 *
 * @throws TypeError for what is not JSON, is too large or too deep, or looks like a credential. It names the place, and no value.
 */
export function requireMetadata(metadata: unknown): object {
  if (!isObject(metadata)) throw new TypeError('metadata must be an object');
  requireJson(metadata, 'metadata', 0);
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes > MAX_METADATA_BYTES) throw new TypeError(`metadata must have ${MAX_METADATA_BYTES} bytes as JSON at most`);
  return metadata;
}

function requireJson(value: unknown, place: string, depth: number): void {
  if (value === null || typeof value === 'boolean' || Number.isFinite(value)) return;
  if (typeof value === 'string') return requireText(value, place);
  if (!isPlain(value)) throw new TypeError(`${place} must be JSON: pass texts for dates and ids`);
  if (depth === MAX_DEPTH) throw new TypeError(`metadata must not be deeper than ${MAX_DEPTH} levels`);
  for (const [name, member] of Object.entries(value)) {
    requireText(name, `a name in ${place}`);
    requireJson(member, `${place}.${name}`, depth + 1);
  }
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);
}

function requireText(text: string, place: string): void {
  if (!isStorable.holds(text)) throw new TypeError(`${place} must not contain NUL or lone surrogates`);
  requireNoCredential(place, text);
}

function requireNoCredential(place: string, text: string): void {
  if (CREDENTIAL.test(text))
    throw new TypeError(`${place} looks like a token, key or secret: name it by its id instead`);
}
