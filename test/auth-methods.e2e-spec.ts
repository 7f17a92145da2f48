import { randomBytes } from 'node:crypto';
import { decode } from 'jsonwebtoken';
import { latchkeyDocument, LatchkeyModule, SecurityEvents } from '../src';
import { type Answer, answered, refused } from './support/api-client';
import { BadgeAuthModule, TestDirectory } from './support/badge-auth';
import { done } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { METHODS } from './support/methods';

// A method of a host's own, with everything a method can have, goes through what every method goes through.

const LOGIN = '/api/v1/auth/badge-auth/login';
const IDENTITIES = '/api/v1/auth/badge-auth/identities';
const DETAILS = '/api/v1/identities/details';
const RENEW = '/api/v1/auth/token/renew';
const UNKNOWN = '7b0e4a52-9c1d-4f3e-8a6b-2d5c1e0f9a34';
const KEY = randomBytes(16).toString('hex');

const INVALID = refused(401, 'UnauthorizedError', 'Invalid credentials');
const LOCKED = refused(
  401,
  'UnauthorizedError',
  'This identity auth method is temporarily locked, please try again later',
);
const NOT_CONFIGURED = refused(
  404,
  'NotFound',
  'Badge auth method not found for identity, did you configure Badge auth?',
);

let latchkey: TestLatchkey;
let directory: TestDirectory;

const BADGES = { ada: { password: 'right', team: 'engine' }, eve: { password: 'right too', team: 'x'.repeat(2_000) } };

beforeAll(async () => {
  directory = await TestDirectory.start(KEY, BADGES);
  latchkey = await startLatchkey({ authMethods: [BadgeAuthModule] });
});
afterEach(() => latchkey.clock.reset());
afterAll(async () => {
  await latchkey.stop();
  await directory.stop();
});

const attach = (identityId: string, body: object = {}) =>
  latchkey.admin.post(`${IDENTITIES}/${identityId}`, { directoryUrl: directory.url, directoryKey: KEY, ...body });
const update = (identityId: string, body: object) => latchkey.admin.patch(`${IDENTITIES}/${identityId}`, body);
const login = (identityId: string, username = 'ada', password = 'right'): Promise<Answer> =>
  latchkey.anonymous.post(LOGIN, { identityId, username, password });
const claimsOf = (token: unknown) => decode(token as string) as Record<string, unknown>;

async function attached(body: object = {}): Promise<string> {
  const identityId = await latchkey.given.identity();
  done(await attach(identityId, body));
  return identityId;
}

describe('a method of a host', () => {
  it('is attached, and answered with its settings; its secret is shown where the method shows it', async () => {
    const identityId = await latchkey.given.identity();
    const { identityBadgeAuth } = done(await attach(identityId, { team: 'engine', accessTokenTTL: 600 }));
    expect(identityBadgeAuth).toMatchObject({ identityId, directoryUrl: directory.url, team: 'engine' });
    expect(identityBadgeAuth).toMatchObject({ accessTokenTTL: 600, accessTokenMaxTTL: 2592000 });
    expect(identityBadgeAuth.directoryKey).toBeUndefined();
    const path = `${IDENTITIES}/${identityId}`;
    const shown = { identityBadgeAuth: { ...identityBadgeAuth, directoryKey: KEY } };
    expect(await latchkey.admin.get(path)).toEqual(answered(shown));
    expect(await latchkey.admin.delete(path)).toEqual(answered({ identityBadgeAuth }));
  });

  it('keeps its secret encrypted', async () => {
    const identityId = await attached();
    const [row] = await latchkey.dataSource.query<[{ text: string; sealed: Buffer }]>(
      'SELECT a::text AS text, a.sealed_secrets AS sealed FROM latchkey.identity_auth_methods a WHERE identity_id = $1',
      [identityId],
    );
    expect(row.sealed.length).toBeGreaterThan(29);
    expect(row.text).not.toContain(KEY);
    expect(row.sealed.includes(KEY)).toBe(false);
  });

  it('is listed with the others of an identity, after those of the contract', async () => {
    const identityId = await attached();
    await latchkey.given.tokenAuth(identityId);
    const { identity } = done(await latchkey.admin.get(`/api/v1/identities/${identityId}`)).identity;
    expect(identity.authMethods).toEqual(['token-auth', 'badge-auth']);
  });

  it('is there once, and is refused in the words of the contract where it is not', async () => {
    const identityId = await attached();
    expect(await attach(identityId)).toEqual(
      refused(400, 'BadRequest', 'Failed to add Badge Auth to already configured identity'),
    );
    const bare = await latchkey.given.identity();
    expect(await update(bare, { team: 'x' })).toEqual(refused(400, 'BadRequest', 'Failed to update Badge Auth'));
    expect(await latchkey.admin.get(`${IDENTITIES}/${bare}`)).toEqual(
      refused(404, 'NotFound', 'The identity does not have Badge Auth attached'),
    );
    expect(await latchkey.admin.delete(`${IDENTITIES}/${bare}`)).toEqual(
      refused(400, 'BadRequest', 'The identity does not have badge auth'),
    );
  });
});

