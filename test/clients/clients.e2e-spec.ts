import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApiClient as Generated, InfisicalSDK as InfisicalSDK3 } from 'infisical-sdk-3';
import { InfisicalSDK as InfisicalSDK4 } from 'infisical-sdk-4';
import { InfisicalSDK as InfisicalSDK5 } from 'infisical-sdk-5';
import { answered } from '../support/api-client';
import { done, type GivenClient } from '../support/given';
import { startLatchkey, type TestLatchkey } from '../support/latchkey';
import { StsPeer } from '../support/sts-peer';
import { CertifiedIssuer } from './certified-issuer';

// The official clients as they are published, against a running Latchkey: only `siteUrl` is another.

const IDENTITIES = '/api/v1/auth/universal-auth/identities';
const DETAILS = '/api/v1/identities/details';
const PUBLISHED: Record<string, string> = { '5.x': '5.0.2', '4.x': '4.0.6', '3.x': '3.0.91' };

/** A client of `@infisical/sdk`, of whichever version. */
interface Sdk {
  login(clientId: string, clientSecret: string, more?: object): Promise<void>;
  renew(): Promise<void>;
  /** Logs in with AWS Auth, with what the environment says about AWS. */
  loginFromAws(identityId: string): Promise<void>;
  /** The token it holds, where it lets one see it. */
  token(): string | null;
  use(token: string): void;
}

let latchkey: TestLatchkey;
/** The tokens that were handed out, in order: 3.x keeps its own to itself. */
const handedOut: string[] = [];
let siteUrl: string;
let front: http.Server;
let tooMany = 0;
let sts: StsPeer;

beforeAll(async () => {
  sts = await StsPeer.start();
  latchkey = await startLatchkey({ outboundAllow: ['127.0.0.0/8'], awsStsUrl: sts.url });
  front = await startFront();
  siteUrl = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
});
afterEach(() => latchkey.clock.reset());
afterAll(async () => {
  await new Promise((resolve) => {
    front.close(resolve);
    front.closeAllConnections();
  });
  await latchkey.stop();
  await sts.stop();
});

/** Hands requests through as they are, notes the tokens in the answers, and can say that there were too many. */
async function startFront(): Promise<http.Server> {
  const { hostname, port } = new URL(latchkey.url);
  const server = http.createServer((request, response) => {
    if (tooMany > 0) {
      tooMany -= 1;
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '1' }).end('{"message":"later"}');
      return;
    }
    const { method, url: path, headers } = request;
    const passed = http.request({ hostname, port, method, path, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => {
        const token = /"accessToken":"([^"]+)"/.exec(text)?.[1];
        if (token) handedOut.push(token);
        response.writeHead(answer.statusCode!, { 'content-type': answer.headers['content-type'] ?? '' }).end(text);
      });
    });
    request.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function sdk(version: string, at = siteUrl): Sdk {
  if (version === '3.x') {
    let client = new InfisicalSDK3({ siteUrl: at });
    return {
      login: async (clientId, clientSecret) => {
        client = await client.auth().universalAuth.login({ clientId, clientSecret });
      },
      renew: async () => {
        client = await client.auth().universalAuth.renew();
      },
      loginFromAws: async (identityId) => {
        client = await client.auth().awsIamAuth.login({ identityId });
      },
      token: () => handedOut.at(-1) ?? null,
      use: (token) => {
        client = client.auth().accessToken(token);
      },
    };
  }
  let client = version === '4.x' ? new InfisicalSDK4({ siteUrl: at }) : new InfisicalSDK5({ siteUrl: at });
  return {
    login: async (clientId, clientSecret, more = {}) => {
      client = await client.auth().universalAuth.login({ clientId, clientSecret, ...more });
    },
    renew: async () => {
      client = await client.auth().universalAuth.renew();
    },
    loginFromAws: async (identityId) => {
      client = await client.auth().awsIamAuth.login({ identityId });
    },
    token: () => client.auth().getAccessToken(),
    use: (token) => {
      client = client.auth().accessToken(token);
    },
  };
}

const details = (token: string | null) => latchkey.as(token ?? '').get(DETAILS);
const failure = (work: Promise<void>) =>
  work.then(
    () => 'it worked',
    (error: Error) => error.message,
  );

