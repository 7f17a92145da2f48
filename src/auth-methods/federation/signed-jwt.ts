import type { KeyObject } from 'node:crypto';
import type * as Jose from 'jose';
import type { JWTPayload, ProtectedHeaderParameters } from 'jose';
import type { Claims } from './claim-rules';
import { MAX_TRIED, type VerificationKey } from './key-set';

/**
 * Loads jose when the first token of an issuer comes. It is an ES module, which jest cannot load before Node 24.9: a host's tests
 * must not need it to import Latchkey.
 */
// eslint-disable-next-line @typescript-eslint/no-require-imports
const jose = () => require('jose') as typeof Jose;

/** How far the clocks of issuers may be from ours. */
const SKEW_SECONDS = 60;

/** The algorithms that are taken, and what a key must be for each: never a secret, never none. */
const KINDS: Readonly<Record<string, string>> = {
  ...{ RS256: 'rsa', RS384: 'rsa', RS512: 'rsa', PS256: 'rsa', PS384: 'rsa', PS512: 'rsa' },
  ...{ ES256: 'prime256v1', ES384: 'secp384r1', ES512: 'secp521r1', EdDSA: 'ed25519', Ed25519: 'ed25519' },
};

/** Why a signed token is not believed, in a few words without anything of the token in them. */
export class SignedJwtError extends Error {
  override readonly name = 'SignedJwtError';
}

/** The statements of a token about its own signature, not yet checked. */
export interface SignedJwtHeader {
  readonly alg: string;
  readonly kid: string | undefined;
}

/** Undefined for what is not a signed JWT at all. */
export function headerOf(token: string): SignedJwtHeader | undefined {
  const header = decoded(token);
  if (token.split('.').length !== 3 || typeof header?.alg !== 'string') return undefined;
  return { alg: header.alg, kid: typeof header.kid === 'string' ? header.kid : undefined };
}

function decoded(token: string): ProtectedHeaderParameters | undefined {
  const { decodeProtectedHeader } = jose();
  try {
    return decodeProtectedHeader(token);
  } catch {
    return undefined;
  }
}

/** The claims that a token makes, before anything of it is proved; undefined for a text that is no token. */
export function unverifiedClaimsOf(token: string): Claims | undefined {
  const { decodeJwt } = jose();
  try {
    return decodeJwt(token);
  } catch {
    return undefined;
  }
}

/**
 * The claims of a token that one of the keys has signed, within its time. `exp` is required.
 *
 * @throws SignedJwtError
 */
export async function verifySignedJwt(token: string, keys: readonly VerificationKey[], now: Date): Promise<Claims> {
  const header = decoded(token) ?? {};
  requirePlain(header);
  const { alg = '' } = header;
  for (const { key } of keys.filter((one) => isFor(alg, one)).slice(0, MAX_TRIED)) {
    const claims = await claimsUnder(token, key, now);
    if (claims) return requireIssuedBy(claims, now);
  }
  throw new SignedJwtError('invalid signature');
}

/** The types of tokens that report what has happened, for example to a session. The bearer of a report proves nothing by it. */
const REPORT = /^(application\/)?(logout|secevent)\+jwt$/i;

/** Extensions that must be understood, detached payloads, tokens within tokens and reports are not taken. */
function requirePlain({ alg = '', crit, b64, cty, typ = '' }: ProtectedHeaderParameters & { cty?: unknown }): void {
  if (!Object.hasOwn(KINDS, alg)) throw new SignedJwtError('invalid algorithm');
  if (crit !== undefined || b64 !== undefined || cty !== undefined) throw new SignedJwtError('unsupported header');
  if (REPORT.test(typ)) throw new SignedJwtError('unsupported type');
}

function isFor(alg: string, { key, alg: only }: VerificationKey): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const kind = type === 'ec' ? details?.namedCurve : type;
  return KINDS[alg] === kind && (only === undefined || only === alg);
}

/** Undefined for a token that another key has signed. @throws SignedJwtError */
async function claimsUnder(token: string, key: KeyObject, now: Date): Promise<JWTPayload | undefined> {
  const { errors, jwtVerify } = jose();
  try {
    const options = { algorithms: Object.keys(KINDS), currentDate: now, clockTolerance: SKEW_SECONDS };
    const { payload } = await jwtVerify(token, key, { ...options, requiredClaims: ['exp'] });
    return payload;
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) return undefined;
    throw new SignedJwtError(reasonOf(error));
  }
}

function reasonOf(error: unknown): string {
  const { errors } = jose();
  if (error instanceof errors.JWTExpired) return 'jwt expired';
  if (!(error instanceof errors.JWTClaimValidationFailed)) return 'jwt malformed';
  return error.claim === 'nbf' ? 'jwt not active' : `jwt ${error.claim} invalid`;
}

/** Decision 31. */
function requireIssuedBy(claims: JWTPayload, now: Date): Claims {
  const { iat } = claims;
  if (iat !== undefined && iat > now.getTime() / 1_000 + SKEW_SECONDS) throw new SignedJwtError('jwt not active');
  return claims;
}