describe('the API documentation', () => {
  it('says what the method is, between the identities and Token Auth', () => {
    const tags = latchkeyDocument(latchkey.app).tags ?? [];
    const names = tags.map(({ name }) => name);
    const own = METHODS.map(({ definition }) => definition.title);
    const before = ['Identities', 'Roles', 'Projects'];
    expect(names.slice(0, own.length + 5)).toEqual([...before, ...own, 'Badge Auth', 'Token Auth']);
    expect(tags).toContainEqual({ name: 'Badge Auth', description: 'Let people in who wear a badge.' });
  });
});

describe('checks over the network, before a method is written', () => {
  it('refuse a configuration, which is then not there', async () => {
    const identityId = await latchkey.given.identity();
    expect(await attach(identityId, { directoryKey: 'wrong' })).toEqual(
      refused(400, 'BadRequest', 'The directory refuses the key'),
    );
    expect(await attach(identityId, { directoryUrl: 'http://127.0.0.1:1' })).toEqual(
      refused(400, 'BadRequest', 'The directory cannot be reached'),
    );
    expect((await latchkey.admin.get(`${IDENTITIES}/${identityId}`)).status).toBe(404);
  });

  it('refuse an update, and see what it would make of what is there', async () => {
    const identityId = await attached();
    expect(await update(identityId, { directoryKey: 'wrong' })).toEqual(
      refused(400, 'BadRequest', 'The directory refuses the key'),
    );
    done(await update(identityId, { team: 'engine' }));
    const { identityBadgeAuth } = done(await latchkey.admin.get(`${IDENTITIES}/${identityId}`));
    expect(identityBadgeAuth).toMatchObject({ team: 'engine', directoryKey: KEY, directoryUrl: directory.url });
  });

  it('are not made for who has no right to the change', async () => {
    const identityId = await latchkey.given.identity({ role: 'admin' });
    const { api } = await latchkey.given.token({ role: 'no-access' });
    const before = directory.asked.length;
    const body = { directoryUrl: directory.url, directoryKey: KEY };
    expect((await api.post(`${IDENTITIES}/${identityId}`, body)).status).toBe(403);
    const { admin } = await latchkey.given.organization();
    expect((await admin.post(`${IDENTITIES}/${identityId}`, body)).status).toBe(404);
    expect(directory.asked.length).toBe(before);
  });

  it('hold no transaction open, and look again at what was changed meanwhile', async () => {
    const identityId = await attached();
    let open: () => void = () => undefined;
    directory.gate = new Promise((resolve) => (open = resolve));
    const before = directory.asked.length;
    const slow = update(identityId, { team: 'slow' });
    while (directory.asked.length === before) await new Promise(setImmediate);
    const other = `UPDATE latchkey.identity_auth_methods SET config = jsonb_set(config, '{directoryUrl}', $2)
                    WHERE identity_id = $1`;
    await latchkey.dataSource.query(other, [identityId, JSON.stringify(`${directory.url}/?again=`)]);
    open();
    const { identityBadgeAuth } = done(await slow);
    expect(identityBadgeAuth).toMatchObject({ team: 'slow', directoryUrl: `${directory.url}/?again=` });
    expect(directory.asked.length).toBe(before + 2);
  });
});

