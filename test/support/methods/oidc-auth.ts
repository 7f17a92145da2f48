import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { OIDC_AUTH } from '../../../src/auth-methods/oidc-auth/oidc-auth.definition';
import { HttpsPeer } from '../https-peer';
import type { MethodFixture } from './method-fixture';

const ISSUER = 'https://issuer.example';
const keys = generateKeyPairSync('ed25519');

/** A second in the past by any clock of these tests, from which tokens count. */
const ISSUED_AT = Math.floor(Date.now() / 1_000) - 10;
const HOUR = 3_600;

/** A token as the examples of the documentation bind it. */
const signExample = () =>
  new SignJWT({ branch: 'main' })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'example' })
    .setIssuer(ISSUER)
    .setSubject('build:1')
    .setAudience('latchkey')
    .setIssuedAt(ISSUED_AT)
    .setExpirationTime(ISSUED_AT + HOUR)
    .sign(keys.privateKey);

let started: Promise<HttpsPeer> | undefined;

/** Where the issuer of the examples is really to be found. It keeps no process alive. */
async function place(): Promise<{ oidcDiscoveryUrl: string; caCert: string }> {
  started ??= HttpsPeer.start();
  const peer = await started;
  peer.unref();
  const jwk = { ...keys.publicKey.export({ format: 'jwk' }), kid: 'example' };
  peer.answer = ({ url }, response) => {
    const document = { issuer: ISSUER, jwks_uri: `${peer.url}/jwks` };
    response.end(JSON.stringify(url === '/jwks' ? { keys: [jwk] } : document));
  };
  return { oidcDiscoveryUrl: peer.url, caCert: peer.authority.cert.trim() };
}

export const oidcAuth: MethodFixture = {
  definition: OIDC_AUTH,
  // An address, so that no name is looked up. Attaching a method sends no request.
  attach: { oidcDiscoveryUrl: 'https://1.1.1.1', boundIssuer: ISSUER, boundSubject: 'build:*' },
  update: { accessTokenTTL: 60 },
  routes: [],
  ids: [],
  makeIds: () => Promise.resolve({}),
  lists: [],
  bodyless: [],
  walk: [],
  bodies: {
    'Attach OIDC Auth to an identity': place,
    'Update OIDC Auth of an identity': place,
    'Log in with OIDC Auth': async (identityId) => ({ identityId, jwt: await signExample() }),
  },
  varies: ['oidcDiscoveryUrl', 'caCert'],
  outages: ['issuer_timed_out'],
};
