import { createHmac, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { decodeJwt, exportJWK, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import { type Answer, answered, invalid, refused } from './support/api-client';
import { done } from './support/given';
import { HttpsPeer } from './support/https-peer';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

const LOGIN = '/api/v1/auth/jwt-auth/login';
const IDENTITIES = '/api/v1/auth/jwt-auth/identities';
const DETAILS = '/api/v1/identities/details';
const ISSUER = 'https://issuer.test';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');
const foreign = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }) as string;

const denied = (reason: string) => refused(401, 'UnauthorizedError', `Access denied: ${reason}`);
const unverified = (reason: string) => denied(`JWT verification failed with all keys. Errors - ${reason}`);
const UNAVAILABLE = refused(
  503,
  'ServiceUnavailable',
  'The issuer of the token cannot be asked for its keys. Please try again.',
);

let latchkey: TestLatchkey;
let peer: HttpsPeer;

beforeAll(async () => {
  peer = await HttpsPeer.start();
  latchkey = await startLatchkey({ outboundAllow: ['127.0.0.0/8'], outboundTimeoutMs: 2_000, keySetCooldownMs: 500 });
});
afterEach(() => latchkey.clock.reset());
afterAll(async () => {
  await latchkey.stop();
  await peer.stop();
});

const now = () => Math.floor(latchkey.clock.epochMs() / 1_000);

interface Wanted {
  readonly claims?: JWTPayload;
  readonly header?: Partial<JWTHeaderParameters>;
  readonly key?: KeyObject;
}

/** A token as most tests want it, but for what they name. A claim that is undefined is left out. */
function signed({ claims = {}, header = {}, key = ec.privateKey }: Wanted = {}): Promise<string> {
  const alg = { rsa: 'RS256', ec: 'ES256', ed25519: 'EdDSA' }[key.asymmetricKeyType as 'rsa'];
  const payload = { iss: ISSUER, sub: 'build:1', aud: 'latchkey', iat: now(), exp: now() + 600, ...claims };
  return new SignJWT(payload).setProtectedHeader({ alg, ...header }).sign(key);
}

const attach = (identityId: string, body: object) => latchkey.admin.post(`${IDENTITIES}/${identityId}`, body);
const STATIC = { configurationType: 'static', publicKeys: [pem(ec.publicKey)], boundSubject: 'build:*' };

async function attached(body: object = {}): Promise<string> {
  const identityId = await latchkey.given.identity();
  done(await attach(identityId, { ...STATIC, ...body }));
  return identityId;
}

const login = (identityId: string, jwt: string): Promise<Answer> => latchkey.anonymous.post(LOGIN, { identityId, jwt });
const loginWith = async (identityId: string, wanted?: Wanted) => login(identityId, await signed(wanted));