describe('logging in by the id of an identity', () => {
  it('answers a token that knows what was found out, through every renewal', async () => {
    const identityId = await attached({ accessTokenTTL: 600 });
    const first = done(await login(identityId));
    expect(first).toMatchObject({ expiresIn: 600, accessTokenMaxTTL: 2592000, tokenType: 'Bearer' });
    const identityAuth = { badge: { username: 'ada', team: 'engine' } };
    expect(claimsOf(first.accessToken)).toMatchObject({ identityId, authMethod: 'badge-auth', identityAuth });
    let { accessToken } = first as { accessToken: string };
    for (let i = 0; i < 2; i += 1) {
      latchkey.clock.advance(300);
      ({ accessToken } = done(await latchkey.anonymous.post(RENEW, { accessToken })) as { accessToken: string });
      expect(claimsOf(accessToken)).toMatchObject({ identityAuth });
      expect((await latchkey.as(accessToken).get(DETAILS)).status).toBe(200);
    }
  });

  it('is 404 for an identity without the method, one that is not there, and what is no id', async () => {
    for (const identityId of [await latchkey.given.identity(), UNKNOWN, 'not-a-uuid']) {
      expect(await login(identityId)).toEqual(NOT_CONFIGURED);
    }
  });

  it('is refused with the reason of the method, and for claims that no token holds', async () => {
    expect(await login(await attached({ team: 'other' }))).toEqual(
      refused(401, 'UnauthorizedError', 'Access denied: team'),
    );
    expect(await login(await attached(), 'eve', 'right too')).toEqual(
      refused(401, 'UnauthorizedError', 'Access denied: the claims for the access token are too large'),
    );
  });

  it('ends with the method: its tokens are dead, and attached anew it does not revive them', async () => {
    const identityId = await attached();
    const { accessToken } = done(await login(identityId));
    done(await latchkey.admin.delete(`${IDENTITIES}/${identityId}`));
    done(await attach(identityId));
    expect((await latchkey.as(accessToken as string).get(DETAILS)).status).toBe(401);
    expect(await login(identityId)).toEqual(answered(expect.anything()));
  });
});

describe('a password that is guessed at', () => {
  it('is compared as often as the threshold says and no oftener, and be they all at once', async () => {
    const identityId = await attached();
    const before = directory.asked.length;
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => login(identityId, 'ada', `wrong ${n}`)));
    expect(directory.asked.length - before).toBe(3);
    expect(answers.filter(({ body }) => body.message === 'Invalid credentials')).toHaveLength(3);
    expect(await login(identityId)).toEqual(LOCKED);
    expect(await login(identityId, 'ADA')).toEqual(LOCKED);
    expect(await login(identityId, 'eve', 'wrong')).toEqual(INVALID);
    const { identity } = done(await latchkey.admin.get(`/api/v1/identities/${identityId}`)).identity;
    expect(identity.activeLockoutAuthMethods).toEqual(['badge-auth']);
    const cleared = await latchkey.admin.post(`${IDENTITIES}/${identityId}/clear-lockouts`);
    expect(cleared).toEqual(answered({ deleted: 2 }));
    expect((await login(identityId)).status).toBe(200);
  });

  it('is forgiven wrong guesses by a right one, though that one was counted beforehand', async () => {
    const identityId = await attached();
    for (let round = 0; round < 3; round += 1) {
      for (let i = 0; i < 2; i += 1) expect(await login(identityId, 'ada', 'wrong')).toEqual(INVALID);
      expect((await login(identityId)).status).toBe(200);
    }
  });

  it('is not charged with logins that are refused for anything else, nor forgiven by them', async () => {
    const identityId = await attached({ team: 'other' });
    for (let i = 0; i < 5; i += 1) expect((await login(identityId)).body.message).toBe('Access denied: team');
    for (let i = 0; i < 2; i += 1) expect(await login(identityId, 'ada', 'wrong')).toEqual(INVALID);
    for (let i = 0; i < 5; i += 1) expect((await login(identityId)).body.message).toBe('Access denied: team');
    expect(await login(identityId, 'ada', 'wrong')).toEqual(INVALID);
    expect(await login(identityId)).toEqual(LOCKED);
  });

  it('is not charged with a right one that may not come in', async () => {
    const identityId = await attached();
    const sql = 'UPDATE latchkey.organization_memberships SET is_active = $2 WHERE identity_id = $1';
    await latchkey.change(sql, [identityId, false]);
    for (let i = 0; i < 5; i += 1) expect((await login(identityId)).body.message).toContain('membership is inactive');
    await latchkey.change(sql, [identityId, true]);
    expect((await login(identityId)).status).toBe(200);
  });
});

