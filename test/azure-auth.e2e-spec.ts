import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { answered, invalid, refused } from './support/api-client';
import { done } from './support/given';
import { HttpsPeer } from './support/https-peer';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { azureAuth } from './support/methods/azure-auth';

// The suite of all logins has what its upstream and its refusals have in common with those of other methods.

const LOGIN = '/api/v1/auth/azure-auth/login';
const IDENTITIES = '/api/v1/auth/azure-auth/identities';
const { conformance } = azureAuth;
const PRINCIPAL = '99999999-8888-4777-8666-555555555555';

let latchkey: TestLatchkey;
let peer: HttpsPeer;

beforeAll(async () => {
  peer = await HttpsPeer.start({ isPlain: true });
  peer.answer = conformance.upstream!.answer;
  latchkey = await startLatchkey({ azureAuthority: `${peer.url}/`, keySetCooldownMs: 200 });
});
afterAll(async () => {
  await latchkey.stop();
  await peer.stop();
});

const attach = (identityId: string, body: object) => latchkey.admin.post(`${IDENTITIES}/${identityId}`, body);
const update = (identityId: string, body: object) => latchkey.admin.patch(`${IDENTITIES}/${identityId}`, body);

/** Logs in with a token as it is by itself, under a configuration that differs. */
async function loginUnder(change: object, claims = {}) {
  const workload = conformance.signed!.workload({ url: '', ca: '' }, { claims });
  const identityId = await latchkey.given.identity();
  done(await attach(identityId, { ...workload.attach, ...change }));
  return latchkey.anonymous.post(LOGIN, await workload.login(identityId, latchkey.given));
}

describe('Azure Auth', () => {
  it('is attached, read, updated and removed', async () => {
    const identityId = await latchkey.given.identity();
    // As Terraform sends it.
    const sent = { tenantId: randomUUID(), resource: 'https://management.azure.com' };
    const ids = `${PRINCIPAL},${PRINCIPAL}`;
    const { identityAzureAuth } = done(
      await attach(identityId, { ...sent, identityId, allowedServicePrincipalIds: ids }),
    );
    expect(identityAzureAuth).toMatchObject({ ...sent, allowedServicePrincipalIds: `${PRINCIPAL}, ${PRINCIPAL}` });
    const path = `${IDENTITIES}/${identityId}`;
    expect(await latchkey.admin.get(path)).toEqual(answered({ identityAzureAuth }));
    expect(await update(identityId, { allowedServicePrincipalIds: null })).toEqual(
      invalid(['custom', ['allowedServicePrincipalIds'], expect.stringContaining('every workload')]),
    );
    const own = { resource: 'api://latchkey', allowedServicePrincipalIds: null };
    const { identityAzureAuth: changed } = done(await update(identityId, own));
    expect(changed).toMatchObject({ ...sent, resource: 'api://latchkey', allowedServicePrincipalIds: '' });
    const { identity } = done(await latchkey.admin.get(`/api/v1/identities/${identityId}`)).identity;
    expect(identity.authMethods).toEqual(['azure-auth']);
    expect(await latchkey.admin.delete(path)).toEqual(answered({ identityAzureAuth: changed }));
    const missing = refused(404, 'NotFound', 'The identity does not have Azure Auth attached');
    for (const answer of [await latchkey.admin.get(path), await update(identityId, {})])
      expect(answer).toEqual(missing);
  });

  it.each<[object, string, string]>([
    [{ tenantId: 'common' }, 'tenantId', 'Expected the id of a tenant'],
    [{ tenantId: '../x' }, 'tenantId', 'Expected the id of a tenant'],
    [{ allowedServicePrincipalIds: '*' }, 'allowedServicePrincipalIds', 'Expected object ids'],
    ...[
      'https://management.azure.com',
      'https://VAULT.azure.net/',
      'https://graph.microsoft.com',
      'https://database.windows.net./',
      '00000003-0000-0000-c000-000000000000',
      'https://app.example',
      'api://AzureADTokenExchange',
      'API://azureadtokenexchange/',
      'http://app.example',
      'x',
    ].map((resource): [object, string, string] => [
      { resource, allowedServicePrincipalIds: '' },
      'allowedServicePrincipalIds',
      'every workload of the tenant',
    ]),
  ])('refuses a configuration that cannot be meant: %j', async (body, field, message) => {
    const identityId = await latchkey.given.identity();
    const whole = { tenantId: randomUUID(), resource: 'api://latchkey', ...body };
    expect(await attach(identityId, whole)).toEqual(invalid(['custom', [field], expect.stringContaining(message)]));
  });
});

describe('a login with the token of a managed identity', () => {
  it('is answered a token, whether the resource ends in a slash here, there, or nowhere', async () => {
    const answer = done(await loginUnder({ accessTokenTTL: 600 })) as { accessToken: string };
    expect(decodeJwt(answer.accessToken)).toMatchObject({ authMethod: 'azure-auth', identityAuth: {} });
    const resources = ['https://management.azure.com', 'https://management.azure.com/'];
    for (const resource of resources) {
      for (const aud of resources) expect((await loginUnder({ resource }, { aud })).status).toBe(200);
    }
    expect(peer.asked.every((line) => /^GET \/[0-9a-f-]{36}\/discovery\/keys$/.test(line))).toBe(true);
  });

  it('need not say that it is that of an application: the tokens of machines often do not', async () => {
    expect((await loginUnder({}, { idtyp: undefined, appidacr: undefined })).status).toBe(200);
  });

  it('is let in by any spelling of an id, and without a list for a resource of its own', async () => {
    expect((await loginUnder({ allowedServicePrincipalIds: PRINCIPAL.toUpperCase() })).status).toBe(200);
    const resource = 'api://latchkey';
    expect((await loginUnder({ resource, allowedServicePrincipalIds: '' }, { aud: resource })).status).toBe(200);
  });
});
