import type { LatchkeyOptions } from '../src/latchkey.options';
import { type Answer, answered, refused } from './support/api-client';
import { done, type GivenClient } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

const LOGIN = '/api/v1/auth/universal-auth/login';
const IDENTITIES = '/api/v1/auth/universal-auth/identities';
const UNKNOWN = '7b0e4a52-9c1d-4f3e-8a6b-2d5c1e0f9a34';

const INVALID = refused(401, 'UnauthorizedError', 'Invalid credentials');
const LOCKED = refused(
  401,
  'UnauthorizedError',
  'This identity auth method is temporarily locked, please try again later',
);

/** Three servers on one database. */
const nodes: TestLatchkey[] = [];
let latchkey: TestLatchkey;

// Many at once, on a machine that may be busy.
jest.setTimeout(60_000);

/** Enough connections that a hundred calls at once wait for the database, and not for a connection. */
const database = { url: process.env.LATCHKEY_TEST_DATABASE!, poolSize: 34 };

const startNode = (options: Partial<LatchkeyOptions> = {}) =>
  startLatchkey({ authSecret: latchkey.authSecret, database, ...options }, { isBootstrapped: false });

beforeAll(async () => {
  latchkey = await startLatchkey({ database });
  nodes.push(latchkey, await startNode(), await startNode());
});
afterEach(() => nodes.forEach(({ clock }) => clock.reset()));
afterAll(() => Promise.all(nodes.map((node) => node.stop())));

type Credentials = Pick<GivenClient, 'clientId' | 'clientSecret'>;

let guesses = 0;
const login = ({ clientId, clientSecret }: Credentials, node = latchkey) =>
  node.anonymous.post(LOGIN, { clientId, clientSecret });
/** A wrong guess, each another. */
const guess = (clientId: string, node = latchkey) => login({ clientId, clientSecret: `wrong ${(guesses += 1)}` }, node);
const advance = (seconds: number) => nodes.forEach(({ clock }) => clock.advance(seconds));
const clear = (identityId: string) => latchkey.admin.post(`${IDENTITIES}/${identityId}/clear-lockouts`);
const lockedMethods = async (identityId: string) =>
  done(await latchkey.admin.get(`/api/v1/identities/${identityId}`)).identity.identity
    .activeLockoutAuthMethods as string[];
/** All at once, over all nodes. Who gets 503, because a busy machine has no connection left, asks again. */
const atOnce = (count: number, call: (node: TestLatchkey, n: number) => Promise<Answer>) =>
  Promise.all(
    Array.from({ length: count }, async (_, n) => {
      for (;;) {
        const answer = await call(nodes[n % nodes.length]!, n);
        if (answer.status !== 503) return answer;
      }
    }),
  );
const messagesOf = (answers: Answer[]) => {
  const counts: Record<string, number> = {};
  for (const { status, body } of answers) {
    const text = status === 200 ? 'logged in' : (body.message as string);
    counts[text] = (counts[text] ?? 0) + 1;
  }
  return counts;
};

async function lock(client: GivenClient, threshold = 3): Promise<void> {
  for (let i = 0; i < threshold; i += 1) expect(await guess(client.clientId)).toEqual(INVALID);
  expect(await guess(client.clientId)).toEqual(LOCKED);
}