describe.each(['5.x', '4.x', '3.x'])('@infisical/sdk %s', (version) => {
  let client: GivenClient;
  let one: Sdk;

  beforeEach(async () => {
    client = await latchkey.given.client({ policy: { accessTokenTTL: 3600, accessTokenMaxTTL: 86400 } });
    one = sdk(version);
  });

  it('is the version that this suite says it is', () => {
    const file = `./node_modules/infisical-sdk-${version[0]}/package.json`;
    const { name, version: actual } = jest.requireActual<{ name: string; version: string }>(file);
    expect({ name, actual }).toEqual({ name: '@infisical/sdk', actual: PUBLISHED[version] });
  });

  it('logs in, and its token works', async () => {
    await one.login(client.clientId, client.clientSecret);
    expect((await details(one.token())).status).toBe(200);
  });

  it('logs in anew though the token it holds is dead', async () => {
    await one.login(client.clientId, client.clientSecret);
    const first = one.token();
    await latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken: first });
    await one.login(client.clientId, client.clientSecret);
    expect(one.token()).not.toBe(first);
    expect((await details(one.token())).status).toBe(200);
  });

  it('renews, and the renewed token outlives the first', async () => {
    await one.login(client.clientId, client.clientSecret);
    const first = one.token();
    latchkey.clock.advance(1800);
    await one.renew();
    latchkey.clock.advance(2400);
    expect((await details(first)).status).toBe(401);
    expect((await details(one.token())).status).toBe(200);
  });

  it('works for an hour on tokens of two minutes, and never notices', async () => {
    const short = await latchkey.given.client({ policy: { accessTokenTTL: 120, accessTokenMaxTTL: 7200 } });
    await one.login(short.clientId, short.clientSecret);
    for (let minute = 0; minute < 60; minute += 1) {
      latchkey.clock.advance(60);
      await one.renew();
      expect((await details(one.token())).status).toBe(200);
    }
  });

  it('renews a token it was merely given', async () => {
    const { accessToken } = await latchkey.given.token();
    one.use(accessToken);
    await one.renew();
    expect((await details(one.token())).status).toBe(200);
  });

  it('says what was wrong: the secret, its age, its use, its client', async () => {
    expect(await failure(one.login(client.clientId, 'wrong'))).toMatch(/StatusCode=401\] Invalid credentials/);
    expect(await failure(one.login('nobody', client.clientSecret))).toMatch(/StatusCode=401\] Invalid credentials/);
    const limited = await latchkey.given.clientSecretFor(client.identityId, { numUsesLimit: 1 });
    await one.login(client.clientId, limited.clientSecret);
    expect(await failure(one.login(client.clientId, limited.clientSecret))).toContain('usage limit reached');
    const short = await latchkey.given.clientSecretFor(client.identityId, { ttl: 60 });
    latchkey.clock.advance(61);
    expect(await failure(one.login(client.clientId, short.clientSecret))).toContain('expired client secret');
  });

  it('says that it is locked out, and gets in when that is cleared', async () => {
    for (let i = 0; i < 3; i += 1) await failure(one.login(client.clientId, 'wrong'));
    expect(await failure(one.login(client.clientId, client.clientSecret))).toContain('temporarily locked');
    done(await latchkey.admin.post(`${IDENTITIES}/${client.identityId}/clear-lockouts`));
    expect(await failure(one.login(client.clientId, client.clientSecret))).toBe('it worked');
  });

  it('cannot renew once its secret is revoked, nor log in with it', async () => {
    await one.login(client.clientId, client.clientSecret);
    const { identityId, clientSecretId } = client;
    done(await latchkey.admin.post(`${IDENTITIES}/${identityId}/client-secrets/${clientSecretId}/revoke`));
    expect(await failure(one.renew())).toContain('client secret has been revoked');
    expect(await failure(one.login(client.clientId, client.clientSecret))).toContain('Invalid credentials');
  });

  it('cannot renew an expired token, and logs in anew', async () => {
    await one.login(client.clientId, client.clientSecret);
    latchkey.clock.advance(3601);
    expect(await failure(one.renew())).toContain('Your token has expired. Please re-authenticate.');
    await one.login(client.clientId, client.clientSecret);
    expect((await details(one.token())).status).toBe(200);
  });

  it('fails without a word about a secret when what it sends has no form', async () => {
    const said = await failure(one.login('', client.clientSecret));
    expect(said).not.toBe('it worked');
    expect(said).not.toContain(client.clientSecret);
  });

  it('logs in from AWS as it would there: AWS alone checks what it has signed', async () => {
    // The third of its versions keeps the first key that it finds, so all have one.
    const key = { id: 'ASIACLIENTS000000000', secret: 'the secret of a session', token: 'the token of a session' };
    const arn = 'arn:aws:sts::123456789012:assumed-role/deployer/i-0abc';
    sts.sts.know(key, { Account: '123456789012', Arn: arn, UserId: 'AROADEPLOYER:i-0abc' });
    const identityId = await latchkey.given.identity();
    const allowedPrincipalArns = 'arn:aws:iam::123456789012:role/deployer';
    done(await latchkey.admin.post(`/api/v1/auth/aws-auth/identities/${identityId}`, { allowedPrincipalArns }));
    // A region for each: two versions may sign within the same second.
    Object.assign(process.env, {
      ...{ AWS_REGION: `eu-west-${version[0]}`, AWS_ACCESS_KEY_ID: key.id },
      ...{ AWS_SECRET_ACCESS_KEY: key.secret, AWS_SESSION_TOKEN: key.token },
    });
    await one.loginFromAws(identityId);
    expect((await details(one.token())).status).toBe(200);
    sts.sts.know({ ...key, secret: 'another secret' }, { Account: '123456789012', Arn: arn, UserId: 'x' });
    expect(await failure(one.loginFromAws(identityId))).toContain('AWS rejected the signed request');
  });

  it('waits and tries again when it is told that there were too many requests', async () => {
    tooMany = 1;
    await one.login(client.clientId, client.clientSecret);
    expect(tooMany).toBe(0);
    expect((await details(one.token())).status).toBe(200);
  });
});

