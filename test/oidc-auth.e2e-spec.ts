import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { decodeJwt, exportJWK, type JWTPayload, SignJWT } from 'jose';
import { type Answer, answered, invalid, refused } from './support/api-client';
import { done } from './support/given';
import { type Answer as PeerAnswer, HttpsPeer } from './support/https-peer';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

const LOGIN = '/api/v1/auth/oidc-auth/login';
const IDENTITIES = '/api/v1/auth/oidc-auth/identities';
const DETAILS = '/api/v1/identities/details';
const WELL_KNOWN = '/.well-known/openid-configuration';
const COOLDOWN_MS = 200;

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const denied = (reason: string) => refused(401, 'UnauthorizedError', `Access denied: ${reason}`);
const UNAVAILABLE = refused(
  503,
  'ServiceUnavailable',
  'The issuer of the token cannot be asked for its keys. Please try again.',
);

let latchkey: TestLatchkey;
let peer: HttpsPeer;

beforeAll(async () => {
  peer = await HttpsPeer.start();
  peer.answer = (request, response) => {
    const [, at = '', path = ''] = /^(\/\d+)(\/.*)$/.exec(request.url!) ?? [];
    const answer = issuers.get(at)?.[path === WELL_KNOWN ? 'discovery' : 'keys'];
    if (answer) void answer(request, response);
    else response.writeHead(404).end();
  };
  latchkey = await startLatchkey({
    outboundAllow: ['127.0.0.1/32'],
    outboundTimeoutMs: 2_000,
    keySetCooldownMs: COOLDOWN_MS,
  });
});
afterEach(() => latchkey.clock.reset());
afterAll(async () => {
  await latchkey.stop();
  await peer.stop();
});

/** An issuer beneath a path of the peer, which answers as a test wants. */
interface Issuer {
  readonly url: string;
  discovery: PeerAnswer;
  keys: PeerAnswer;
}

const issuers = new Map<string, Issuer>();

const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}): PeerAnswer =>
  (_, response) =>
    void response.writeHead(status, headers).end(JSON.stringify(body));

async function keySet(keys: Record<string, KeyObject>): Promise<PeerAnswer> {
  const published = Object.entries(keys).map(async ([kid, key]) => ({ ...(await exportJWK(key)), kid }));
  return json({ keys: await Promise.all(published) });
}

async function issuer(more: object = {}): Promise<Issuer> {
  const at = `/${issuers.size}`;
  const url = `${peer.url}${at}`;
  const document = { issuer: url, jwks_uri: `${url}/jwks`, ...more };
  const made = { url, discovery: json(document), keys: await keySet({ a: ec.publicKey }) };
  issuers.set(at, made);
  return made;
}

const now = () => Math.floor(latchkey.clock.epochMs() / 1_000);

interface Wanted {
  readonly kid?: string | undefined;
  readonly key?: KeyObject;
}

/** A token as a CI service signs it, but for the claims that a test names. */
function signed({ url }: Issuer, claims: JWTPayload = {}, { kid, key }: Wanted = { kid: 'a' }): Promise<string> {
  const repository = { repository: 'acme/app', repository_owner_id: '42', ref: 'refs/heads/main' };
  const sub = 'repo:acme/app:ref:refs/heads/main';
  return new SignJWT({ iss: url, sub, aud: 'latchkey', iat: now(), exp: now() + 300, ...repository, ...claims })
    .setProtectedHeader({ alg: 'ES256', ...(kid === undefined ? {} : { kid }) })
    .sign(key ?? ec.privateKey);
}

const bound = ({ url }: Issuer) => ({
  oidcDiscoveryUrl: url,
  boundIssuer: url,
  boundAudiences: 'latchkey',
  boundClaims: { repository_owner_id: '42', ref: 'refs/heads/main' },
  caCert: peer.authority.cert.trim(),
});

const attach = (identityId: string, body: object) => latchkey.admin.post(`${IDENTITIES}/${identityId}`, body);

async function attached(from: Issuer, body: object = {}): Promise<string> {
  const identityId = await latchkey.given.identity();
  done(await attach(identityId, { ...bound(from), ...body }));
  return identityId;
}

