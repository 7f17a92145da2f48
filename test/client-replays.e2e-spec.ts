import * as http from 'node:http';
import { decode } from 'jsonwebtoken';
import { answered, refused } from './support/api-client';
import { done, type GivenClient } from './support/given';
import { HttpsPeer } from './support/https-peer';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { METHODS } from './support/methods';
import { scopeOf, signatureOf } from './support/sigv4';
import { BODY, StsPeer } from './support/sts-peer';

// What clients that are not written in JavaScript send, request by request, and what they read of the answers.

const API = '/api/v1';
const DETAILS = '/api/v1/identities/details';
const FORM = 'application/x-www-form-urlencoded';
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

let latchkey: TestLatchkey;
let clouds: HttpsPeer[];
let sts: StsPeer;
beforeAll(async () => {
  sts = await StsPeer.start();
  clouds = await Promise.all(CLOUDS.map(startCloud));
  const places = CLOUDS.map(({ conformance }, n) => conformance.upstream!.options!(clouds[n]!.url));
  latchkey = await startLatchkey(Object.assign({ outboundAllow: ['127.0.0.1/32'] }, ...places, { awsStsUrl: sts.url }));
});
afterEach(() => latchkey.clock.reset());
afterAll(async () => {
  await latchkey.stop();
  await Promise.all([sts, ...clouds].map((peer) => peer.stop()));
});

/** The methods whose upstream the operator sets. */
const CLOUDS = METHODS.filter(({ conformance }) => conformance.upstream?.options);

async function startCloud({ conformance }: (typeof METHODS)[number]): Promise<HttpsPeer> {
  const peer = await HttpsPeer.start({ isPlain: true });
  peer.answer = conformance.upstream!.answer;
  return peer;
}

/** A request exactly as it was recorded: `fetch` would tidy it up, and refuse a body on GET. */
function replay(
  method: string,
  path: string,
  headers: Record<string, string>,
  sent = '',
): Promise<{ status: number; type: string; body: Record<string, unknown> }> {
  const { hostname, port } = new URL(latchkey.url);
  return new Promise((resolve, reject) => {
    const length = sent === '' && method === 'GET' ? {} : { 'content-length': String(Buffer.byteLength(sent)) };
    const options = { hostname, port, method, path, headers: { ...headers, ...length }, agent: false };
    const request = http.request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode!,
          type: response.headers['content-type'] ?? '',
          body: JSON.parse(text) as Record<string, unknown>,
        }),
      );
    });
    request.on('error', reject).end(sent);
  });
}

/** The four fields every client decodes, each of the type the strictest of them insists on. */
function expectLogin({ status, type, body }: Awaited<ReturnType<typeof replay>>): string {
  expect(status).toBe(200);
  expect(type).toContain('application/json');
  expect(body).toEqual({
    accessToken: expect.any(String),
    expiresIn: expect.any(Number),
    accessTokenMaxTTL: expect.any(Number),
    tokenType: 'Bearer',
  });
  for (const field of ['expiresIn', 'accessTokenMaxTTL']) {
    expect(Number.isInteger(body[field])).toBe(true);
    expect(body[field]).toBeGreaterThan(0);
  }
  return body.accessToken as string;
}

/** A refusal as clients show it: text for a message, and an id to ask about. */
function expectRefusal({ status, type, body }: Awaited<ReturnType<typeof replay>>, expected: number): void {
  expect(status).toBe(expected);
  expect(type).toContain('application/json');
  expect(body).toMatchObject({ statusCode: expected, message: expect.any(String), error: expect.any(String) });
  expect(body.reqId).toMatch(/^req-/);
}

const works = async (token: string) => expect((await latchkey.as(token).get(DETAILS)).status).toBe(200);

