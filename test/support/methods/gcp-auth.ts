import type { JWTPayload } from 'jose';
import { GCP_AUTH } from '../../../src/auth-methods/gcp-auth/gcp-auth.definition';
import { Google, googleAt, googleKey, machineOf } from '../google';
import { HttpsPeer } from '../https-peer';
import type { Conformance, RefusedWorkload, Wanted, Workload } from './conformance';
import type { MethodFixture } from './method-fixture';
import { signedToken } from './signed-workload';

const EMAIL = 'deployer@my-project-123.iam.gserviceaccount.com';
const MACHINE = machineOf(EMAIL, 'my-project-123', 'europe-west1-b');
const key = googleKey('a');
const google = new Google();
google.keys = [key];
const header = { kid: 'a', typ: 'JWT' };

let started: Promise<HttpsPeer> | undefined;

/** The Google of the examples. It keeps no process alive. */
async function example(): Promise<HttpsPeer> {
  started ??= HttpsPeer.start({ isPlain: true });
  const peer = await started;
  peer.unref();
  peer.answer = google.answer;
  return peer;
}

let accounts = 0;

/** A service account of its own, whose certificates are its own. */
function account(wanted: Wanted = {}): Workload {
  const email = `deployer-${(accounts += 1)}@my-project-123.iam.gserviceaccount.com`;
  google.accounts.set(email, [key]);
  return {
    attach: { type: 'iam', allowedServiceAccounts: email },
    login: (identityId) => ({
      identityId,
      jwt: signedToken({ claims: { iss: email, sub: email, aud: identityId }, header, key: key.key }, wanted),
    }),
  };
}

const machineLogin = (claims: JWTPayload) => (identityId: string) => ({
  identityId,
  jwt: signedToken({ claims: { ...MACHINE, aud: identityId }, header, key: key.key }, { claims }),
});

const conformance: Conformance = {
  upstream: { answer: google.answer, requests: 1, isKept: true, outage: 'issuer_', options: googleAt },
  workload: () => account(),
  signed: {
    publicKey: key.publicKey,
    reasons: ['invalid_jwt', 'jwt_verification_failed', 'invalid_service_account', 'service_account_not_allowed'],
    workload: (_, wanted) => account(wanted),
  },
  refused: () => {
    const signed = (claims: JWTPayload, reason: string): RefusedWorkload => ({
      ...account({ claims }),
      ...{ status: 401, reason },
    });
    const machine = (claims: JWTPayload, reason: string, limits: object = {}): RefusedWorkload => ({
      attach: { type: 'gce', allowedServiceAccounts: EMAIL, allowedProjects: 'my-project-123', ...limits },
      login: machineLogin(claims),
      ...{ status: 401, reason },
    });
    const elsewhere = { google: machineOf(EMAIL, 'my-project-1234', 'europe-west1-bb').google };
    return {
      'an account of another domain': signed({ sub: 'x@my-project-123.example' }, 'invalid_service_account'),
      'an account that is not listed': signed({ sub: 'x@p.iam.gserviceaccount.com' }, 'service_account_not_allowed'),
      'another issuer': signed({ iss: EMAIL }, 'jwt_verification_failed'),
      'another audience': signed({ aud: 'x' }, 'audience_not_allowed'),
      'a list of audiences': signed({ aud: ['x'] }, 'audience_not_allowed'),
      'a token for years': signed({ exp: Math.floor(Date.now() / 1_000) + 100_000 }, 'jwt_verification_failed'),
      'a machine of an issuer without https': machine({ iss: 'accounts.google.com' }, 'jwt_verification_failed'),
      'a machine with another audience': machine({ aud: 'x' }, 'jwt_verification_failed'),
      'a machine that looks alike': machine({ email: `x-${EMAIL}` }, 'service_account_not_allowed'),
      'a machine with an e-mail address that nobody verified': machine(
        { email_verified: 'true' },
        'jwt_verification_failed',
      ),
      'a machine without an e-mail address': machine({ email: undefined }, 'jwt_verification_failed'),
      'a machine of a longer project': machine(elsewhere, 'project_not_allowed'),
      'a machine of a longer zone': machine(elsewhere, 'zone_not_allowed', {
        allowedProjects: null,
        allowedZones: 'europe-west1-b',
      }),
      'what is not a machine, where projects are limited': machine({ google: undefined }, 'project_not_allowed'),
      'what is not a machine, where zones are limited': machine({ google: undefined }, 'zone_not_allowed', {
        allowedProjects: null,
        allowedZones: 'europe-west1-b',
      }),
    };
  },
};

export const gcpAuth: MethodFixture = {
  definition: GCP_AUTH,
  attach: { type: 'iam', allowedServiceAccounts: EMAIL },
  update: { accessTokenTTL: 60 },
  routes: [],
  ids: [],
  makeIds: () => Promise.resolve({}),
  lists: [],
  bodyless: [],
  walk: [],
  bodies: { 'Log in with GCP Auth': machineLogin({}) },
  options: async () => googleAt((await example()).url),
  outages: ['issuer_timed_out'],
  conformance,
};