const login = (identityId: string, jwt: string): Promise<Answer> => latchkey.anonymous.post(LOGIN, { identityId, jwt });
const loginWith = async (identityId: string, from: Issuer, claims?: JWTPayload, wanted?: Wanted) =>
  login(identityId, await signed(from, claims, wanted));

describe('OIDC Auth', () => {
  it('is attached, read, updated and removed, each answered with what there is', async () => {
    const identityId = await latchkey.given.identity();
    const from = await issuer();
    const sent = {
      ...bound(from),
      boundSubject: 'repo:acme/*',
      boundAudiences: ' a,{b,c},',
      boundClaims: { ref: 'main,release-*' },
      claimMetadataMapping: { repo: 'repository' },
      accessTokenTTL: 600,
    };
    const settings = { ...sent, boundAudiences: 'a, {b,c}', boundClaims: { ref: 'main, release-*' }, warnings: [] };
    const { identityOidcAuth } = done(await attach(identityId, { ...sent, identityId, templateId: null }));
    const policy = {
      accessTokenMaxTTL: 2592000,
      accessTokenNumUsesLimit: 0,
      accessTokenPeriod: 0,
      accessTokenTrustedIps: expect.any(Array),
    };
    const row = { id: expect.any(String), createdAt: expect.any(String), updatedAt: expect.any(String) };
    expect(identityOidcAuth).toEqual({ identityId, ...row, ...policy, ...settings });
    const path = `${IDENTITIES}/${identityId}`;
    expect(await latchkey.admin.get(path)).toEqual(answered({ identityOidcAuth }));
    const changed = { ...(identityOidcAuth as object), accessTokenTTL: 60, updatedAt: expect.any(String) };
    expect(await latchkey.admin.patch(path, { accessTokenTTL: 60 })).toEqual(answered({ identityOidcAuth: changed }));
    const { caCert, warnings, ...removed } = changed as Record<string, unknown>;
    expect([caCert, warnings]).toEqual([peer.authority.cert.trim(), []]);
    expect(await latchkey.admin.delete(path)).toEqual(answered({ identityOidcAuth: removed }));
    const missing = refused(404, 'NotFound', 'The identity does not have OIDC Auth attached');
    expect(await latchkey.admin.get(path)).toEqual(missing);
    expect(await latchkey.admin.patch(path, { accessTokenTTL: 60 })).toEqual(missing);
    expect(await latchkey.admin.delete(path)).toEqual(missing);
    expect(await loginWith(identityId, from)).toEqual(
      refused(404, 'NotFound', 'OIDC auth method not found for identity, did you configure OIDC auth?'),
    );
    done(await attach(identityId, bound(from)));
    expect(await attach(identityId, bound(from))).toEqual(
      refused(400, 'BadRequest', 'Failed to add OIDC Auth to already configured identity'),
    );
  });

  it.each<[object, [string, string[], string]]>([
    [{ oidcDiscoveryUrl: '' }, ['too_small', ['oidcDiscoveryUrl'], expect.stringContaining('at least 1')]],
    [{ boundIssuer: null }, ['invalid_type', ['boundIssuer'], 'Expected string, received null']],
    [{ oidcDiscoveryUrl: 'http://x.test' }, ['custom', ['oidcDiscoveryUrl'], expect.stringContaining('an https URL')]],
    [{ oidcDiscoveryUrl: 'https://x.test/?a' }, ['custom', ['oidcDiscoveryUrl'], expect.stringContaining('a query')]],
    [
      { oidcDiscoveryUrl: `https://x.test${WELL_KNOWN}` },
      ['custom', ['oidcDiscoveryUrl'], expect.stringContaining('the URL before')],
    ],
    [{ caCert: 'x' }, ['custom', ['caCert'], 'Expected certificates in PEM']],
    [{ claimMetadataMapping: { a: '' } }, ['custom', ['claimMetadataMapping', 'a'], 'Expected the path of a claim']],
    [
      { boundAudiences: '*', boundClaims: { iss: 'https://x.test' } },
      ['custom', ['boundSubject'], expect.stringContaining('Bind a subject')],
    ],
    [{ boundClaims: { ref: '!main' } }, ['custom', ['boundClaims', 'ref'], expect.stringContaining('begin with !')]],
  ])('refuses a configuration that cannot be meant: %j', async (body, wrong) => {
    const from = await issuer();
    expect(await attach(await latchkey.given.identity(), { ...bound(from), ...body })).toEqual(invalid(wrong));
    expect(await latchkey.admin.patch(`${IDENTITIES}/${await attached(from)}`, body)).toEqual(invalid(wrong));
  });

  it('requires an issuer and its URL, and reaches no metadata service', async () => {
    const { oidcDiscoveryUrl, boundIssuer, ...rest } = bound(await issuer());
    const identityId = await latchkey.given.identity();
    expect(await attach(identityId, { ...rest, boundIssuer })).toEqual(
      invalid(['invalid_type', ['oidcDiscoveryUrl'], 'Required']),
    );
    expect(await attach(identityId, { ...rest, oidcDiscoveryUrl })).toEqual(
      invalid(['invalid_type', ['boundIssuer'], 'Required']),
    );
    const local = refused(400, 'BadRequest', 'Local IPs not allowed as URL');
    for (const host of ['169.254.169.254', '10.0.0.1', '127.0.0.2']) {
      expect(await attach(identityId, { ...rest, boundIssuer, oidcDiscoveryUrl: `https://${host}` })).toEqual(local);
    }
  });

  it('clears what an update sets to null, but never the last binding', async () => {
    const identityId = await attached(await issuer(), { boundSubject: 'a', claimMetadataMapping: { a: 'b' } });
    const path = `${IDENTITIES}/${identityId}`;
    const { identityOidcAuth: before } = done(await latchkey.admin.get(path));
    const nothing = { boundAudiences: '', boundClaims: {}, claimMetadataMapping: null, caCert: '' };
    const cleared = Object.fromEntries(Object.keys(nothing).map((name) => [name, null]));
    const { identityOidcAuth } = done(await latchkey.admin.patch(path, cleared));
    expect(identityOidcAuth).toEqual({ ...(before as object), ...nothing, updatedAt: expect.any(String) });
    expect(await latchkey.admin.patch(path, { boundSubject: null })).toEqual(
      invalid(['custom', ['boundSubject'], expect.stringContaining('Bind a subject')]),
    );
  });

  it('says of a careless configuration how it lets in strangers, when it is attached, read and updated', async () => {
    const identityId = await latchkey.given.identity();
    const url = 'https://token.actions.githubusercontent.com';
    const loose = { oidcDiscoveryUrl: 'https://1.1.1.1', boundIssuer: url, boundSubject: 'repo:acme*' };
    const warned = { identityOidcAuth: { warnings: [expect.stringContaining('every owner of GitHub Actions')] } };
    expect(done(await attach(identityId, loose))).toMatchObject(warned);
    expect(done(await latchkey.admin.get(`${IDENTITIES}/${identityId}`))).toMatchObject(warned);
    const { identityOidcAuth } = done(
      await latchkey.admin.patch(`${IDENTITIES}/${identityId}`, { boundSubject: 'repo:acme/*' }),
    );
    expect(identityOidcAuth).toMatchObject({ warnings: [] });
  });
});

