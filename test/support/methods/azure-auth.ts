import { generateKeyPairSync, randomUUID } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { AZURE_AUTH } from '../../../src/auth-methods/azure-auth/azure-auth.definition';
import { TestAuthority } from '../certificates';
import { type Answer, HttpsPeer } from '../https-peer';
import type { Conformance, RefusedWorkload, Wanted, Workload } from './conformance';
import type { MethodFixture } from './method-fixture';
import { signedToken } from './signed-workload';

const TENANT = '11111111-2222-4333-8444-555555555555';
const PRINCIPAL = '99999999-8888-4777-8666-555555555555';
const RESOURCE = 'https://management.azure.com/';
const entra = generateKeyPairSync('rsa', { modulusLength: 2048 });
const header = { kid: 'a', x5t: 'a', typ: 'JWT' };

/** As Entra ID publishes them: every tenant has the same keys, with certificates. */
const x5c = [new TestAuthority().certify(entra.publicKey).replace(/-----[A-Z ]+-----|\n/g, '')];
const KEYS = { keys: [{ ...entra.publicKey.export({ format: 'jwk' }), use: 'sig', kid: 'a', x5t: 'a', x5c }] };

const answer: Answer = ({ url = '' }, response) => {
  const isKnown = /^\/[0-9a-f-]{36}\/discovery\/keys$/.test(url);
  response.writeHead(isKnown ? 200 : 404).end(JSON.stringify(isKnown ? KEYS : {}));
};

/** The claims of a token of version 1 of a managed identity, but for its times. */
const claimsOf = (tenant: string): JWTPayload => ({
  ...{ aud: RESOURCE, iss: `https://sts.windows.net/${tenant}/`, tid: tenant, oid: PRINCIPAL, sub: PRINCIPAL },
  ...{ appid: randomUUID(), appidacr: '2', idtyp: 'app', ver: '1.0' },
});

let started: Promise<HttpsPeer> | undefined;

/** The Entra ID of the examples. It keeps no process alive. */
async function example(): Promise<HttpsPeer> {
  started ??= HttpsPeer.start({ isPlain: true });
  const peer = await started;
  peer.unref();
  peer.answer = answer;
  return peer;
}

/** A managed identity in a tenant of its own. */
function managed(wanted: Wanted = {}, more: object = {}, tenantId: string = randomUUID()): Workload {
  return {
    attach: { tenantId, resource: RESOURCE, allowedServicePrincipalIds: PRINCIPAL, ...more },
    login: (identityId) => ({
      identityId,
      jwt: signedToken({ claims: claimsOf(tenantId), header, key: entra.privateKey }, wanted),
    }),
  };
}

const conformance: Conformance = {
  upstream: {
    answer,
    requests: 1,
    isKept: true,
    outage: 'issuer_',
    options: (azureAuthority) => ({ azureAuthority }),
  },
  workload: () => managed(),
  signed: {
    publicKey: entra.publicKey,
    reasons: ['invalid_jwt', 'jwt_verification_failed', 'invalid_signing_key'],
    workload: (_, wanted) => managed(wanted),
  },
  refused: () => {
    const claiming = (claims: JWTPayload, reason: string, more?: object): RefusedWorkload => ({
      ...managed({ claims }, more),
      ...{ status: 401, reason },
    });
    const unverified = 'jwt_verification_failed';
    const other = randomUUID();
    return {
      'a token of another tenant': claiming(claimsOf(other), unverified),
      'the issuer of another tenant': claiming({ iss: `https://sts.windows.net/${other}/` }, unverified),
      'another tenant with the right issuer': claiming({ tid: other }, 'tenant_id_mismatch'),
      'no tenant': claiming({ tid: undefined }, 'tenant_id_mismatch'),
      'the issuer of version 2': {
        ...managed({ claims: { iss: `https://login.microsoftonline.com/${TENANT}/v2.0` } }, {}, TENANT),
        ...{ status: 401, reason: unverified },
      },
      'an issuer without its slash': {
        ...managed({ claims: { iss: `https://sts.windows.net/${TENANT}` } }, {}, TENANT),
        ...{ status: 401, reason: unverified },
      },
      'another resource': claiming({ aud: 'https://vault.azure.net' }, unverified),
      'a longer resource': claiming({ aud: `${RESOURCE}x` }, unverified),
      'two slashes': claiming({ aud: `${RESOURCE}/` }, unverified),
      'a list of resources': claiming({ aud: [RESOURCE] }, unverified),
      'another principal': claiming({ oid: other, sub: other }, 'service_principal_not_allowed'),
      'no principal': claiming({ oid: undefined, sub: undefined }, 'user_token_not_supported'),
      'an empty principal': claiming({ oid: '', sub: '' }, 'user_token_not_supported'),
      'a list of principals': claiming({ oid: [PRINCIPAL], sub: [PRINCIPAL] as never }, 'user_token_not_supported'),
      'a user': claiming({ scp: 'user_impersonation' }, 'user_token_not_supported'),
      'a user whose token says what it is': claiming({ idtyp: 'user' }, 'user_token_not_supported'),
      // As for a resource that lets applications do nothing for users: neither scp nor idtyp.
      'a user whose token does not say what it is': claiming(
        { idtyp: undefined, sub: 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ' },
        'user_token_not_supported',
      ),
      'a device': claiming({ idtyp: 'device' }, 'user_token_not_supported'),
      'a kind of token that is null': claiming({ idtyp: null }, 'user_token_not_supported'),
      'a user, for a resource of the tenant': claiming(
        { aud: 'api://latchkey', scp: 'read' },
        'user_token_not_supported',
        { resource: 'api://latchkey', allowedServicePrincipalIds: '' },
      ),
      'an unknown key': { ...managed({ header: { kid: 'b' } }), ...{ status: 401, reason: 'invalid_signing_key' } },
    };
  },
};

export const azureAuth: MethodFixture = {
  definition: AZURE_AUTH,
  attach: { tenantId: TENANT, resource: RESOURCE, allowedServicePrincipalIds: PRINCIPAL },
  update: { accessTokenTTL: 60 },
  routes: [],
  ids: [],
  makeIds: () => Promise.resolve({}),
  lists: [],
  bodyless: [],
  walk: [],
  bodies: { 'Log in with Azure Auth': (identityId) => managed({}, {}, TENANT).login(identityId, undefined as never) },
  options: async () => ({ azureAuthority: (await example()).url }),
  outages: ['issuer_timed_out'],
  conformance,
};