describe.each(['5.x', '4.x'])('@infisical/sdk %s', (version) => {
  it('hands the slug of its organization on', async () => {
    const { organization } = done(await latchkey.admin.get(DETAILS)).identityDetails;
    const client = await latchkey.given.client();
    const one = sdk(version);
    await one.login(client.clientId, client.clientSecret, { organizationSlug: organization.slug as string });
    expect((await details(one.token())).status).toBe(200);
    expect(await failure(one.login(client.clientId, client.clientSecret, { organizationSlug: 'x' }))).toContain(
      'Sub organization with slug x not found',
    );
  });
});

describe('a program that renews its token before it runs out', () => {
  // The one suite that waits for real time: the clock that is waited for is the clients' as well.
  it('never meets a dead token, over several lifetimes, whichever version it uses', async () => {
    const client = await latchkey.given.client({ policy: { accessTokenTTL: 3, accessTokenMaxTTL: 60 } });
    const second = () => new Promise((resolve) => setTimeout(resolve, 1_000));
    // One after the other, because 3.x does not show its token but by the order in which tokens are handed out.
    const clients = ['5.x', '4.x', '3.x'].map((version) => sdk(version));
    const held: (string | null)[] = [];
    const firsts: (string | null)[] = [];
    for (const one of clients) {
      await one.login(client.clientId, client.clientSecret);
      firsts.push(one.token());
    }
    for (let elapsed = 0; elapsed < 8; elapsed += 1) {
      await second();
      for (const [index, one] of clients.entries()) {
        await one.renew();
        held[index] = one.token();
      }
      for (const token of held) expect(await details(token)).toEqual(answered(expect.anything()));
    }
    for (const token of firsts) expect((await details(token)).status).toBe(401);
  });
});

