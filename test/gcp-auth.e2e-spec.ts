import { decodeJwt, type JWTPayload } from 'jose';
import { type Answer, answered, invalid, refused } from './support/api-client';
import { done } from './support/given';
import { ACCOUNTS, Google, googleAt, googleKey, machineOf } from './support/google';
import { HttpsPeer } from './support/https-peer';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { signedToken } from './support/methods/signed-workload';

// The suite of all logins has what its upstream and its refusals have in common with those of other methods.

const LOGIN = '/api/v1/auth/gcp-auth/login';
const IDENTITIES = '/api/v1/auth/gcp-auth/identities';
const EMAIL = 'deployer@my-project-123.iam.gserviceaccount.com';
const COOLDOWN_MS = 200;
const DAY = 86_400_000;

const denied = (message: string) => refused(401, 'UnauthorizedError', message);
const NO_KEY = denied('Access denied: signing key not found');

let latchkey: TestLatchkey;
let peer: HttpsPeer;
const google = new Google();
const [first, second] = [googleKey('first'), googleKey('second')];

beforeAll(async () => {
  peer = await HttpsPeer.start({ isPlain: true });
  peer.answer = google.answer;
  latchkey = await startLatchkey({ ...googleAt(peer.url), keySetCooldownMs: COOLDOWN_MS });
});
beforeEach(() => {
  google.keys = [first];
  google.accounts.set(EMAIL, [first]);
});
afterAll(async () => {
  await latchkey.stop();
  await peer.stop();
});

const attach = (identityId: string, body: object) => latchkey.admin.post(`${IDENTITIES}/${identityId}`, body);
const update = (identityId: string, body: object) => latchkey.admin.patch(`${IDENTITIES}/${identityId}`, body);

async function attached(body: object): Promise<string> {
  const identityId = await latchkey.given.identity();
  done(await attach(identityId, body));
  return identityId;
}

const IAM = { type: 'iam', allowedServiceAccounts: EMAIL };
const MACHINE = machineOf(EMAIL, 'my-project-123', 'europe-west1-b');
const OF_ACCOUNT = { iss: EMAIL, sub: EMAIL };

async function login(identityId: string, claims: JWTPayload, { key, kid } = first, more = {}): Promise<Answer> {
  const jwt = signedToken({ claims: { aud: identityId, ...claims }, header: { kid, ...more }, key });
  return latchkey.anonymous.post(LOGIN, { identityId, jwt: `${jwt}\n` });
}

async function until(answer: () => Promise<Answer>, status: number): Promise<Answer> {
  const end = Date.now() + 20_000;
  for (;;) {
    const got = await answer();
    if (got.status === status || Date.now() > end) return got;
    await new Promise((resolve) => setTimeout(resolve, COOLDOWN_MS / 4));
  }
}

describe('GCP Auth', () => {
  it('is attached, read, updated and removed', async () => {
    const identityId = await latchkey.given.identity();
    // As Terraform sends it.
    const sent = { type: 'gce', allowedServiceAccounts: '', allowedProjects: 'a,b', allowedZones: 'us-east1-b' };
    const { identityGcpAuth } = done(await attach(identityId, { ...sent, identityId }));
    expect(identityGcpAuth).toMatchObject({ ...sent, identityId, allowedProjects: 'a, b' });
    const path = `${IDENTITIES}/${identityId}`;
    expect(await latchkey.admin.get(path)).toEqual(answered({ identityGcpAuth }));
    const changed = { ...identityGcpAuth, allowedZones: '', updatedAt: expect.any(String) };
    expect(await update(identityId, { allowedZones: null })).toEqual(answered({ identityGcpAuth: changed }));
    expect(await update(identityId, { allowedProjects: '' })).toEqual(
      invalid(['custom', ['allowedServiceAccounts'], expect.stringContaining('Name service accounts or projects')]),
    );
    const { identity } = done(await latchkey.admin.get(`/api/v1/identities/${identityId}`)).identity;
    expect(identity.authMethods).toEqual(['gcp-auth']);
    expect(await latchkey.admin.delete(path)).toEqual(answered({ identityGcpAuth: changed }));
    const missing = refused(404, 'NotFound', 'The identity does not have GCP Auth attached');
    for (const answer of [await latchkey.admin.get(path), await update(identityId, {})])
      expect(answer).toEqual(missing);
  });

  it.each<[object, string, string]>([
    [{ type: 'gce' }, 'allowedServiceAccounts', 'every customer of Google Cloud'],
    [{ type: 'gce', allowedZones: 'us-east1-b' }, 'allowedServiceAccounts', 'every customer of Google Cloud'],
    [{ type: 'iam' }, 'allowedServiceAccounts', 'every service account of Google Cloud'],
    [{ ...IAM, allowedProjects: 'a' }, 'allowedProjects', 'Only with the type gce'],
    [{ ...IAM, allowedServiceAccounts: '*@x.example' }, 'allowedServiceAccounts', 'Expected e-mail addresses'],
    [{ type: 'gce', allowedProjects: 'a*' }, 'allowedProjects', 'Expected ids of projects'],
    [{ type: 'gce', allowedProjects: 'a', allowedZones: 'us_*' }, 'allowedZones', 'Expected zones'],
  ])('refuses a configuration that cannot be meant: %j', async (body, field, message) => {
    const identityId = await latchkey.given.identity();
    expect(await attach(identityId, body)).toEqual(invalid(['custom', [field], expect.stringContaining(message)]));
  });
});