describe('a client that is guessed at', () => {
  it('is locked after as many wrong guesses as it may have, for the right secret too', async () => {
    const client = await latchkey.given.client();
    expect(await guess(client.clientId)).toEqual(INVALID);
    expect(await guess(client.clientId)).toEqual(INVALID);
    expect(await lockedMethods(client.identityId)).toEqual([]);
    expect(await guess(client.clientId)).toEqual(INVALID);
    expect(await lockedMethods(client.identityId)).toEqual(['universal-auth']);
    expect(await login(client)).toEqual(LOCKED);
    expect(await guess(client.clientId)).toEqual(LOCKED);
  });

  it('is locked on every node at once, and lets in who is in already', async () => {
    const client = await latchkey.given.client();
    const { accessToken } = done(await login(client));
    await lock(client);
    for (const node of nodes) expect(await login(client, node)).toEqual(LOCKED);
    expect((await latchkey.as(accessToken as string).get('/api/v1/identities/details')).status).toBe(200);
    expect((await latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken })).status).toBe(200);
  });

  it('stays locked for as long as was said, no longer for whoever knocks meanwhile', async () => {
    const client = await latchkey.given.client({ policy: { lockoutDurationSeconds: 60 } });
    await lock(client);
    for (let i = 0; i < 5; i += 1) {
      advance(10);
      expect(await guess(client.clientId)).toEqual(LOCKED);
      expect(await login(client)).toEqual(LOCKED);
    }
    advance(9);
    expect(await login(client)).toEqual(LOCKED);
    advance(2);
    expect(await lockedMethods(client.identityId)).toEqual([]);
    expect(await login(client)).toEqual(answered(expect.anything()));
  });

  it('starts at one again once a lock is over', async () => {
    const client = await latchkey.given.client({ policy: { lockoutDurationSeconds: 30 } });
    await lock(client);
    advance(31);
    await lock(client);
  });

  it('is forgiven wrong guesses by a right one', async () => {
    const client = await latchkey.given.client();
    for (let round = 0; round < 3; round += 1) {
      for (let i = 0; i < 2; i += 1) expect(await guess(client.clientId)).toEqual(INVALID);
      expect((await login(client)).status).toBe(200);
    }
  });

  it('is forgiven them by time, counted from the latest', async () => {
    const client = await latchkey.given.client({ policy: { lockoutCounterResetSeconds: 30 } });
    for (let i = 0; i < 2; i += 1) expect(await guess(client.clientId)).toEqual(INVALID);
    advance(31);
    for (let i = 0; i < 2; i += 1) {
      expect(await guess(client.clientId)).toEqual(INVALID);
      advance(20);
    }
    expect(await guess(client.clientId)).toEqual(INVALID);
    expect(await guess(client.clientId)).toEqual(LOCKED);
  });

  it.each([1, 5, 30])('has %s guesses when it is set so', async (lockoutThreshold) => {
    await lock(await latchkey.given.client({ policy: { lockoutThreshold } }), lockoutThreshold);
  });

  it('follows its settings as they are at the time of the guess', async () => {
    const client = await latchkey.given.client({ policy: { lockoutThreshold: 10 } });
    for (let i = 0; i < 4; i += 1) expect(await guess(client.clientId)).toEqual(INVALID);
    done(await latchkey.admin.patch(`${IDENTITIES}/${client.identityId}`, { lockoutThreshold: 2 }));
    expect(await guess(client.clientId)).toEqual(INVALID);
    expect(await login(client)).toEqual(LOCKED);
    done(await latchkey.admin.patch(`${IDENTITIES}/${client.identityId}`, { lockoutThreshold: 10 }));
    expect(await login(client)).toEqual(LOCKED);
    done(await latchkey.admin.patch(`${IDENTITIES}/${client.identityId}`, { lockoutEnabled: false }));
    expect(await lockedMethods(client.identityId)).toEqual([]);
    expect((await login(client)).status).toBe(200);
  });

  it('is never locked when it does without', async () => {
    const client = await latchkey.given.client({ policy: { lockoutEnabled: false } });
    for (let i = 0; i < 6; i += 1) expect(await guess(client.clientId)).toEqual(INVALID);
    expect((await login(client)).status).toBe(200);
    expect(await clear(client.identityId)).toEqual(answered({ deleted: 0 }));
  });

  it('is locked by itself: another client of the organization is not', async () => {
    const [client, second] = [await latchkey.given.client(), await latchkey.given.client()];
    await lock(client);
    expect((await login(second)).status).toBe(200);
  });

  it('is not charged with secrets that are expired, used up, or used in the wrong place', async () => {
    const used = await latchkey.given.client({ secret: { numUsesLimit: 1 } });
    done(await login(used));
    for (let i = 0; i < 5; i += 1) expect((await login(used)).body.message).toContain('usage limit reached');
    const expired = await latchkey.given.client({ secret: { ttl: 1 } });
    advance(2);
    for (let i = 0; i < 5; i += 1) expect((await login(expired)).body.message).toContain('expired client secret');
    const policy = { clientSecretTrustedIps: [{ ipAddress: '203.0.113.0/24' }] };
    const elsewhere = await latchkey.given.client({ policy });
    for (let i = 0; i < 5; i += 1) expect((await login(elsewhere)).status).toBe(403);
    for (const { identityId } of [used, expired, elsewhere]) {
      expect(await clear(identityId)).toEqual(answered({ deleted: 0 }));
    }
  });

  describe('is not forgiven by', () => {
    /** Wrong guesses, and between them a login that is refused for another reason. */
    const guessBetween = async (client: GivenClient, refusedLogin: () => Promise<Answer>, message: string) => {
      for (let i = 0; i < 3; i += 1) {
        expect((await refusedLogin()).body.message).toContain(message);
        expect(await guess(client.clientId)).toEqual(INVALID);
      }
      expect(await guess(client.clientId)).toEqual(LOCKED);
      expect(await refusedLogin()).toEqual(LOCKED);
    };

    it('a secret that is used up', async () => {
      const client = await latchkey.given.client({ secret: { numUsesLimit: 1 } });
      done(await login(client));
      await guessBetween(client, () => login(client), 'usage limit reached');
    });

    it('a secret that is expired', async () => {
      const client = await latchkey.given.client({ secret: { ttl: 1 } });
      advance(2);
      await guessBetween(client, () => login(client), 'expired client secret');
    });

    it('the slug of another organization', async () => {
      const client = await latchkey.given.client();
      const { clientId, clientSecret } = client;
      const elsewhere = { clientId, clientSecret, organizationSlug: 'nowhere' };
      await guessBetween(client, () => latchkey.anonymous.post(LOGIN, elsewhere), 'slug nowhere not found');
    });

    it('a login while the membership is inactive', async () => {
      const client = await latchkey.given.client();
      const sql = 'UPDATE latchkey.organization_memberships SET is_active = false WHERE identity_id = $1';
      await latchkey.change(sql, [client.identityId]);
      await guessBetween(client, () => login(client), 'membership is inactive');
    });
  });

  it('is forgiven by the token it gets, and by nothing before', async () => {
    const client = await latchkey.given.client();
    for (let round = 0; round < 3; round += 1) {
      for (let i = 0; i < 2; i += 1) expect(await guess(client.clientId)).toEqual(INVALID);
      expect((await login(client)).status).toBe(200);
    }
    expect(await clear(client.identityId)).toEqual(answered({ deleted: 0 }));
  });

  it('cannot be locked out from an address it would not log in from', async () => {
    const client = await latchkey.given.client({
      policy: { clientSecretTrustedIps: [{ ipAddress: '203.0.113.0/24' }] },
    });
    const said = messagesOf(await atOnce(20, (node) => guess(client.clientId, node)));
    expect(said).toEqual({
      'Invalid credentials': 3,
      'This identity auth method is temporarily locked, please try again later': 17,
    });
    expect(await lockedMethods(client.identityId)).toEqual([]);
    const proxied = await startNode({ trustedProxies: ['127.0.0.0/8', '::1'] });
    nodes.push(proxied);
    const { clientId, clientSecret } = client;
    const there = { 'x-forwarded-for': '203.0.113.7' };
    expect((await proxied.anonymous.post(LOGIN, { clientId, clientSecret }, there)).status).toBe(200);
    await nodes.pop()!.stop();
  });
});

