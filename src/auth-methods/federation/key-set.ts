import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';

/** The most keys that a set may have. */
const MAX_KEYS = 100;
/** The most keys that a signature is compared with. */
export const MAX_TRIED = 10;
const MAX_KID = 255;
const MAX_ALG = 16;
/** RSA keys of other sizes are refused: shorter ones can be broken (decision 30), longer ones keep the processor busy. */
const RSA_BITS = { min: 2_048, max: 8_192 };
/** Bytes of its exponent, for the same reasons. Node takes minutes to say how long an exponent of some hundred thousand bytes is. */
const MAX_EXPONENT = 8;
const CURVES = ['P-256', 'P-384', 'P-521', 'Ed25519'];
/** The members of a JWK that make the key (RFC 7518 section 6, RFC 8037), by its type. */
const NUMBERS = new Map<unknown, readonly ('n' | 'e' | 'crv' | 'x' | 'y')[]>([
  ['RSA', ['n', 'e']],
  ['EC', ['crv', 'x', 'y']],
  ['OKP', ['crv', 'x']],
]);
/** The longest text of a number in a JWK: that of the longest RSA modulus. */
const MAX_NUMBER = Math.ceil(RSA_BITS.max / 6);

/** A public key that signatures are verified with. */
export interface VerificationKey {
  readonly kid: string | undefined;
  /** The one algorithm it is meant for, where its issuer says so. */
  readonly alg: string | undefined;
  readonly key: KeyObject;
}

/** A key of a set. It is read when a token first needs it: to read a hundred of them at once would hold up other requests. */
export interface PublishedKey {
  readonly kid: string | undefined;
  /** @returns undefined for a key that verifies no signatures here. */
  readonly read: () => VerificationKey | undefined;
}

/** The keys of a JWK set (RFC 7517) that may verify signatures. Undefined for a text that is not such a set. */
export function readKeySet(text: string): PublishedKey[] | undefined {
  const set = parsed(text) as { keys?: unknown } | null | undefined;
  if (!Array.isArray(set?.keys) || set.keys.length > MAX_KEYS) return undefined;
  // A key of another kind, or one that cannot be read, is no reason to refuse the rest (section 5).
  return set.keys.map(publishedKey).filter((key) => key !== undefined);
}

/** One key and no other block. The public half of a private key would be read, too, and a second key would be left out. */
const ONE_KEY = /^\s*-----BEGIN (?:RSA )?PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END (?:RSA )?PUBLIC KEY-----\s*$/;

/** A public key in PEM, for a configuration. Undefined for one that verifies no signatures here, such as a private or short one. */
export function readPublicKey(pem: string): KeyObject | undefined {
  return ONE_KEY.test(pem) ? verifying(() => createPublicKey(pem)) : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface Jwk extends JsonWebKey {
  readonly kid?: unknown;
  readonly alg?: unknown;
  readonly use?: unknown;
  readonly key_ops?: unknown;
}

function publishedKey(entry: unknown): PublishedKey | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const jwk = entry as Jwk;
  const [kid, alg] = [textOrNone(jwk.kid), textOrNone(jwk.alg)];
  const material = isForSignatures(jwk) ? materialOf(jwk) : undefined;
  if (!material || isLong(kid, MAX_KID) || isLong(alg, MAX_ALG)) return undefined;
  const read = () => verifying(() => createPublicKey({ key: material, format: 'jwk' }));
  return { kid, read: once(() => withKey(kid, alg, read())) };
}

function withKey(kid: string | undefined, alg: string | undefined, key: KeyObject | undefined) {
  return key && { kid, alg, key };
}

/** The numbers of a key, without anything that would only be kept. Undefined where one is longer than that of any key. */
function materialOf({ kty, ...jwk }: Jwk): JsonWebKey | undefined {
  const names = NUMBERS.get(kty);
  if (!names || (kty !== 'RSA' && !CURVES.includes(jwk.crv ?? ''))) return undefined;
  const numbers = names.map((name) => [name, jwk[name]] as const);
  const isKey = numbers.every(([, text]) => typeof text === 'string' && text.length <= MAX_NUMBER);
  return isKey ? { kty, ...Object.fromEntries(numbers) } : undefined;
}

function isLong(text: string | undefined, most: number): boolean {
  return text !== undefined && text.length > most;
}

function isForSignatures({ use, key_ops: operations }: Jwk): boolean {
  const isForOthers = use !== undefined && use !== 'sig';
  return !isForOthers && (operations === undefined || (Array.isArray(operations) && operations.includes('verify')));
}

function textOrNone(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function once<Result>(read: () => Result): () => Result {
  let result: { readonly value: Result } | undefined;
  return () => (result ??= { value: read() }).value;
}

/** The key, if it is one of those that signatures are verified with. */
function verifying(read: () => KeyObject): KeyObject | undefined {
  try {
    const key = read();
    return isStrong(key.export({ format: 'jwk' })) ? key : undefined;
  } catch {
    return undefined;
  }
}

function isStrong({ kty, crv = '', n = '', e = '' }: JsonWebKey): boolean {
  if (kty !== 'RSA') return CURVES.includes(crv);
  const [modulus, exponent] = [bytesOf(n), bytesOf(e)];
  const bits = 8 * modulus.length - Math.clz32(modulus[0]!) + 24;
  return bits >= RSA_BITS.min && bits <= RSA_BITS.max && isExponent(exponent);
}

/** With an exponent of 1, every text would be its own signature. */
function isExponent(bytes: Buffer): boolean {
  return bytes.length === 1 ? bytes[0]! > 2 : bytes.length <= MAX_EXPONENT;
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'base64url');
}
