import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import { JWT_AUTH } from '../../../src/auth-methods/jwt-auth/jwt-auth.definition';
import type { MethodFixture } from './method-fixture';

export const issuer = generateKeyPairSync('ed25519');
export const pemOf = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }) as string;

/** A second in the past by any clock of these tests, from which tokens count. */
const ISSUED_AT = Math.floor(Date.now() / 1_000) - 10;
const HOUR = 3_600;

/** A token as the examples of the documentation bind it. */
export const signExample = () =>
  new SignJWT({ branch: 'main' })
    .setProtectedHeader({ alg: 'EdDSA' })
    .setIssuer('https://issuer.example')
    .setSubject('build:1')
    .setAudience('latchkey')
    .setIssuedAt(ISSUED_AT)
    .setExpirationTime(ISSUED_AT + HOUR)
    .sign(issuer.privateKey);

const publicKeys = [pemOf(issuer.publicKey)];

export const jwtAuth: MethodFixture = {
  definition: JWT_AUTH,
  attach: { configurationType: 'static', publicKeys, boundSubject: 'build:*' },
  update: { accessTokenTTL: 60 },
  routes: [],
  ids: [],
  makeIds: () => Promise.resolve({}),
  lists: [],
  bodyless: [],
  walk: [],
  bodies: {
    'Attach JWT Auth to an identity': () => ({ publicKeys }),
    'Update JWT Auth of an identity': () => ({ publicKeys }),
    'Log in with JWT Auth': async (identityId) => ({ identityId, jwt: await signExample() }),
  },
  varies: ['publicKeys'],
  outages: ['issuer_timed_out'],
};