describe('JWT Auth', () => {
  it('is attached, read, updated and removed, each answered with what there is', async () => {
    const identityId = await latchkey.given.identity();
    const settings = {
      configurationType: 'static',
      jwksUrl: '',
      boundIssuer: ISSUER,
      boundSubject: 'build:*',
      boundAudiences: 'a, {b,c}',
      boundClaims: { branch: 'main, release-*' },
    };
    const keys = { publicKeys: [pem(ec.publicKey)], jwksCaCert: '' };
    const sent = { ...settings, ...keys, boundAudiences: ' a,{b,c},', boundClaims: { branch: 'main,release-*' } };
    const { identityJwtAuth } = done(await attach(identityId, { ...sent, accessTokenTTL: 600, accessTokenPeriod: 60 }));
    const policy = { identityId, accessTokenTTL: 600, accessTokenPeriod: 60 };
    expect(identityJwtAuth).toMatchObject({ ...policy, ...settings, ...keys });
    const path = `${IDENTITIES}/${identityId}`;
    expect(await latchkey.admin.get(path)).toEqual(answered({ identityJwtAuth }));
    const update = { boundIssuer: '', publicKeys: [pem(ec.publicKey), pem(ed.publicKey)] };
    const changed = { ...identityJwtAuth, ...update, updatedAt: expect.any(String) };
    expect(await latchkey.admin.patch(path, update)).toEqual(answered({ identityJwtAuth: changed }));
    const { identityJwtAuth: removed } = done(await latchkey.admin.delete(path));
    expect({ ...removed, publicKeys: changed.publicKeys, jwksCaCert: '' }).toEqual(changed);
    expect(Object.keys(removed as object)).not.toEqual(expect.arrayContaining(['publicKeys', 'jwksCaCert']));
    const missing = refused(404, 'NotFound', 'The identity does not have JWT Auth attached');
    for (const answer of [
      await latchkey.admin.get(path),
      await latchkey.admin.patch(path, update),
      await latchkey.admin.delete(path),
    ]) {
      expect(answer).toEqual(missing);
    }
    done(await attach(identityId, sent));
    expect(await attach(identityId, sent)).toEqual(
      refused(400, 'BadRequest', 'Failed to add JWT Auth to already configured identity'),
    );
  });

  it.each<[object, [string, (string | number)[], string]]>([
    [{ configurationType: 'jwks' }, ['custom', ['jwksUrl'], 'Required with jwks']],
    [{ publicKeys: [] }, ['custom', ['publicKeys'], 'At least one is required with static']],
    [{ publicKeys: ['secret'] }, ['custom', ['publicKeys', 0], 'Expected a public key in PEM: RSA, EC or Ed25519']],
    [{ publicKeys: [7] }, ['invalid_type', ['publicKeys', 0], 'Expected text of at most 16384 characters']],
    [{ jwksCaCert: 'x' }, ['custom', ['jwksCaCert'], 'Expected certificates in PEM']],
    [{ boundClaims: { a: 1 } }, ['invalid_type', ['boundClaims'], 'Expected texts of at most 4096 characters']],
    [{ boundClaims: [] }, ['invalid_type', ['boundClaims'], 'Expected object, received array']],
    [{ boundClaims: { a: '!b' } }, ['custom', ['boundClaims', 'a'], expect.stringContaining('must not begin with !')]],
    [{ boundSubject: '' }, ['custom', ['boundSubject'], expect.stringContaining('Bind a subject')]],
    [{ boundSubject: '*' }, ['custom', ['boundSubject'], expect.stringContaining('Bind a subject')]],
    [
      { boundSubject: '', boundClaims: { iss: ISSUER, exp: '1*, 2*' } },
      ['custom', ['boundSubject'], expect.stringContaining('Bind a subject')],
    ],
    [{ configurationType: 'other' }, ['invalid_string', ['configurationType'], "Expected 'jwks' | 'static'"]],
    [{ jwksUrl: 'http://x.test' }, ['custom', ['jwksUrl'], expect.stringContaining('Expected an https URL')]],
  ])('refuses a configuration that cannot be meant: %j', async (body, issue) => {
    const identityId = await latchkey.given.identity();
    expect(await attach(identityId, { ...STATIC, ...body })).toEqual(invalid(issue));
    const whole = await attached();
    expect(await latchkey.admin.patch(`${IDENTITIES}/${whole}`, body)).toEqual(invalid(issue));
  });

  it('clears what an update sets to null, keeps what it leaves out, and never clears the last binding', async () => {
    const source = { jwksUrl: 'https://issuer.test/jwks', jwksCaCert: peer.authority.cert.trim() };
    const bound = { boundIssuer: ISSUER, boundAudiences: 'a', boundClaims: { branch: 'main' }, ...source };
    const path = `${IDENTITIES}/${await attached(bound)}`;
    const { identityJwtAuth: before } = done(await latchkey.admin.get(path));
    expect(before).toMatchObject({ ...STATIC, ...bound });
    const nothing = { boundIssuer: '', boundAudiences: '', boundClaims: {}, jwksUrl: '', jwksCaCert: '' };
    const cleared = Object.fromEntries(Object.keys(nothing).map((name) => [name, null]));
    const { identityJwtAuth } = done(await latchkey.admin.patch(path, cleared));
    expect(identityJwtAuth).toEqual({ ...(before as object), ...nothing, updatedAt: expect.any(String) });
    const unbound = invalid(['custom', ['boundSubject'], expect.stringContaining('Bind a subject')]);
    expect(await latchkey.admin.patch(path, { boundSubject: null })).toEqual(unbound);
    const noKey = invalid(['custom', ['publicKeys'], 'At least one is required with static']);
    expect(await latchkey.admin.patch(path, { publicKeys: null })).toEqual(noKey);
  });

  it('reaches no metadata service, and accepts a name that is not there yet', async () => {
    const identityId = await latchkey.given.identity();
    const local = refused(400, 'BadRequest', 'Local IPs not allowed as URL');
    for (const jwksUrl of ['https://169.254.169.254/x', 'https://10.0.0.1/x', 'https://[::1]/x']) {
      expect(await attach(identityId, { ...STATIC, configurationType: 'jwks', jwksUrl })).toEqual(local);
    }
    done(await attach(identityId, { ...STATIC, configurationType: 'jwks', jwksUrl: 'https://not-there.invalid/x' }));
    expect(await loginWith(identityId)).toEqual(UNAVAILABLE);
  });

  it('binds claims of any name, those among them that JavaScript knows', async () => {
    const identityId = await attached({ boundSubject: '', boundClaims: { constructor: 'x', toString: 'y' } });
    expect(await loginWith(identityId)).toEqual(denied('token has no toString field'));
    expect((await loginWith(identityId, { claims: { toString: 'y' } })).status).toBe(401);
    expect((await loginWith(identityId, { claims: { constructor: 'x', toString: 'y' } })).status).toBe(200);
    const body = JSON.stringify({ ...STATIC, boundClaims: { proto: 'x' } }).replace('proto', '__proto__');
    expect((await latchkey.admin.patch(`${IDENTITIES}/${identityId}`, body)).status).toBe(400);
  });
});