describe('a login with the token of an issuer', () => {
  it('answers a token with the claims that are mapped, to JSON and to a form', async () => {
    const from = await issuer();
    const claimMetadataMapping = { repo: 'repository', tags: 'build.tags', isTagged: 'tagged' };
    const identityId = await attached(from, { claimMetadataMapping });
    const jwt = await signed(from, { build: { tags: ['x', 7] }, tagged: false });
    const form = new URLSearchParams({ identityId, jwt: `${jwt}\n` }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded;charset=utf-8' };
    const byForm = await fetch(`${latchkey.url}${LOGIN}`, { method: 'POST', headers, body: form });
    for (const body of [done(await login(identityId, jwt)), (await byForm.json()) as object]) {
      expect(body).toEqual({
        accessToken: expect.any(String),
        expiresIn: 2592000,
        accessTokenMaxTTL: 2592000,
        tokenType: 'Bearer',
      });
      const { accessToken } = body as { accessToken: string };
      expect(decodeJwt(accessToken)).toMatchObject({
        identityId,
        authMethod: 'oidc-auth',
        identityAuth: { oidc: { claims: { repo: 'acme/app', tags: 'x,7', isTagged: 'false' } } },
      });
      expect((await latchkey.as(accessToken).get(DETAILS)).status).toBe(200);
    }
    const { accessToken } = done(await login(identityId, jwt)) as { accessToken: string };
    done(await latchkey.admin.delete(`${IDENTITIES}/${identityId}`));
    expect((await latchkey.as(accessToken).get(DETAILS)).status).toBe(401);
  });

  it('of a fork is refused, and the log says why', async () => {
    const from = await issuer();
    const identityId = await attached(from);
    expect((await loginWith(identityId, from)).status).toBe(200);
    const fork = {
      repository: 'stranger/app',
      repository_owner_id: '666',
      sub: 'repo:stranger/app:ref:refs/heads/main',
    };
    const answer = await loginWith(identityId, from, fork);
    expect(answer).toEqual(denied('OIDC claim not allowed.'));
    const { reqId } = answer.body as { reqId: string };
    const lines = latchkey.logs.filter((line) => line.includes(reqId));
    expect(lines.some((line) => line.includes('"errorCode":"claim_not_allowed"'))).toBe(true);
    const events = latchkey.logs.filter((line) => line.includes('"event":"login.failed"') && line.includes(identityId));
    expect(events.some((line) => line.includes('"reason":"claim_not_allowed"'))).toBe(true);
    expect(latchkey.logs.join()).not.toContain('stranger');
  });

  it.each<[string, object, JWTPayload, object]>([
    ['another issuer', {}, { iss: 'https://other.test' }, denied('jwt issuer invalid')],
    [
      'another subject',
      { boundSubject: 'repo:acme/app:*' },
      { sub: 'repo:acme/app2:x' },
      refused(403, 'ForbiddenError', 'Access denied: OIDC subject not allowed.'),
    ],
    ['another audience', {}, { aud: ['a', 'b'] }, denied('OIDC audience not allowed.')],
    ['no audience', {}, { aud: undefined }, denied('OIDC audience not allowed.')],
    ['no claim', {}, { ref: undefined }, denied('token has no ref field')],
    ['another claim', {}, { ref: 'refs/heads/main2' }, denied('OIDC claim not allowed.')],
    ['no claim to map', { claimMetadataMapping: { a: 'x.y' } }, { x: {} }, denied('token has no x.y field')],
    ['a claim that cannot be kept', { claimMetadataMapping: { a: 'x' } }, { x: 'a\0' }, denied('token has no x field')],
    [
      'a claim that is too long to keep',
      { claimMetadataMapping: { a: 'x' } },
      { x: 'x'.repeat(1_024) },
      denied('the claims for the access token are too large'),
    ],
    ['a time that is over', {}, { exp: 1_000_000 }, denied('jwt expired')],
    ['no expiry', {}, { exp: undefined }, denied('jwt exp invalid')],
  ])('is refused for %s', async (_, settings, claims, answer) => {
    const from = await issuer();
    expect(await loginWith(await attached(from, settings), from, claims)).toEqual(answer);
  });

  it('is refused for a signature of another, no signature, and what is no JWT', async () => {
    const from = await issuer();
    const identityId = await attached(from);
    const forged = { kid: 'a', key: foreign.privateKey };
    expect(await loginWith(identityId, from, {}, forged)).toEqual(denied('invalid signature'));
    const [, payload] = (await signed(from)).split('.');
    const head = Buffer.from('{"alg":"none","kid":"a"}').toString('base64url');
    expect(await login(identityId, `${head}.${payload}.`)).toEqual(denied('invalid algorithm'));
    expect(await login(identityId, 'x')).toEqual(refused(401, 'UnauthorizedError', 'Invalid JWT'));
  });

  it('finds its key by its id, or tries each of ten at most', async () => {
    const from = await issuer();
    const identityId = await attached(from);
    const missing = "The signing key was not found in the OIDC provider's JWKS endpoint.";
    expect(await loginWith(identityId, from, {}, { kid: 'b' })).toEqual(denied(missing));
    const keysOf = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, n) => [`k${n}`, n === 0 ? ec.publicKey : foreign.publicKey]),
      );
    for (const [count, answer] of [
      [10, { status: 200 }],
      [11, denied("The token names no key, and the OIDC provider's JWKS endpoint has too many to try.")],
      [0, denied("No signing keys were found in the OIDC provider's JWKS endpoint.")],
    ] as const) {
      const other = await issuer();
      other.keys = await keySet(keysOf(count));
      expect(await loginWith(await attached(other), other, {}, { kid: undefined })).toMatchObject(answer);
    }
  });
});