describe('the GitHub actions (auth-action, secrets-action)', () => {
  const headers = {
    Accept: 'application/json, text/plain, */*',
    'Content-Type': FORM,
    'User-Agent': 'axios/1.6.8',
  };

  it('log in with a form', async () => {
    const { clientId, clientSecret } = await latchkey.given.client();
    const body = new URLSearchParams({ clientId, clientSecret }).toString();
    await works(expectLogin(await replay('POST', `${API}/auth/universal-auth/login`, headers, body)));
  });

  it('print the message of a refused login', async () => {
    const { clientId } = await latchkey.given.client();
    const body = new URLSearchParams({ clientId, clientSecret: 'wrong' }).toString();
    const answer = await replay('POST', `${API}/auth/universal-auth/login`, headers, body);
    expectRefusal(answer, 401);
    expect(answer.body.message).toBe('Invalid credentials');
  });

  it.each(METHODS.filter(({ conformance }) => conformance.upstream && !conformance.upstream.options))(
    'log in with a form of the identity and its token: $definition.title',
    async ({ definition: { slug }, conformance: { upstream, workload } }) => {
      const peer = await HttpsPeer.start();
      peer.answer = upstream!.answer;
      const { attach, login } = workload({ url: peer.url, ca: peer.authority.cert.trim() });
      const identityId = await latchkey.given.identity();
      done(await latchkey.admin.post(`${API}/auth/${slug}/identities/${identityId}`, attach));
      const credentials = (await login(identityId, latchkey.given)) as Record<string, string>;
      const body = new URLSearchParams(credentials).toString();
      await works(expectLogin(await replay('POST', `${API}/auth/${slug}/login`, headers, body)));
      await peer.stop();
    },
  );

  it('are told in the common body that a method is not there yet', async () => {
    const body = new URLSearchParams({ identityId: 'iid', jwt: 'gh.oidc.jwt' }).toString();
    expectRefusal(await replay('POST', `${API}/auth/oidc-auth/login`, headers, body), 404);
  });
});

