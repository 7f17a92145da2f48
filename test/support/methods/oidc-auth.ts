import { generateKeyPairSync } from 'node:crypto';
import { type JWTPayload, SignJWT } from 'jose';
import { OIDC_AUTH } from '../../../src/auth-methods/oidc-auth/oidc-auth.definition';
import { HttpsPeer } from '../https-peer';
import type { Conformance } from './conformance';
import type { MethodFixture } from './method-fixture';
import { signedToken } from './signed-workload';

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

let issuers = 0;
const JWKS = { keys: [{ ...keys.publicKey.export({ format: 'jwk' }), kid: 'a' }] };

/** Many issuers beneath the paths of one server. */
const conformance: Conformance = {
  upstream: {
    answer: ({ url = '', headers }, response) => {
      const [, path, isDiscovery] = /^(\/\d+)\/(\.well-known)?/.exec(url) ?? [];
      const issuer = `https://${headers.host}${path}`;
      response.end(JSON.stringify(isDiscovery ? { issuer, jwks_uri: `${issuer}/jwks` } : JWKS));
    },
    requests: 2,
    isKept: true,
    outage: 'issuer_',
  },
  workload: (place) => conformance.signed!.workload(place, {}),
  signed: {
    publicKey: keys.publicKey,
    reasons: ['invalid_jwt', 'jwt_verification_failed'],
    workload: ({ url, ca }, wanted) => {
      const issuer = `${url}/${(issuers += 1)}`;
      const claims = { iss: issuer, sub: 'repo:acme/app:main', aud: 'latchkey', repository_owner_id: '42' };
      return {
        attach: {
          oidcDiscoveryUrl: issuer,
          boundIssuer: issuer,
          caCert: ca,
          boundSubject: 'repo:acme/*',
          boundAudiences: 'latchkey, x-{a,b}',
          boundClaims: { repository_owner_id: '42, 43' },
          claimMetadataMapping: { owner: 'repository_owner_id' },
        },
        login: (identityId) => ({
          identityId,
          jwt: signedToken({ claims, header: { kid: 'a' }, key: keys.privateKey }, wanted),
        }),
      };
    },
  },
  refused: (place) => {
    const claiming = (claims: JWTPayload, reason: string, status = 401) => ({
      ...conformance.signed!.workload(place, { claims }),
      status,
      reason,
    });
    return {
      'another issuer': claiming({ iss: 'https://issuer.test' }, 'jwt_verification_failed'),
      'another subject': claiming({ sub: 'repo:acme' }, 'subject_not_allowed', 403),
      'a longer audience': claiming({ aud: 'latchkeys' }, 'audience_not_allowed'),
      'an audience in capitals': claiming({ aud: ['Latchkey', 'x-c'] }, 'audience_not_allowed'),
      'the whole list for an audience': claiming({ aud: 'latchkey, x-{a,b}' }, 'audience_not_allowed'),
      'no audience': claiming({ aud: undefined }, 'audience_not_allowed'),
      'an empty list of audiences': claiming({ aud: [] as string[] }, 'audience_not_allowed'),
      'a claim of a stranger': claiming({ repository_owner_id: '4' }, 'claim_not_allowed'),
      'no claim': claiming({ repository_owner_id: undefined }, 'missing_claim'),
    };
  },
};

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
  conformance,
};