describe('an issuer', () => {
  it.each<[string, (from: Issuer) => Partial<Issuer>]>([
    ['discovery_status_404', () => ({ discovery: json({}, 404) })],
    ['discovery_issuer_mismatch', ({ url }) => ({ discovery: json({ issuer: `${url}/`, jwks_uri: `${url}/jwks` }) })],
    ['discovery_unusable', ({ url }) => ({ discovery: json({ issuer: url }) })],
    ['discovery_unusable', () => ({ discovery: (_, response) => void response.end('<html>') })],
    ['url_refused', ({ url }) => ({ discovery: json({ issuer: url, jwks_uri: 'http://x.test/jwks' }) })],
    ['address_refused', ({ url }) => ({ discovery: json({ issuer: url, jwks_uri: 'https://169.254.169.254/' }) })],
    ['address_refused', ({ url }) => ({ discovery: json({ issuer: url, jwks_uri: 'https://127.0.0.2/' }) })],
    ['status_500', () => ({ keys: json({}, 500) })],
    ['not_a_key_set', () => ({ keys: json({}) })],
  ])('that cannot be used is 503, and the log alone says why: %s', async (code, broken) => {
    const from = await issuer();
    Object.assign(from, broken(from));
    const identityId = await attached(from);
    const answer = await loginWith(identityId, from);
    expect(answer).toEqual(UNAVAILABLE);
    expect(answer.headers.get('retry-after')).toBe('5');
    const events = latchkey.logs.filter((line) => line.includes('"event":"login.failed"') && line.includes(identityId));
    expect(events.join()).toContain(`"reason":"issuer_${code}"`);
  });

  it('that names another issuer, or is down, works once it is back', async () => {
    const from = await issuer();
    const identityId = await attached(from);
    const right = from.discovery;
    from.discovery = json({ issuer: 'https://other.test', jwks_uri: `${from.url}/jwks` });
    expect(await loginWith(identityId, from)).toEqual(UNAVAILABLE);
    await pause(COOLDOWN_MS);
    from.discovery = json({}, 500);
    expect(await loginWith(identityId, from)).toEqual(UNAVAILABLE);
    await pause(COOLDOWN_MS);
    from.discovery = right;
    expect((await loginWith(identityId, from)).status).toBe(200);
    from.discovery = from.keys = json({}, 500);
    await pause(COOLDOWN_MS);
    expect((await loginWith(identityId, from)).status).toBe(200);
  });

  it('that moves its keys is found where they are now, not only when its document is old', async () => {
    const from = await issuer();
    const identityId = await attached(from);
    expect((await loginWith(identityId, from)).status).toBe(200);
    const elsewhere = await issuer();
    elsewhere.keys = await keySet({ b: foreign.publicKey });
    from.discovery = json({ issuer: from.url, jwks_uri: `${elsewhere.url}/jwks` });
    await pause(COOLDOWN_MS);
    expect((await loginWith(identityId, from, {}, { kid: 'b', key: foreign.privateKey })).status).toBe(200);
  });

  it('is trusted by the certificates that were given, and by no others', async () => {
    const from = await issuer();
    expect(await loginWith(await attached(from, { caCert: '' }), from)).toEqual(UNAVAILABLE);
  });
});