describe('clearing lock-outs', () => {
  it('lets the right secret in at once, and says how many counts there were', async () => {
    const client = await latchkey.given.client();
    expect(await clear(client.identityId)).toEqual(answered({ deleted: 0 }));
    await lock(client);
    expect(await clear(client.identityId)).toEqual(answered({ deleted: 1 }));
    expect(await lockedMethods(client.identityId)).toEqual([]);
    for (const node of nodes) expect((await login(client, node)).status).toBe(200);
  });

  it('counts a count that has not locked yet, and none that is forgotten', async () => {
    const client = await latchkey.given.client();
    expect(await guess(client.clientId)).toEqual(INVALID);
    expect(await clear(client.identityId)).toEqual(answered({ deleted: 1 }));
    expect(await guess(client.clientId)).toEqual(INVALID);
    advance(31);
    expect(await clear(client.identityId)).toEqual(answered({ deleted: 0 }));
  });

  it('needs universal auth, and an identity', async () => {
    const identityId = await latchkey.given.identity();
    expect(await clear(identityId)).toEqual(refused(400, 'BadRequest', 'The identity does not have universal auth'));
    expect(await clear(UNKNOWN)).toEqual(refused(404, 'NotFound', `Failed to find identity with ID ${UNKNOWN}`));
  });
});

describe('guesses at the same moment, over three nodes', () => {
  it.each([1, 3, 7])('a hundred of them: exactly %s learn that they were wrong', async (lockoutThreshold) => {
    const client = await latchkey.given.client({ policy: { lockoutThreshold } });
    const said = messagesOf(await atOnce(100, (node) => guess(client.clientId, node)));
    expect(said).toEqual({
      'Invalid credentials': lockoutThreshold,
      'This identity auth method is temporarily locked, please try again later': 100 - lockoutThreshold,
    });
    expect(await login(client)).toEqual(LOCKED);
  });

  it('do not tell a client that exists from one that does not', async () => {
    const client = await latchkey.given.client();
    const known = messagesOf(await atOnce(40, (node) => guess(client.clientId, node)));
    expect(messagesOf(await atOnce(40, (node) => guess(UNKNOWN, node)))).toEqual(known);
    expect(messagesOf(await atOnce(40, (node) => guess('not-a-uuid', node)))).toEqual(known);
    expect(await guess(UNKNOWN.toUpperCase())).toEqual(LOCKED);
  });

  it('among which the right one comes too late are all refused, and none is let in once it is locked', async () => {
    for (let round = 0; round < 5; round += 1) {
      const client = await latchkey.given.client({ policy: { lockoutThreshold: 1 } });
      await atOnce(30, (node, n) => (n % 3 === 1 ? login(client, node) : guess(client.clientId, node)));
      // However that went, it is locked now or has been forgiven; one wrong guess more and it is locked for certain.
      await guess(client.clientId);
      expect(messagesOf(await atOnce(12, (node) => login(client, node)))).toEqual({
        'This identity auth method is temporarily locked, please try again later': 12,
      });
    }
  });

  it('are no matter to a hundred right logins: nobody reserves what an honest program needs', async () => {
    const client = await latchkey.given.client({ policy: { lockoutThreshold: 1 } });
    expect(messagesOf(await atOnce(100, (node) => login(client, node)))).toEqual({ 'logged in': 100 });
  });
});