describe('the generated client of @infisical/sdk 3.x', () => {
  const as = (accessToken?: string) =>
    new Generated.DefaultApi(new Generated.Configuration({ basePath: siteUrl, accessToken }));

  it('manages an identity from its making to its end', async () => {
    const api = as(latchkey.admin.token);
    const { organizationId } = latchkey.given;

    const made = await api.apiV1IdentitiesPost({ apiV1IdentitiesPostRequest: { name: 'made', organizationId } });
    const identityId = made.data.identity.id;
    const attached = await api.apiV1AuthUniversalAuthIdentitiesIdentityIdPost({
      identityId,
      apiV1AuthUniversalAuthIdentitiesIdentityIdPostRequest: { accessTokenTTL: 60, accessTokenMaxTTL: 600 },
    });
    const { clientId } = attached.data.identityUniversalAuth;
    await api.apiV1AuthUniversalAuthIdentitiesIdentityIdPatch({
      identityId,
      apiV1AuthUniversalAuthIdentitiesIdentityIdPatchRequest: { accessTokenTTL: 120 },
    });
    const config = await api.apiV1AuthUniversalAuthIdentitiesIdentityIdGet({ identityId });
    expect(config.data.identityUniversalAuth).toMatchObject({ clientId, accessTokenTTL: 120 });

    const secret = await api.apiV1AuthUniversalAuthIdentitiesIdentityIdClientSecretsPost({
      identityId,
      apiV1AuthUniversalAuthIdentitiesIdentityIdClientSecretsPostRequest: { description: 'd' },
    });
    const { clientSecret, clientSecretData } = secret.data;
    const clientSecretId = clientSecretData.id;
    const list = await api.apiV1AuthUniversalAuthIdentitiesIdentityIdClientSecretsGet({ identityId });
    expect(list.data.clientSecretData.map(({ id }) => id)).toEqual([clientSecretId]);

    const login = await as().apiV1AuthUniversalAuthLoginPost({
      apiV1AuthUniversalAuthLoginPostRequest: { clientId, clientSecret },
    });
    expect(login.data).toEqual({
      accessToken: expect.any(String),
      expiresIn: 120,
      accessTokenMaxTTL: 600,
      tokenType: 'Bearer',
    });
    const { accessToken } = login.data;
    await as().apiV1AuthTokenRenewPost({ apiV1AuthTokenRenewPostRequest: { accessToken } });
    await as().apiV1AuthTokenRevokePost({ apiV1AuthTokenRevokePostRequest: { accessToken } });
    expect((await details(accessToken)).status).toBe(401);

    const where = { identityId, clientSecretId };
    const revoked = await api.apiV1AuthUniversalAuthIdentitiesIdentityIdClientSecretsClientSecretIdRevokePost(where);
    expect(revoked.data.clientSecretData.isClientSecretRevoked).toBe(true);
    const shown = await api.apiV1AuthUniversalAuthIdentitiesIdentityIdClientSecretsClientSecretIdGet(where);
    expect(shown.data.clientSecretData.isClientSecretRevoked).toBe(true);

    const read = await api.apiV1IdentitiesIdentityIdGet({ identityId });
    expect(read.data.identity.identity).toMatchObject({ id: identityId, authMethods: ['universal-auth'] });
    await api.apiV1AuthUniversalAuthIdentitiesIdentityIdDelete({ identityId });
    await api.apiV1IdentitiesIdentityIdDelete({ identityId });
    await expect(api.apiV1IdentitiesIdentityIdGet({ identityId })).rejects.toMatchObject({ response: { status: 404 } });
  });

  it('logs in with the token that a CI job has of a certified issuer, and a job of a fork does not', async () => {
    const job = 'repo:acme/app:ref:refs/heads/main';
    const fork = 'repo:stranger/app:ref:refs/heads/main';
    const claims = { repository: 'acme/app', repository_owner_id: '42', ref: 'refs/heads/main', event_name: 'push' };
    const issuer = await CertifiedIssuer.start({
      [job]: claims,
      [fork]: { ...claims, repository: 'stranger/app', repository_owner_id: '666' },
    });
    try {
      const api = as(latchkey.admin.token);
      const identityId = await latchkey.given.identity();
      const attached = await api.apiV1AuthOidcAuthIdentitiesIdentityIdPost({
        identityId,
        apiV1AuthOidcAuthIdentitiesIdentityIdPostRequest: {
          ...issuer.place,
          boundClaims: { repository_owner_id: '42', ref: 'refs/heads/main', event_name: 'push' },
          boundSubject: '',
        },
      });
      expect(attached.data.identityOidcAuth).toMatchObject({ identityId, boundIssuer: issuer.place.boundIssuer });
      // It names the body after the first method that has one like it.
      const login = async (from: string) =>
        as().apiV1AuthOidcAuthLoginPost({
          apiV1AuthKubernetesAuthLoginPostRequest: { identityId, jwt: await issuer.tokenFor(from) },
        });
      expect((await details((await login(job)).data.accessToken)).status).toBe(200);
      const refusal = { status: 401, data: { message: 'Access denied: OIDC claim not allowed.' } };
      await expect(login(fork)).rejects.toMatchObject({ response: refusal });
      const events = latchkey.logs.filter((line) => line.includes('login.failed') && line.includes(identityId));
      expect(events.join()).toContain('"reason":"claim_not_allowed"');
    } finally {
      await issuer.stop();
    }
  });

  it('makes, lists, renames and revokes tokens by hand', async () => {
    const api = as(latchkey.admin.token);
    const identityId = await latchkey.given.identity();
    await api.apiV1AuthTokenAuthIdentitiesIdentityIdPost({ identityId });
    const made = await api.apiV1AuthTokenAuthIdentitiesIdentityIdTokensPost({
      identityId,
      apiV1AuthTokenAuthIdentitiesIdentityIdTokensPostRequest: { name: 'ci-runner' },
    });
    // Its types lack what it answers.
    const tokenId = (made.data as unknown as { tokenData: { id: string } }).tokenData.id;
    expect((await details(made.data.accessToken)).status).toBe(200);
    const renamed = await api.apiV1AuthTokenAuthTokensTokenIdPatch({
      tokenId,
      apiV1AuthTokenAuthTokensTokenIdPatchRequest: { name: 'ci-runner-2' },
    });
    expect(renamed.data.token).toMatchObject({ id: tokenId, name: 'ci-runner-2' });
    const list = await api.apiV1AuthTokenAuthIdentitiesIdentityIdTokensGet({ identityId });
    expect(list.data.tokens.map(({ id }) => id)).toEqual([tokenId]);
    await api.apiV1AuthTokenAuthTokensTokenIdRevokePost({ tokenId });
    expect((await details(made.data.accessToken)).status).toBe(401);
  });

  it('attaches, reads, updates and removes Token Auth', async () => {
    const api = as(latchkey.admin.token);
    const identityId = await latchkey.given.identity();
    await api.apiV1AuthTokenAuthIdentitiesIdentityIdPost({ identityId });
    const updated = await api.apiV1AuthTokenAuthIdentitiesIdentityIdPatch({
      identityId,
      apiV1AuthTokenAuthIdentitiesIdentityIdPatchRequest: { accessTokenTTL: 120, accessTokenMaxTTL: 600 },
    });
    const read = await api.apiV1AuthTokenAuthIdentitiesIdentityIdGet({ identityId });
    expect(read.data).toEqual(updated.data);
    expect(read.data.identityTokenAuth).toMatchObject({ identityId, accessTokenTTL: 120, accessTokenMaxTTL: 600 });
    const removed = await api.apiV1AuthTokenAuthIdentitiesIdentityIdDelete({ identityId });
    expect(removed.data).toEqual(read.data);
    await expect(api.apiV1AuthTokenAuthIdentitiesIdentityIdGet({ identityId })).rejects.toMatchObject({
      response: { status: 404 },
    });
  });

  it('reads which methods are locked out, and that none is once that is cleared', async () => {
    const api = as(latchkey.admin.token);
    const { identityId, clientId, clientSecret } = await latchkey.given.client();
    for (let i = 0; i < 3; i += 1) await failure(sdk('5.x').login(clientId, 'wrong'));
    const locked = await api.apiV1IdentitiesIdentityIdGet({ identityId });
    expect(locked.data.identity.identity).toMatchObject({ activeLockoutAuthMethods: ['universal-auth'] });
    done(await latchkey.admin.post(`${IDENTITIES}/${identityId}/clear-lockouts`));
    const cleared = await api.apiV1IdentitiesIdentityIdGet({ identityId });
    expect(cleared.data.identity.identity).toMatchObject({ activeLockoutAuthMethods: [] });
    expect(await failure(sdk('5.x').login(clientId, clientSecret))).toBe('it worked');
  });
});

// Last: its application takes the log over.
describe('a node that limits requests', () => {
  it('is met by every version: a login beyond the limit waits, comes back by itself, and succeeds', async () => {
    const { clientId, clientSecret } = await latchkey.given.client();
    const requestLimits = { publicPerAddress: [{ limit: 1, perSeconds: 2 }] };
    const limited = await startLatchkey({ authSecret: latchkey.authSecret, requestLimits }, { isBootstrapped: false });
    const refusals = () => limited.logs.filter((line) => line.includes('rate_limited')).length;
    for (const version of Object.keys(PUBLISHED)) {
      await limited.anonymous.post('/api/v1/auth/universal-auth/login', { clientId, clientSecret });
      const before = refusals();
      await sdk(version, limited.url).login(clientId, clientSecret);
      expect([version, refusals()]).not.toEqual([version, before]);
    }
    await limited.stop();
  });
});