describe('a login with a JWT', () => {
  it('answers a token for the identity, and takes the white space of a file', async () => {
    const identityId = await attached({ accessTokenTTL: 600 });
    const answer = await login(identityId, `${await signed()}\n`);
    expect(answer).toEqual(
      answered({ accessToken: expect.any(String), expiresIn: 600, accessTokenMaxTTL: 2592000, tokenType: 'Bearer' }),
    );
    const { accessToken } = answer.body as { accessToken: string };
    expect(decodeJwt(accessToken)).toMatchObject({ identityId, authMethod: 'jwt-auth', identityAuth: {} });
    expect((await latchkey.as(accessToken).get(DETAILS)).status).toBe(200);
    done(await latchkey.admin.delete(`${IDENTITIES}/${identityId}`));
    expect((await latchkey.as(accessToken).get(DETAILS)).status).toBe(401);
  });

  it.each([
    ['RS256', rsa],
    ['RS512', rsa],
    ['PS384', rsa],
    ['ES256', ec],
    ['EdDSA', ed],
  ])('takes %s', async (alg, { publicKey, privateKey }) => {
    const identityId = await attached({ publicKeys: [pem(publicKey)] });
    expect((await loginWith(identityId, { key: privateKey, header: { alg } })).status).toBe(200);
  });

  it('lets a key be changed without an interruption', async () => {
    const identityId = await attached({ publicKeys: [pem(rsa.publicKey), pem(ec.publicKey)] });
    for (const key of [rsa.privateKey, ec.privateKey]) {
      expect((await loginWith(identityId, { key })).status).toBe(200);
    }
    done(await latchkey.admin.patch(`${IDENTITIES}/${identityId}`, { publicKeys: [pem(ec.publicKey)] }));
    expect(await loginWith(identityId, { key: rsa.privateKey })).toEqual(unverified('invalid signature'));
    expect((await loginWith(identityId)).status).toBe(200);
  });

  it('is 404 for an identity without the method, one that is not there, and what is no id', async () => {
    const words = 'JWT auth method not found for identity, did you configure JWT auth?';
    for (const identityId of [await latchkey.given.identity(), randomUUID(), 'x']) {
      expect(await loginWith(identityId)).toEqual(refused(404, 'NotFound', words));
    }
  });

  it.each(['x', 'a.b.c', 'e30.e30.', '....', `${'a'.repeat(100)}.b.c`])('takes no text for a JWT: %s', async (jwt) => {
    expect(await login(await attached(), jwt)).toEqual(refused(401, 'UnauthorizedError', 'Invalid JWT'));
  });

  describe('is refused for', () => {
    const tampered = (token: string) => {
      const [head, , signature] = token.split('.') as [string, string, string];
      const payload = { ...decodeJwt(token), sub: 'build:root' };
      return [head, Buffer.from(JSON.stringify(payload)).toString('base64url'), signature].join('.');
    };
    const unsigned = (header: object, claims: object = {}) => {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      return `${part(header)}.${part({ sub: 'build:1', exp: now() + 600, ...claims })}`;
    };
    const hmac = (secret: string) => {
      const body = unsigned({ alg: 'HS256', typ: 'JWT' });
      return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
    };

    it.each<[string, () => string | Promise<string>, string]>([
      ['claims that were changed', async () => tampered(await signed()), 'invalid signature'],
      ['the key of another', () => signed({ key: foreign.privateKey }), 'invalid signature'],
      ['no signature', () => `${unsigned({ alg: 'none' })}.`, 'invalid algorithm'],
      ['none by another spelling', () => `${unsigned({ alg: 'nOnE' })}.x`, 'invalid algorithm'],
      ['the public key as a secret', () => hmac(pem(ec.publicKey)), 'invalid algorithm'],
      ['an algorithm of another key', () => signed({ key: rsa.privateKey }), 'invalid signature'],
      ['an algorithm from the prototype', () => `${unsigned({ alg: 'constructor' })}.x`, 'invalid algorithm'],
      [
        'a critical extension',
        () => `${unsigned({ alg: 'ES256', crit: ['b64'], b64: false })}.x`,
        'unsupported header',
      ],
      ['a token within', () => signed({ header: { cty: 'JWT' } }), 'unsupported header'],
      ['a report of a logout', () => signed({ header: { typ: 'logout+jwt' } }), 'unsupported type'],
      ['no expiry', () => signed({ claims: { exp: undefined } }), 'jwt exp invalid'],
      ['an expiry that is no number', () => signed({ claims: { exp: '9' as never } }), 'jwt exp invalid'],
      ['a time that is over', () => signed({ claims: { exp: now() - 61 } }), 'jwt expired'],
      ['a time that has not come', () => signed({ claims: { nbf: now() + 65 } }), 'jwt not active'],
      ['being issued in the future', () => signed({ claims: { iat: now() + 65 } }), 'jwt not active'],
    ])('%s', async (_, token, reason) => {
      const identityId = await attached();
      const jwt = await token();
      expect(await login(identityId, jwt)).toEqual(unverified(reason));
      expect(latchkey.logs.join()).not.toContain(jwt.split('.')[1]);
    });

    it('nothing within a minute that clocks may be apart', async () => {
      const identityId = await attached();
      for (const claims of [{ exp: now() - 55 }, { nbf: now() + 55 }, { iat: now() + 55 }]) {
        expect((await loginWith(identityId, { claims })).status).toBe(200);
      }
    });

    it.each<[object, JWTPayload, object]>([
      [
        { boundIssuer: ISSUER },
        { iss: `${ISSUER}/` },
        refused(403, 'ForbiddenError', 'Access denied: issuer mismatch'),
      ],
      [{}, { sub: 'other' }, refused(403, 'ForbiddenError', 'Access denied: subject not allowed')],
      [{}, { sub: undefined }, denied('token has no subject field')],
      [{ boundAudiences: 'a, b' }, { aud: ['c'] }, denied('token audience not allowed')],
      [{ boundAudiences: 'a, b' }, { aud: undefined }, denied('token has no audience field')],
      [{ boundClaims: { 'a.b': 'c' } }, { a: { b: 'd' } }, denied('claim mismatch for field a.b')],
      [{ boundClaims: { 'a.b': 'c' } }, { a: [{ b: 'c' }] }, denied('token has no a.b field')],
    ])('what it does not say: %j, %j', async (settings, claims, answer) => {
      expect(await loginWith(await attached(settings), { claims })).toEqual(answer);
    });
  });
});