describe('npm clients as they were recorded', () => {
  let client: GivenClient;
  beforeAll(async () => {
    client = await latchkey.given.client();
  });
  const credentials = () => JSON.stringify({ clientId: client.clientId, clientSecret: client.clientSecret });

  it.each<[string, Record<string, string>]>([
    [
      '5.0.2',
      {
        connection: 'keep-alive',
        'Content-Type': 'application/json',
        accept: '*/*',
        'accept-language': '*',
        'sec-fetch-mode': 'cors',
        'user-agent': 'node',
        'accept-encoding': 'gzip, deflate',
      },
    ],
    [
      '4.0.6 and 3.0.91',
      {
        Accept: 'application/json, text/plain, */*',
        'Content-Type': 'application/json',
        'User-Agent': 'axios/1.21.1',
        'Accept-Encoding': 'gzip, compress, deflate, br',
        Connection: 'keep-alive',
      },
    ],
    [
      '2.3.5, with an Authorization header that is empty',
      {
        'content-type': 'application/json',
        accept: 'application/json',
        authorization: '',
        'user-agent': 'infisical-nodejs-sdk',
      },
    ],
    [
      'Java and .NET, with a charset and the dead token of before',
      { 'Content-Type': 'application/json; charset=utf-8', Authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x' },
    ],
  ])('log in: %s', async (_version, headers) => {
    await works(expectLogin(await replay('POST', `${API}/auth/universal-auth/login`, headers, credentials())));
  });

  it('log in at a path that begins with two slashes, as 2.x and 3.x do when the url ends in one', async () => {
    const headers = { 'content-type': 'application/json' };
    expectLogin(await replay('POST', `/${API}/auth/universal-auth/login`, headers, credentials()));
  });

  it('renew with the token that is renewed for a bearer, and without one', async () => {
    const login = await replay(
      'POST',
      `${API}/auth/universal-auth/login`,
      { 'content-type': 'application/json' },
      credentials(),
    );
    let token = expectLogin(login);
    for (const headers of [{ Authorization: `Bearer ${token}` }, {}] as Record<string, string>[]) {
      const sent = JSON.stringify({ accessToken: token });
      const type = { 'Content-Type': 'application/json' };
      token = expectLogin(await replay('POST', `${API}/auth/token/renew`, { ...type, ...headers }, sent));
      await works(token);
    }
  });

  it('send a JSON body with GET (2.x)', async () => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${latchkey.admin.token}` };
    const { status } = await replay('GET', DETAILS, headers, JSON.stringify({ environment: 'dev' }));
    expect(status).toBe(200);
  });

  it('revoke with a form and no body at all (generated client)', async () => {
    const { identityId, clientSecretId } = await latchkey.given.client();
    const headers = { 'Content-Type': FORM, authorization: `Bearer ${latchkey.admin.token}` };
    const path = `${API}/auth/universal-auth/identities/${identityId}/client-secrets/${clientSecretId}/revoke`;
    const answer = await replay('POST', path, headers);
    expect(answer.body.clientSecretData).toMatchObject({ isClientSecretRevoked: true });
  });
});

describe('logins with a signed request of AWS, as they were recorded', () => {
  const KEY = { id: 'AKIARECORDED00000000', secret: 'the secret of a user' };
  const SESSION = { id: 'ASIARECORDED00000000', secret: 'the secret of a session', token: 'the token of a session' };
  const CALLER = { Account: '123456789012', Arn: 'arn:aws:iam::123456789012:user/jane', UserId: 'AIDAJANE' };
  const JSON_TYPE = 'application/json';
  let seconds = 0;

  /** What the client signs, by the names in lower case, whether it sends the header or not. */
  const signable = (key: typeof KEY & { token?: string }): Record<string, string> => ({
    ...{ host: 'sts.eu-west-1.amazonaws.com', 'content-length': '43' },
    'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
    'x-amz-content-sha256': 'ab821ae955788b0e33ebd34c208442ccfc2d406e2edc5e7a39bd6458fbb4f843',
    // Each of another second: the same key signs alike within one.
    'x-amz-date': new Date(Date.now() - (seconds += 1) * 1_000).toISOString().replace(/[-:]|\.\d+/g, ''),
    'x-amz-security-token': key.token ?? '',
  });

  /** The headers in the recorded order and spelling. */
  function recorded(key: typeof KEY, sent: string, names: string): string {
    const headers = signable(key);
    const signedHeaders = names.split(';');
    const scope = { date: headers['x-amz-date']!.slice(0, 8), region: 'eu-west-1', service: 'sts' };
    const request = { method: 'POST', path: '/', query: '', headers, signedHeaders, body: BODY };
    headers.authorization = [
      `AWS4-HMAC-SHA256 Credential=${key.id}/${scopeOf(scope)}`,
      `SignedHeaders=${names}`,
      `Signature=${signatureOf(request, key.secret, scope)}`,
    ].join(', ');
    return JSON.stringify(Object.fromEntries(sent.split(', ').map((name) => [name, headers[name.toLowerCase()]])));
  }

  it.each<[client: string, type: string, key: typeof KEY, sent: string, signed: string]>([
    [
      'npm 5.0.2 and 4.0.6',
      ...([
        JSON_TYPE,
        KEY,
        'Content-Type, Host, Content-Length, x-amz-date, x-amz-content-sha256, Authorization',
      ] as const),
      'content-length;content-type;host;x-amz-content-sha256;x-amz-date',
    ],
    [
      'GitHub actions',
      ...([
        FORM,
        SESSION,
        'Content-Type, Host, Content-Length, x-amz-date, x-amz-content-sha256, x-amz-security-token, Authorization',
      ] as const),
      'content-length;content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token',
    ],
    ['npm 3.0.91', JSON_TYPE, KEY, 'Content-Type, Host, X-Amz-Date, Content-Length, Authorization', 'host;x-amz-date'],
    ['Rust core of npm 2.3.5', FORM, KEY, 'x-amz-date, authorization', 'host;x-amz-date;x-amz-security-token'],
    [
      'Python 1.0.1',
      ...([JSON_TYPE, KEY, 'Host, Content-Type, X-Amz-Date, Authorization'] as const),
      'content-length;content-type;host;x-amz-date',
    ],
    [
      'Go SDK, CLI, agent and Terraform',
      ...([
        JSON_TYPE,
        SESSION,
        'Host, Content-Type, Content-Length, X-Amz-Date, Authorization, X-Amz-Security-Token',
      ] as const),
      'content-length;host;x-amz-date;x-amz-security-token',
    ],
    [
      'Go SDK with the key of a user',
      ...([JSON_TYPE, KEY, 'Host, Content-Type, Content-Length, X-Amz-Date, Authorization'] as const),
      'content-length;host;x-amz-date',
    ],
  ])('are let in by an STS that checks the signature: %s', async (_client, type, key, sent, signed) => {
    for (const known of [KEY, SESSION]) sts.sts.know(known, CALLER);
    const identityId = await latchkey.given.identity();
    const path = `${API}/auth/aws-auth/identities/${identityId}`;
    done(await latchkey.admin.post(path, { allowedAccountIds: CALLER.Account }));
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const iamRequestHeaders = base64(recorded(key, sent, signed));
    const login = { iamHttpRequestMethod: 'POST', iamRequestBody: base64(BODY), iamRequestHeaders, identityId };
    const body = type === FORM ? new URLSearchParams(login).toString() : JSON.stringify(login);
    await works(expectLogin(await replay('POST', `${API}/auth/aws-auth/login`, { 'Content-Type': type }, body)));
  });
});

describe('logins with the token of a cloud, as the Go SDK and the CLI send them', () => {
  it.each(CLOUDS.filter(({ conformance }) => conformance.signed))(
    'are let in, also with the line break of a file and with the dead token of before: $definition.title',
    async ({ definition: { slug }, conformance }) => {
      const { attach, login } = conformance.workload({ url: '', ca: '' });
      const identityId = await latchkey.given.identity();
      done(await latchkey.admin.post(`${API}/auth/${slug}/identities/${identityId}`, attach));
      const { jwt } = (await login(identityId, latchkey.given)) as { jwt: string };
      const headers = {
        'Content-Type': 'application/json',
        'User-Agent': 'infisical-go-sdk',
        Authorization: 'Bearer x',
      };
      const sent = JSON.stringify({ identityId, jwt: `${jwt}\n` });
      await works(expectLogin(await replay('POST', `${API}/auth/${slug}/login`, headers, sent)));
    },
  );
});

describe('the Go SDK and the CLI agent', () => {
  const headers = { 'Content-Type': 'application/json', 'User-Agent': 'infisical-go-sdk' };
  const post = (path: string, body: object, more: Record<string, string> = {}) =>
    replay('POST', path, { ...headers, ...more }, JSON.stringify(body));

  it('log in at a path with a trailing slash (agent-proxy)', async () => {
    const { clientId, clientSecret } = await latchkey.given.client();
    await works(expectLogin(await post(`${API}/auth/universal-auth/login/`, { clientId, clientSecret })));
  });

  it('find a token they can read: whose it is, from which method, and that it is one for identities', async () => {
    const { clientId, clientSecret, identityId } = await latchkey.given.client();
    const token = expectLogin(await post(`${API}/auth/universal-auth/login`, { clientId, clientSecret }));
    expect(decode(token)).toMatchObject({
      authTokenType: 'identityAccessToken',
      identityId,
      identityName: 'given',
      authMethod: 'universal-auth',
      orgId: latchkey.given.organizationId,
      exp: expect.any(Number),
    });
  });

  it('ask whether a token is alive: 200 while it is, 401 once it is not', async () => {
    const { clientId, clientSecret } = await latchkey.given.client();
    const token = expectLogin(await post(`${API}/auth/universal-auth/login`, { clientId, clientSecret }));
    const { body } = await replay('GET', DETAILS, { Authorization: `Bearer ${token}` });
    expect(body).toEqual({
      identityDetails: { organization: { id: expect.any(String), name: expect.any(String), slug: expect.any(String) } },
    });
    const revoke = await post(`${API}/auth/token/revoke`, { accessToken: token }, { Authorization: `Bearer ${token}` });
    expect(revoke.body).toEqual({ message: 'Successfully revoked access token', revision: expect.any(Number) });
    expectRefusal(await replay('GET', DETAILS, { Authorization: `Bearer ${token}` }), 401);
  });

  it('renew until the max TTL leaves less than a lifetime, then log in anew, and never in a loop', async () => {
    const policy = { accessTokenTTL: 600, accessTokenMaxTTL: 1500 };
    const { clientId, clientSecret } = await latchkey.given.client({ policy });
    const login = () => post(`${API}/auth/universal-auth/login`, { clientId, clientSecret });
    let answer = await login();
    let token = expectLogin(answer);
    let logins = 1;
    let age = 0;
    // As the SDK has it: five seconds before the end, and a full login when less than a lifetime would be left.
    for (let step = 0; step < 12; step += 1) {
      const { expiresIn, accessTokenMaxTTL } = answer.body as { expiresIn: number; accessTokenMaxTTL: number };
      latchkey.clock.advance(expiresIn - 5);
      age += expiresIn - 5;
      await works(token);
      if (accessTokenMaxTTL - age < expiresIn) {
        answer = await login();
        logins += 1;
        age = 0;
      } else answer = await post(`${API}/auth/token/renew`, { accessToken: token });
      token = expectLogin(answer);
      await works(token);
    }
    expect(logins).toBe(7);
  });

  it('renew at two thirds of the lifetime, and log in anew five seconds before the max TTL (CLI agent)', async () => {
    const policy = { accessTokenTTL: 600, accessTokenMaxTTL: 1500 };
    const { clientId, clientSecret } = await latchkey.given.client({ policy });
    const login = () => post(`${API}/auth/universal-auth/login`, { clientId, clientSecret });
    let answer = await login();
    let token = expectLogin(answer);
    let age = 0;
    const acts: string[] = [];
    for (let step = 0; step < 12; step += 1) {
      const { expiresIn, accessTokenMaxTTL } = answer.body as { expiresIn: number; accessTokenMaxTTL: number };
      const wait = Math.min(Math.floor((expiresIn * 2) / 3), accessTokenMaxTTL - 5 - age);
      latchkey.clock.advance(wait);
      age += wait;
      await works(token);
      const isOver = age >= accessTokenMaxTTL - 5;
      answer = isOver ? await login() : await post(`${API}/auth/token/renew`, { accessToken: token });
      if (isOver) age = 0;
      acts.push(isOver ? 'login' : 'renewal');
      token = expectLogin(answer);
      await works(token);
    }
    // After 400, 800, 1200, 1400, 1466 and 1488 seconds: what the max TTL leaves gets shorter, and so do the steps.
    const renewals = (count: number) => Array<string>(count).fill('renewal');
    expect(acts).toEqual([...renewals(6), 'login', ...renewals(5)]);
  });

  it('lock their client out by one wrong secret, because the CLI agent tries three times more', async () => {
    const { clientId, clientSecret } = await latchkey.given.client();
    const said: unknown[] = [];
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const answer = await post(`${API}/auth/universal-auth/login`, { clientId, clientSecret: 'wrong' });
      expectRefusal(answer, 401);
      said.push(answer.body.message);
    }
    const locked = 'This identity auth method is temporarily locked, please try again later';
    expect(said).toEqual([...Array<string>(3).fill('Invalid credentials'), locked]);
    expectRefusal(await post(`${API}/auth/universal-auth/login`, { clientId, clientSecret }), 401);
    latchkey.clock.advance(301);
    expectLogin(await post(`${API}/auth/universal-auth/login`, { clientId, clientSecret }));
  });

  it('renew a periodic token for ever: what it answers for a max TTL never runs out', async () => {
    const { clientId, clientSecret } = await latchkey.given.client({ policy: { accessTokenPeriod: 900 } });
    const { body } = await post(`${API}/auth/universal-auth/login`, { clientId, clientSecret });
    expect(body).toMatchObject({ expiresIn: 900, accessTokenMaxTTL: 1_000_000_000 });
    const renewed = await post(`${API}/auth/token/renew`, { accessToken: body.accessToken });
    expect(renewed.body).toMatchObject({ expiresIn: 900, accessTokenMaxTTL: 1_000_000_000 });
  });

  it('wait for the server by its status (Kubernetes operator)', async () => {
    const { status, body } = await replay('GET', '/api/status', {});
    expect({ status, message: body.message }).toEqual({ status: 200, message: 'Ok' });
  });
});

describe('the Terraform provider', () => {
  const call = async (method: string, path: string, body?: object) => {
    const headers = {
      'User-Agent': 'terraform',
      Accept: 'application/json',
      Authorization: `Bearer ${latchkey.admin.token}`,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    };
    return replay(method, `${API}/${path}`, headers, body === undefined ? '' : JSON.stringify(body));
  };
  const ok = async (method: string, path: string, body?: object) => {
    const answer = await call(method, path, body);
    expect({ status: answer.status, body: answer.body }).toEqual({ status: 200, body: expect.anything() });
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON of any shape
    return answer.body as any;
  };
  /** As the provider puts an address together again. */
  const rebuilt = (ips: { ipAddress: string; prefix?: number }[]) =>
    ips.map(({ ipAddress, prefix }) => (prefix === undefined ? ipAddress : `${ipAddress}/${prefix}`));

  const asInput = (ips: string[]) => ips.map((ipAddress) => ({ ipAddress }));

  it('makes an identity that logs in, with the id it is about repeated in every body', async () => {
    const { organizationId } = latchkey.given;
    const metadata = [{ key: 'team', value: 'infra' }];
    const body = { name: 'terraform', hasDeleteProtection: false, organizationId, role: 'member', metadata };
    const identityId = (await ok('POST', 'identities', body)).identity.id as string;
    const path = `auth/universal-auth/identities/${identityId}`;
    await ok('POST', path, { identityId, accessTokenTTL: 3600, accessTokenMaxTTL: 86400 });
    await ok('PATCH', path, { identityId, accessTokenTTL: 1800 });
    // The client id comes from the configuration, and all three fields are always sent.
    const { clientId } = (await ok('GET', path)).identityUniversalAuth;
    const fields = { identityId, description: '', numUsesLimit: 0, ttl: 0 };
    const { clientSecret, clientSecretData } = await ok('POST', `${path}/client-secrets`, fields);
    expect((await ok('GET', `${path}/client-secrets/${clientSecretData.id}`)).clientSecretData).toMatchObject({
      isClientSecretRevoked: false,
      clientSecretNumUses: 0,
    });
    const login = await latchkey.anonymous.post(`${API}/auth/universal-auth/login`, { clientId, clientSecret });
    expect(login).toEqual(answered(expect.objectContaining({ expiresIn: 1800 })));
    const { identity } = await ok('GET', `identities/${identityId}`);
    expect(identity.identity.authMethods).toEqual(['universal-auth']);
  });

  it('finds trusted IPs as it sent them: in order, split, and put together again without drift', async () => {
    const identityId = await latchkey.given.identity();
    const path = `auth/universal-auth/identities/${identityId}`;
    const clientSecretTrustedIps = ['10.0.0.0/8', '2001:DB8::/32', '192.0.2.77/24', '0.0.0.0/0', '127.0.0.1'];
    const accessTokenTrustedIps = ['::/0', '0.0.0.0/0'];
    const config = {
      identityId,
      accessTokenTTL: 3600,
      accessTokenMaxTTL: 86400,
      accessTokenTrustedIps: asInput(accessTokenTrustedIps),
      clientSecretTrustedIps: asInput(clientSecretTrustedIps),
    };
    for (const [method, body] of [['POST', config], ['GET'], ['PATCH', config], ['GET']] as const) {
      const { identityUniversalAuth: read } = await ok(method, path, body);
      expect(read).toMatchObject({ accessTokenTTL: 3600, accessTokenMaxTTL: 86400, accessTokenNumUsesLimit: 0 });
      expect(rebuilt(read.clientSecretTrustedIps)).toEqual(clientSecretTrustedIps);
      expect(rebuilt(read.accessTokenTrustedIps)).toEqual(accessTokenTrustedIps);
    }
  });

  it('destroys everything in dependency order, with bodies on DELETE', async () => {
    const { identityId, clientSecretId } = await latchkey.given.client();
    const path = `auth/universal-auth/identities/${identityId}`;
    await ok('POST', `${path}/client-secrets/${clientSecretId}/revoke`, { identityId });
    const { clientSecretData } = await ok('GET', `${path}/client-secrets/${clientSecretId}`);
    expect(clientSecretData.isClientSecretRevoked).toBe(true);
    await ok('DELETE', path, { identityId });
    await ok('DELETE', `identities/${identityId}`, { identityId });
  });

  it('attaches, reads, updates and removes Token Auth', async () => {
    const identityId = await latchkey.given.identity();
    const path = `auth/token-auth/identities/${identityId}`;
    const config = {
      identityId,
      accessTokenTTL: 3600,
      accessTokenMaxTTL: 86400,
      accessTokenNumUsesLimit: 0,
      accessTokenTrustedIps: asInput(['10.0.0.0/8', '::/0']),
    };
    for (const [method, body] of [['POST', config], ['GET']] as const) {
      const { identityTokenAuth: read } = await ok(method, path, body);
      expect(read).toMatchObject({ identityId, accessTokenTTL: 3600, accessTokenMaxTTL: 86400 });
      expect(rebuilt(read.accessTokenTrustedIps)).toEqual(['10.0.0.0/8', '::/0']);
    }
    await ok('PATCH', path, { ...config, accessTokenTTL: 1800 });
    expect((await ok('GET', path)).identityTokenAuth.accessTokenTTL).toBe(1800);
    await ok('DELETE', path, { identityId });
    expectRefusal(await call('GET', path), 404);
  });

  it('takes 404, and nothing else, for what is gone', async () => {
    const client = await latchkey.given.client();
    const { identityId, clientSecretId } = client;
    const method = `auth/universal-auth/identities/${identityId}`;
    await ok('DELETE', method, { identityId });
    expectRefusal(await call('GET', method), 404);
    expectRefusal(await call('GET', `${method}/client-secrets/${clientSecretId}`), 404);
    expectRefusal(await call('GET', `auth/token-auth/identities/${identityId}`), 404);
    await ok('DELETE', `identities/${identityId}`, { identityId });
    for (const path of [`identities/${identityId}`, method, `${method}/client-secrets/${clientSecretId}`]) {
      expectRefusal(await call('GET', path), 404);
    }
  });

  it('clears metadata with an empty list, and repeats the id in the body', async () => {
    const identityId = await latchkey.given.identity({ metadata: [{ key: 'team', value: 'infra' }] });
    const change = { identityId, name: 'renamed', hasDeleteProtection: true, role: 'member', metadata: [] };
    expect((await ok('PATCH', `identities/${identityId}`, change)).identity).toMatchObject({
      name: 'renamed',
      hasDeleteProtection: true,
      metadata: [],
    });
  });

  it('makes, renames and revokes a token, whose times it can parse and whose numbers are whole', async () => {
    const identityId = await latchkey.given.identity();
    await ok('POST', `auth/token-auth/identities/${identityId}`, { identityId });
    const made = await ok('POST', `auth/token-auth/identities/${identityId}/tokens`, { identityId, name: 'ci' });
    const tokenId = made.tokenData.id as string;
    const { token } = await ok('GET', `auth/token-auth/tokens/${tokenId}`);
    for (const field of ['createdAt', 'updatedAt']) expect(token[field]).toMatch(TIME);
    for (const field of ['accessTokenLastUsedAt', 'accessTokenLastRenewedAt']) expect(token[field]).toBeNull();
    for (const field of ['accessTokenTTL', 'accessTokenNumUses', 'accessTokenNumUsesLimit']) {
      expect(Number.isInteger(token[field])).toBe(true);
    }
    await ok('PATCH', `auth/token-auth/tokens/${tokenId}`, { tokenId, name: 'ci-2' });
    await ok('POST', `auth/token-auth/tokens/${tokenId}/revoke`, { identityId, tokenId });
    expect((await ok('GET', `auth/token-auth/tokens/${tokenId}`)).token.isAccessTokenRevoked).toBe(true);
  });

  it('logs in for a run with the slug of its organization', async () => {
    const { clientId, clientSecret } = await latchkey.given.client();
    const { organization } = done(await latchkey.admin.get(DETAILS)).identityDetails;
    const body = { clientId, clientSecret, organizationSlug: organization.slug as string };
    expect(await latchkey.anonymous.post(`${API}/auth/universal-auth/login`, body)).toEqual(
      answered(expect.anything()),
    );
    expect(
      await latchkey.anonymous.post(`${API}/auth/universal-auth/login`, { ...body, organizationSlug: 'x' }),
    ).toEqual(refused(404, 'NotFound', 'Sub organization with slug x not found'));
  });
});