describe('what is told of logins', () => {
  afterEach(() => jest.restoreAllMocks());

  it('is why one failed, and of whom as far as that is known; never a secret', async () => {
    const failed = jest.spyOn(latchkey.app.get(SecurityEvents, { strict: false }), 'failed');
    const identityId = await attached({ team: 'other' });
    await login(UNKNOWN);
    await login(identityId, 'ada', 'wrong');
    await login(identityId);
    const origin = { address: expect.any(String), requestId: expect.any(String), userAgent: expect.any(String) };
    const whom = { method: 'badge-auth', authMethodId: expect.any(String), identityId, ...origin };
    expect(failed.mock.calls.map(([event]) => event)).toEqual([
      { ...whom, reason: 'auth_method_not_found', authMethodId: undefined, identityId: undefined },
      { ...whom, reason: 'credentials_invalid' },
      { ...whom, reason: 'team_not_allowed' },
    ]);
    expect(latchkey.logs.join()).not.toContain(KEY);
  });

  it('is that guessing has locked a name: by the wrong guess that does, and by no right one', async () => {
    const lockedOut = jest.spyOn(latchkey.app.get(SecurityEvents, { strict: false }), 'lockedOut');
    const identityId = await attached();
    for (let i = 0; i < 2; i += 1) await login(identityId, 'ada', 'wrong');
    expect((await login(identityId)).status).toBe(200);
    expect(lockedOut).not.toHaveBeenCalled();
    for (let i = 0; i < 4; i += 1) await login(identityId, 'ada', 'wrong');
    expect(lockedOut).toHaveBeenCalledTimes(1);
  });

  it('is told of one that succeeds in the transaction of its token: what cannot be kept makes no token', async () => {
    const events = latchkey.app.get(SecurityEvents, { strict: false });
    const identityId = await attached();
    const succeeded = jest.spyOn(events, 'succeeded').mockImplementation(async (tx) => {
      await tx.query('SELECT 1 / 0');
    });
    expect((await login(identityId)).status).toBe(503);
    const issued = 'SELECT FROM latchkey.identity_access_tokens WHERE identity_id = $1';
    expect(await latchkey.dataSource.query(issued, [identityId])).toEqual([]);
    succeeded.mockRestore();
    expect((await login(identityId)).status).toBe(200);
  });
});

describe('the list of methods', () => {
  const start = (authMethods: (new () => object)[]) => () =>
    LatchkeyModule.forRoot({ database: { url: 'postgres://localhost/x' }, authSecret: 'x', authMethods });

  it('has each once, and none that is not made for it', () => {
    expect(start([BadgeAuthModule])).not.toThrow();
    expect(start([BadgeAuthModule, BadgeAuthModule])).toThrow('authMethods: badge-auth is there already');
    expect(start([class Other {}])).toThrow('authMethods: Other is not made by authMethodModule');
  });
});
