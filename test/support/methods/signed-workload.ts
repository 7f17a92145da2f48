import type { KeyObject } from 'node:crypto';
import { type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import type { Wanted } from './conformance';

const ALGORITHMS: Readonly<Record<string, string>> = { rsa: 'RS256', ec: 'ES256', ed25519: 'EdDSA' };
const LIFETIME = 600;

interface Usual {
  readonly claims: JWTPayload;
  readonly header?: object;
  readonly key: KeyObject;
}

/** A token with the usual claims, but for what is wanted otherwise. */
export async function signedToken(usual: Usual, { claims = {}, header = {}, ...wanted }: Wanted = {}): Promise<string> {
  const key = wanted.key ?? usual.key;
  const now = Math.floor(Date.now() / 1_000);
  const payload = { iat: now, exp: now + LIFETIME, ...usual.claims, ...claims };
  const parameters = { alg: ALGORITHMS[key.asymmetricKeyType!], ...usual.header, ...header } as JWTHeaderParameters;
  const token = await new SignJWT(payload).setProtectedHeader(parameters).sign(key);
  return wanted.change?.(token) ?? token;
}
