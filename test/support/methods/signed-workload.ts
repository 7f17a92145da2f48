import { type KeyObject, sign } from 'node:crypto';
import type { JWTPayload } from 'jose';
import type { Wanted } from './conformance';

// Signed by hand (RFC 7515, RFC 7518), and not by the library that Latchkey verifies with.

const ALGORITHMS: Readonly<Record<string, string>> = { rsa: 'RS256', ec: 'ES256', ed25519: 'EdDSA' };
const LIFETIME = 600;

interface Usual {
  readonly claims: JWTPayload;
  readonly header?: object;
  readonly key: KeyObject;
}

/** A token with the usual claims, but for what is wanted otherwise. */
export function signedToken(usual: Usual, { claims = {}, header = {}, ...wanted }: Wanted = {}): string {
  const key = wanted.key ?? usual.key;
  const now = Math.floor(Date.now() / 1_000);
  const payload = { iat: now, exp: now + LIFETIME, ...usual.claims, ...claims };
  const head = { alg: ALGORITHMS[key.asymmetricKeyType!]!, ...usual.header, ...header };
  const token = signedBy(key, head, payload);
  return wanted.change?.(token) ?? token;
}

function signedBy(key: KeyObject, header: { readonly alg: string }, payload: object): string {
  const input = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const hash = header.alg === 'EdDSA' ? null : `sha${header.alg.slice(2)}`;
  // RFC 7518 section 3.4: the two numbers of an ECDSA signature, and not their encoding in ASN.1.
  const signature = sign(hash, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}