describe('the count of wrong guesses', () => {
  it('outlives the servers: who was locked out stays so', async () => {
    const client = await latchkey.given.client();
    for (let i = 0; i < 2; i += 1) expect(await guess(client.clientId)).toEqual(INVALID);
    const first = await startNode();
    expect(await guess(client.clientId, first)).toEqual(INVALID);
    await first.stop();
    const second = await startNode();
    expect(await login(client, second)).toEqual(LOCKED);
    await second.stop();
  });

  it('is kept though the login it belongs to is refused, and rolled back with nothing', async () => {
    const client = await latchkey.given.client();
    expect(await guess(client.clientId)).toEqual(INVALID);
    const [row] = await latchkey.dataSource.query<[object]>(
      `SELECT l.failures, l.is_locked FROM latchkey.auth_lockouts l
         JOIN latchkey.identity_auth_methods a ON a.id = l.subject_id WHERE a.client_id = $1`,
      [client.clientId],
    );
    expect(row).toEqual({ failures: 1, is_locked: false });
  });

  it('that cannot be kept is no answer at all: neither a right nor a wrong guess is told for free', async () => {
    const client = await latchkey.given.client();
    await latchkey.dataSource.query('ALTER TABLE latchkey.auth_lockouts RENAME TO elsewhere');
    try {
      for (const answer of [await guess(client.clientId), await login(client)]) {
        expect(answer).toEqual(refused(503, 'ServiceUnavailable', 'The database is not available. Please try again.'));
      }
    } finally {
      await latchkey.dataSource.query('ALTER TABLE latchkey.elsewhere RENAME TO auth_lockouts');
    }
    expect((await login(client)).status).toBe(200);
  });

  it('fills no table: whoever counts sweeps away what has long expired, and a lock is not swept', async () => {
    const rows = async () => {
      const [row] = await latchkey.dataSource.query<[{ count: number }]>(
        'SELECT count(*)::int AS count FROM latchkey.auth_lockouts',
      );
      return row.count;
    };
    const client = await latchkey.given.client({ policy: { lockoutDurationSeconds: 86400 } });
    await lock(client);
    for (let i = 0; i < 20; i += 1) await guess(`nobody ${i}`);
    const before = await rows();
    advance(7200);
    for (let i = 0; i < 20; i += 1) await guess(`nobody else ${i}`);
    expect(await rows()).toBeLessThanOrEqual(before);
    for (let i = 0; i < 20; i += 1) await guess('nobody at all');
    expect(await login(client)).toEqual(LOCKED);
  });
});

describe('a client secret with a use limit, over three nodes', () => {
  it.each([1, 7, 50])('makes exactly %s tokens of a hundred logins at the same moment', async (numUsesLimit) => {
    const client = await latchkey.given.client({ secret: { numUsesLimit } });
    const answers = await atOnce(100, (node) => login(client, node));
    expect(messagesOf(answers)).toEqual({
      'logged in': numUsesLimit,
      'Access denied due to client secret usage limit reached': 100 - numUsesLimit,
    });
    const path = `${IDENTITIES}/${client.identityId}/client-secrets/${client.clientSecretId}`;
    expect(done(await latchkey.admin.get(path)).clientSecretData.clientSecretNumUses).toBe(numUsesLimit);
    const [row] = await latchkey.dataSource.query<[{ count: number }]>(
      'SELECT count(*)::int AS count FROM latchkey.identity_access_tokens WHERE client_secret_id = $1',
      [client.clientSecretId],
    );
    expect(row.count).toBe(numUsesLimit);
  });

  it('once revoked lets nobody keep a token, whichever node it came from', async () => {
    const client = await latchkey.given.client();
    const path = `${IDENTITIES}/${client.identityId}/client-secrets/${client.clientSecretId}/revoke`;
    const logins = atOnce(30, (node) => login(client, node));
    done(await latchkey.admin.post(path));
    const tokens = (await logins).filter(({ status }) => status === 200).map(({ body }) => body.accessToken as string);
    for (const token of tokens) {
      expect((await latchkey.as(token).get('/api/v1/identities/details')).status).toBe(401);
    }
    expect(await login(client, nodes[1])).toEqual(INVALID);
  });
});
