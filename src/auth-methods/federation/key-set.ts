import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';

/** The most keys that a set may have. */
const MAX_KEYS = 100;
const MAX_KID = 255;
/** RSA keys of other sizes are refused: shorter ones can be broken (decision 30), longer ones keep the processor busy. */
const RSA_BITS = { min: 2_048, max: 8_192 };
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];

/** A public key that signatures are verified with. */
export interface VerificationKey {
  readonly kid: string | undefined;
  /** The one algorithm it is meant for, where its issuer says so. */
  readonly alg: string | undefined;
  readonly key: KeyObject;
}

/** The keys of a JWK set (RFC 7517) that can verify signatures. Undefined for a text that is not such a set. */
export function readKeySet(text: string): VerificationKey[] | undefined {
  const set = parsed(text) as { keys?: unknown } | null | undefined;
  if (!Array.isArray(set?.keys) || set.keys.length > MAX_KEYS) return undefined;
  // A key of another kind, or one that cannot be read, is no reason to refuse the rest (section 5).
  return set.keys.map(readKey).filter((key) => key !== undefined);
}

/** A public key in PEM, for a configuration. Undefined for one that verifies no signatures here, such as a private or short one. */
export function readPublicKey(pem: string): KeyObject | undefined {
  // A private key would be read, too: its public half is in it.
  if (!/^\s*-----BEGIN (RSA )?PUBLIC KEY-----/.test(pem)) return undefined;
  return verifying(() => createPublicKey(pem));
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

function readKey(entry: unknown): VerificationKey | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const jwk = entry as Jwk;
  if (!isForSignatures(jwk)) return undefined;
  const { kid, alg, ...material } = jwk;
  if (typeof kid === 'string' && kid.length > MAX_KID) return undefined;
  const key = verifying(() => createPublicKey({ key: material as JsonWebKey, format: 'jwk' }));
  return key && { kid: textOrNone(kid), alg: textOrNone(alg), key };
}

function isForSignatures({ kty, use, key_ops: operations }: Jwk): boolean {
  if (!['RSA', 'EC', 'OKP'].includes(kty ?? '')) return false;
  const isForOthers = use !== undefined && use !== 'sig';
  return !isForOthers && (operations === undefined || (Array.isArray(operations) && operations.includes('verify')));
}

function textOrNone(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The key, if it is one of those that signatures are verified with. */
function verifying(read: () => KeyObject): KeyObject | undefined {
  try {
    const key = read();
    return isStrong(key) ? key : undefined;
  } catch {
    return undefined;
  }
}

function isStrong({ asymmetricKeyType: type, asymmetricKeyDetails: details = {} }: KeyObject): boolean {
  const { modulusLength = 0, namedCurve = '' } = details;
  if (type === 'rsa') return modulusLength >= RSA_BITS.min && modulusLength <= RSA_BITS.max;
  return type === 'ed25519' || (type === 'ec' && CURVES.includes(namedCurve));
}
