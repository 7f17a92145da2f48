import type { StoredKey, ShortKeyring } from '../access-tokens/issuing/short-key.keyring';
import { ValidationFailureError, type ValidationIssue } from '../common/errors/common.errors';
import { requireKnown } from './input';
import type { NewAccessToken } from './key-types';

/** The most keys of one call. */
const MOST = 1_000;
const LONGEST_START = 20;
const HEX = /^[0-9a-f]{64}$/i;
const BASE64 = /^[A-Za-z0-9+/_-]{43}=?$/;
const FIELDS = ['hash', 'algorithm', 'visibleStart'];

/** A key that another system has given out, of which only a hash is known. */
export interface ImportedKey extends Omit<NewAccessToken, 'format'> {
  /** The SHA-256 of the whole key in UTF-8: hexadecimal, base64 or base64url. */
  readonly hash: string;
  readonly algorithm: 'sha256';
  /** The first characters of the key, for lists: 1 to 20. Left out, lists show none. */
  readonly visibleStart?: string;
}

/** The outcome for one imported key. */
export interface ImportOutcome {
  readonly tokenId: string;
  /** False for a key that was imported before, which was left as it is. */
  readonly isNew: boolean;
}

/** A key that is to be imported, checked. */
export interface KeyToImport {
  readonly settings: Omit<NewAccessToken, 'format'>;
  readonly stored: StoredKey;
  /** Its hashes under every secret. */
  readonly hashes: readonly Buffer[];
}

/**
 * Checks all keys of a call before one of them is written. No key's hash is quoted.
 *
 * @throws ValidationFailureError that names every key at fault by its place; TypeError
 */
export function checkedImport(
  keys: readonly ImportedKey[],
  keyring: ShortKeyring,
  settings: readonly string[],
): KeyToImport[] {
  const starts = keyring.requireImported();
  if (!isList(keys)) throw new TypeError(`import takes a list of up to ${MOST} keys`);
  keys.forEach((key, index) => requireKnown(`import: key ${index}`, key, [...FIELDS, ...settings]));
  const issues = keys.flatMap((key, index) => faultsOf(key, index, starts));
  if (issues.length > 0) throw new ValidationFailureError(issues);
  return keys.map(({ hash, algorithm: _, visibleStart = null, ...settings }) => {
    const hashes = keyring.ofDigest(digestIn(hash));
    return { settings, hashes, stored: { hash: hashes[0], visibleStart } };
  });
}

function isList(keys: unknown): boolean {
  return Array.isArray(keys) && keys.length <= MOST;
}

function faultsOf(
  { hash, algorithm, visibleStart }: ImportedKey,
  index: number,
  starts: readonly string[],
): ValidationIssue[] {
  const issue = (name: string, message: string): ValidationIssue => ({ code: 'custom', path: [index, name], message });
  const issues: ValidationIssue[] = [];
  if (algorithm !== 'sha256') issues.push(issue('algorithm', "Expected 'sha256'"));
  if (typeof hash !== 'string' || !(HEX.test(hash) || BASE64.test(hash))) {
    issues.push(issue('hash', 'Expected a SHA-256 in hexadecimal, base64 or base64url'));
  }
  if (visibleStart !== undefined && !isStart(visibleStart, starts)) {
    const message = `Expected 1 to ${LONGEST_START} visible characters that begin as one of the option keys.imported`;
    issues.push(issue('visibleStart', message));
  }
  return issues;
}

/** A key that begins otherwise would never be looked up. */
function isStart(text: unknown, starts: readonly string[]): boolean {
  if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text) || text.length > LONGEST_START) return false;
  return starts.some((start) => text.startsWith(start) || start.startsWith(text));
}

function digestIn(hash: string): Buffer {
  return HEX.test(hash) ? Buffer.from(hash, 'hex') : Buffer.from(hash, 'base64');
}
