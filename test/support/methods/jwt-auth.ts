import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type JWTPayload, SignJWT } from 'jose';
import { JWT_AUTH } from '../../../src/auth-methods/jwt-auth/jwt-auth.definition';
import type { Conformance } from './conformance';
import type { MethodFixture } from './method-fixture';
import { signedToken } from './signed-workload';

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

let sets = 0;
const JWKS = JSON.stringify({ keys: [{ ...issuer.publicKey.export({ format: 'jwk' }), kid: 'a' }] });
const CLAIMS = { iss: 'https://issuer.test', sub: 'build:1', aud: 'latchkey', branch: 'main' };

const conformance: Conformance = {
  upstream: { answer: (_, response) => void response.end(JWKS), requests: 1, isKept: true, outage: 'issuer_' },
  workload: (place) => conformance.signed!.workload(place, {}),
  signed: {
    publicKey: issuer.publicKey,
    reasons: ['invalid_jwt', 'jwt_verification_failed'],
    workload: ({ url, ca }, wanted) => ({
      attach: {
        configurationType: 'jwks',
        jwksUrl: `${url}/jwks/${(sets += 1)}`,
        jwksCaCert: ca,
        boundIssuer: CLAIMS.iss,
        boundSubject: 'build:*',
        boundAudiences: 'latchkey, x-{a,b}',
        boundClaims: { branch: 'main, release-*' },
      },
      login: (identityId) => ({
        identityId,
        jwt: signedToken({ claims: CLAIMS, header: { kid: 'a' }, key: issuer.privateKey }, wanted),
      }),
    }),
  },
  refused: (place) => {
    const claiming = (claims: JWTPayload, reason: string, status = 401) => ({
      ...conformance.signed!.workload(place, { claims }),
      status,
      reason,
    });
    return {
      'another issuer': claiming({ iss: `${CLAIMS.iss}/` }, 'issuer_mismatch', 403),
      'another subject': claiming({ sub: 'build' }, 'subject_not_allowed', 403),
      'no subject': claiming({ sub: undefined }, 'missing_subject'),
      'a longer audience': claiming({ aud: 'latchkeys' }, 'audience_not_allowed'),
      'an audience in capitals': claiming({ aud: ['Latchkey', 'x-c'] }, 'audience_not_allowed'),
      'the whole list for an audience': claiming({ aud: 'latchkey, x-{a,b}' }, 'audience_not_allowed'),
      'no audience': claiming({ aud: undefined }, 'missing_audience'),
      'an empty list of audiences': claiming({ aud: [] as string[] }, 'missing_audience'),
      'another claim': claiming({ branch: '!main' }, 'claim_mismatch'),
      'no claim': claiming({ branch: undefined }, 'missing_claim'),
    };
  },
};

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
  conformance,
};
