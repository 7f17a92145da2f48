import { crc32 } from 'node:zlib';
import { randomText } from '../../common/crypto/random-text';

/** In the order that GitHub's tokens have: the checksum is a number in this alphabet. */
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** More than 160 bits. */
const RANDOM_LENGTH = 27;
const MARK_LENGTH = 3;
const CHECKSUM_LENGTH = 6;
/** Characters of a short key after its prefix. */
export const BODY_LENGTH = RANDOM_LENGTH + MARK_LENGTH + CHECKSUM_LENGTH;
/** Characters after the prefix that lists show. */
const SHOWN_LENGTH = 4;

const PREFIX = /^[a-z][a-z0-9_]{0,18}_$/;
const BODY = new RegExp(`^[0-9A-Za-z]{${BODY_LENGTH}}$`);
/** Keys of other services, which begin in the same manner: `ghp_`, `sk_live_`. */
const FOREIGN_KEY = /^[A-Za-z][A-Za-z0-9_-]{0,30}_[0-9A-Za-z]{16,200}$/;

/** Whether a text can be the prefix of short keys: 2 to 20 lower-case letters, digits and underscores, the last an underscore. */
export function isKeyPrefix(text: unknown): text is string {
  return typeof text === 'string' && PREFIX.test(text);
}

/** The parts of a text that may be a short key. */
export interface KeyParts {
  readonly prefix: string;
  readonly body: string;
}

/** A prefix ends with the last underscore, because a body has none. */
export function partsOf(text: string): KeyParts {
  const end = text.lastIndexOf('_') + 1;
  return { prefix: text.slice(0, end), body: text.slice(end) };
}

/**
 * A new short key: the prefix, 27 random characters, 3 characters that mark it as made by this installation, and a checksum of
 * both as GitHub's tokens have it.
 *
 * @param bytes 64 that only this installation can compute, instead of random characters: the same make the same key.
 */
export function newShortKey(prefix: string, markOf: (unmarked: string) => number, bytes?: Buffer): string {
  const random = bytes === undefined ? randomText(RANDOM_LENGTH, BASE62) : textOf(bytes);
  const marked = random + inBase62(markOf(prefix + random), MARK_LENGTH);
  return prefix + marked + checksumOf(marked);
}

/** Two bytes for each character: of 65,536 values none is noticeably likelier than another. */
function textOf(bytes: Buffer): string {
  return Array.from({ length: RANDOM_LENGTH }, (_, at) => BASE62[bytes.readUInt16BE(2 * at) % 62]).join('');
}

/** Whether a body has the length, the letters and the checksum of a short key. Every program can compute the checksum. */
export function isKeyBody(body: string): boolean {
  if (!BODY.test(body)) return false;
  const end = body.length - CHECKSUM_LENGTH;
  return checksumOf(body.slice(0, end)) === body.slice(end);
}

/** Whether a well-made short key has the mark of whoever computes it. */
export function hasMark({ prefix, body }: KeyParts, markOf: (unmarked: string) => number): boolean {
  const mark = inBase62(markOf(prefix + body.slice(0, RANDOM_LENGTH)), MARK_LENGTH);
  return body.startsWith(mark, RANDOM_LENGTH);
}

/** Whether a text looks like a key of another service. */
export function isForeignKey(text: string): boolean {
  return FOREIGN_KEY.test(text);
}

/** The prefix of a short key and the first characters after it. */
export function visibleStartOf(text: string): string {
  return text.slice(0, partsOf(text).prefix.length + SHOWN_LENGTH);
}

/** CRC-32 in base 62, with zeros before it: GitHub's checksum of the characters between prefix and checksum. */
export function checksumOf(text: string): string {
  return inBase62(crc32(text), CHECKSUM_LENGTH);
}

/** The last digits of a number. */
function inBase62(number: number, length: number): string {
  let digits = '';
  for (let rest = number; digits.length < length; rest = Math.floor(rest / 62)) digits = BASE62[rest % 62]! + digits;
  return digits;
}