describe('a login with the keys of a URL', () => {
  const publish = async (keys: Record<string, KeyObject>) => {
    const published = Object.entries(keys).map(async ([kid, key]) => ({ ...(await exportJWK(key)), kid }));
    peer.answerJson({ keys: await Promise.all(published) });
  };
  let sets = 0;
  const bound = (more: object = {}) => ({
    configurationType: 'jwks',
    jwksUrl: `${peer.url}/jwks/${(sets += 1)}`,
    jwksCaCert: peer.authority.cert,
    publicKeys: [],
    ...more,
  });
  const kid = (name: string, key = ec.privateKey): Wanted => ({ header: { kid: name }, key });

  it('takes the one key there is for a token without a key id, and of several none', async () => {
    await publish({ a: ec.publicKey });
    expect((await loginWith(await attached(bound()))).status).toBe(200);
    await publish({ a: ec.publicKey, b: rsa.publicKey });
    expect(await loginWith(await attached(bound()))).toEqual(denied('signing key not found'));
  });

  it('learns of a new key, and refuses an unknown one', async () => {
    await publish({ a: ec.publicKey });
    const identityId = await attached(bound());
    expect((await loginWith(identityId, kid('a'))).status).toBe(200);
    expect(await loginWith(identityId, kid('b'))).toEqual(denied('signing key not found'));
    await publish({ a: ec.publicKey, b: rsa.publicKey });
    await pause(600);
    expect((await loginWith(identityId, kid('b', rsa.privateKey))).status).toBe(200);
    expect(await loginWith(identityId, kid('b', foreign.privateKey))).toEqual(denied('invalid signature'));
  });

  it('holds to the algorithm that the issuer names for a key', async () => {
    peer.answerJson({ keys: [{ ...(await exportJWK(rsa.publicKey)), kid: 'a', alg: 'PS256' }] });
    const identityId = await attached(bound());
    const token = (alg: string) => ({ header: { kid: 'a', alg }, key: rsa.privateKey });
    expect((await loginWith(identityId, token('PS256'))).status).toBe(200);
    expect(await loginWith(identityId, token('RS256'))).toEqual(denied('invalid signature'));
  });

  it('trusts the server by the certificates that were given, and by no others', async () => {
    await publish({ a: ec.publicKey });
    expect(await loginWith(await attached(bound({ jwksCaCert: '' })), kid('a'))).toEqual(UNAVAILABLE);
  });
});