describe('a login with an identity token of Google', () => {
  it('is for the accounts, projects and zones that are listed', async () => {
    const identityId = await attached({
      ...{ type: 'gce', allowedServiceAccounts: `x@y.z, ${EMAIL}`, accessTokenTTL: 600 },
      ...{ allowedProjects: 'other, my-project-123', allowedZones: 'europe-west1-b' },
    });
    const { accessToken } = done(await login(identityId, MACHINE)) as { accessToken: string };
    expect(decodeJwt(accessToken)).toMatchObject({ identityId, authMethod: 'gcp-auth', identityAuth: {} });
    const project = { google: machineOf(EMAIL, 'my-project-12', 'europe-west1-b').google };
    expect(await login(identityId, { ...MACHINE, ...project })).toEqual(
      denied('Access denied: GCP project not allowed.'),
    );
  });

  it('says where it comes from, or is refused where that is limited; Cloud Run needs a list of accounts', async () => {
    const run = { ...MACHINE, google: undefined };
    const limited = await attached({ type: 'gce', allowedServiceAccounts: EMAIL, allowedZones: 'europe-west1-b' });
    expect(await login(limited, run)).toEqual(denied('Access denied: GCP zone not allowed.'));
    const listed = await attached({ type: 'gce', allowedServiceAccounts: EMAIL });
    expect((await login(listed, run)).status).toBe(200);
  });

  it('is for this identity, and of no other kind', async () => {
    const identityId = await attached({ type: 'gce', allowedServiceAccounts: EMAIL });
    const other = await attached(IAM);
    expect(await login(identityId, { ...MACHINE, aud: other })).toEqual(denied('Access denied: jwt audience invalid'));
    expect(await login(identityId, OF_ACCOUNT)).toEqual(denied('Access denied: jwt issuer invalid'));
    expect(await login(other, MACHINE)).toEqual(denied('Invalid service account identifier'));
    // Signed with RS384: Google signs with RS256 only.
    expect(await login(identityId, MACHINE, first, { alg: 'RS384' })).toEqual(
      denied('Access denied: invalid signature'),
    );
    expect(await login(identityId, MACHINE, first, { kid: undefined })).toEqual(NO_KEY);
  });
});

describe('a login with a token that a service account has signed', () => {
  it('is verified with the certificates of that account alone, and asks for no other', async () => {
    const identityId = await attached(IAM);
    expect((await login(identityId, OF_ACCOUNT)).status).toBe(200);
    expect(peer.asked.at(-1)).toBe(`GET ${ACCOUNTS}/${encodeURIComponent(EMAIL)}`);
    const before = peer.asked.length;
    const strangers = [`x-${EMAIL}`, EMAIL.replace('123', '124'), 'a@b.iam.gserviceaccount.com'];
    for (const sub of strangers) {
      const answer = await login(identityId, { iss: sub, sub });
      expect(answer).toEqual(denied('Access denied: GCP service account not allowed.'));
    }
    for (const sub of [`${EMAIL}.evil.example`, '../certs', `${EMAIL}/../x`, EMAIL.toUpperCase()]) {
      expect(await login(identityId, { sub })).toEqual(denied('Invalid service account identifier'));
    }
    expect(peer.asked.length).toBe(before);
    // Google's own key is not the account's.
    google.keys = [second];
    expect(await login(identityId, OF_ACCOUNT, second)).toEqual(NO_KEY);
  });

  it('is refused where the account is gone, and works when Google knows it', async () => {
    const email = 'late@my-project-123.iam.gserviceaccount.com';
    const identityId = await attached({ type: 'iam', allowedServiceAccounts: email });
    expect(await login(identityId, { sub: email })).toEqual(NO_KEY);
    google.accounts.set(email, [first]);
    expect((await until(() => login(identityId, { sub: email }), 200)).status).toBe(200);
  });

  it('follows certificates that change meanwhile, and knows those that are not valid', async () => {
    const email = 'rotating@my-project-123.iam.gserviceaccount.com';
    const identityId = await attached({ type: 'iam', allowedServiceAccounts: email });
    google.accounts.set(email, [first]);
    const own = { iss: email, sub: email };
    expect((await login(identityId, own)).status).toBe(200);
    google.accounts.set(email, [second]);
    expect((await until(() => login(identityId, own, second), 200)).status).toBe(200);
    expect(await login(identityId, own, first)).toEqual(NO_KEY);
    const expired = googleKey('expired', new Date(Date.now() - DAY / 24));
    google.accounts.set(email, [second, expired]);
    expect((await until(() => login(identityId, own, second), 200)).status).toBe(200);
    expect(await login(identityId, own, expired)).toEqual(NO_KEY);
  });
});

describe('certificates that are none', () => {
  it('are 503, and one that cannot be read is no reason to refuse the others', async () => {
    const email = 'odd@my-project-123.iam.gserviceaccount.com';
    const identityId = await attached({ type: 'iam', allowedServiceAccounts: email });
    const own = { iss: email, sub: email };
    peer.answerJson([first.certificate]);
    expect((await login(identityId, own)).status).toBe(503);
    peer.answerJson({ first: 'x', a: 7, b: null, second: second.certificate });
    expect((await until(() => login(identityId, own, second), 200)).status).toBe(200);
    expect(await login(identityId, own, first)).toEqual(NO_KEY);
    peer.answer = google.answer;
  });
});
