import { type Answer, answered, refused } from './support/api-client';
import { done } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy';

const DETAILS = '/api/v1/identities/details';
const UNAVAILABLE = refused(503, 'ServiceUnavailable', 'The database is not available. Please try again.');
const REVOKED = refused(401, 'UnauthorizedError', 'Failed to authorize: token has been revoked');

/** Asks until it is answered otherwise than 200, for ten seconds at most: what was answered, and after how long. */
async function firstRefusal(ask: () => Promise<{ status: number }>) {
  const since = performance.now();
  for (;;) {
    const answer = await ask();
    const afterMs = performance.now() - since;
    if (answer.status !== 200 || afterMs > 10_000) return { answer, afterMs };
  }
}

describe('what a node remembers', () => {
  let proxy: TcpProxy;
  let latchkey: TestLatchkey;

  beforeAll(async () => {
    proxy = await startTcpProxy(process.env.LATCHKEY_TEST_DATABASE!);
    latchkey = await startLatchkey({ database: { url: proxy.url }, revocationBoundMs: 60_000 });
  });
  afterAll(async () => {
    await latchkey.stop();
    await proxy.stop();
  });
  afterEach(() => proxy.restore());

  it('answers a warm token without the database, and asks it about every other', async () => {
    const warm = await latchkey.given.token();
    const cold = await latchkey.given.token();
    done(await warm.api.get(DETAILS));
    await proxy.cut();
    const answers = await Promise.all(Array.from({ length: 50 }, () => warm.api.get(DETAILS)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(await cold.api.get(DETAILS)).toEqual(UNAVAILABLE);
    expect((await latchkey.as('eyJhbGciOiJIUzI1NiJ9.e30.garbage').get(DETAILS)).status).toBe(401);
  });

  it('is verified again on every request: by the time it is, and by the address it comes from', async () => {
    const token = await latchkey.given.token({ policy: { accessTokenTTL: 60 } });
    done(await token.api.get(DETAILS));
    await proxy.cut();
    latchkey.clock.advance(60);
    expect(await token.api.get(DETAILS)).toEqual(
      refused(401, 'TokenError', 'Your token has expired. Please re-authenticate.'),
    );
    latchkey.clock.reset();
  });

  it('does not include a failure: the next request asks again', async () => {
    const token = await latchkey.given.token();
    await proxy.cut();
    expect(await token.api.get(DETAILS)).toEqual(UNAVAILABLE);
    await proxy.restore();
    let answer = await token.api.get(DETAILS);
    for (let attempt = 0; answer.status === 503 && attempt < 200; attempt += 1) answer = await token.api.get(DETAILS);
    expect(answer.status).toBe(200);
  });
});

describe('a change', () => {
  const BOUND_MS = 300;
  let nodes: TestLatchkey[];

  beforeAll(async () => {
    const first = await startLatchkey({ revocationBoundMs: BOUND_MS, database: databaseWithoutPush() });
    const second = await startLatchkey(
      { authSecret: first.authSecret, revocationBoundMs: BOUND_MS, database: databaseWithoutPush() },
      { isBootstrapped: false },
    );
    nodes = [first, second];
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  });

  function databaseWithoutPush() {
    return { url: process.env.LATCHKEY_TEST_DATABASE!, pushUrl: false as const };
  }

  const WAYS: [name: string, sql: string][] = [
    ['a revocation by hand', 'UPDATE latchkey.identity_access_tokens SET revoked_at = now() WHERE id = $1'],
    ['a row deleted by hand', 'DELETE FROM latchkey.identity_access_tokens WHERE id = $1'],
    [
      'a membership ended by hand',
      `UPDATE latchkey.organization_memberships SET is_active = false
        WHERE identity_id = (SELECT identity_id FROM latchkey.identity_access_tokens WHERE id = $1)`,
    ],
    [
      'an auth method removed by hand',
      `DELETE FROM latchkey.identity_auth_methods
        WHERE id = (SELECT auth_method_id FROM latchkey.identity_access_tokens WHERE id = $1)`,
    ],
    [
      'an identity deleted by hand',
      `DELETE FROM latchkey.identities
        WHERE id = (SELECT identity_id FROM latchkey.identity_access_tokens WHERE id = $1)`,
    ],
    [
      'trusted addresses tightened by hand',
      `UPDATE latchkey.identity_auth_methods
          SET access_token_trusted_ips = '[{"type":"ipv4","ipAddress":"203.0.113.7"}]'
        WHERE id = (SELECT auth_method_id FROM latchkey.identity_access_tokens WHERE id = $1)`,
    ],
  ];

  it.each(WAYS)('that is %s reaches nodes that hear of nothing: they read it', async (_, sql) => {
    const [first, second] = nodes as [TestLatchkey, TestLatchkey];
    const { tokenId, accessToken } = await first.given.token();
    done(await first.as(accessToken).get(DETAILS));
    done(await second.as(accessToken).get(DETAILS));
    await first.dataSource.query(sql, [tokenId]);
    for (const node of nodes) {
      const { answer } = await firstRefusal(() => node.as(accessToken).get(DETAILS));
      expect([401, 403]).toContain(answer.status);
    }
  });

  it('is known to the node that made it before it answers', async () => {
    const [first] = nodes as [TestLatchkey];
    for (let round = 0; round < 20; round += 1) {
      const { tokenId, api } = await first.given.token();
      done(await api.get(DETAILS));
      done(await first.admin.post(`/api/v1/auth/token-auth/tokens/${tokenId}/revoke`));
      expect(await api.get(DETAILS)).toEqual(REVOKED);
    }
  });

  const appliedOf = async (node: TestLatchkey) =>
    done(await node.anonymous.get('/api/health')).appliedRevision as number;
  const hasReached = async (node: TestLatchkey, revision: number) => {
    for (const since = performance.now(); performance.now() - since < 10_000;) {
      if ((await appliedOf(node)) >= revision) return true;
    }
    return false;
  };

  it('has a revision, which every node tells it has reached', async () => {
    const [first] = nodes as [TestLatchkey];
    const { tokenId } = await first.given.token();
    const { revision, nodes: spread } = done(
      await first.admin.post(`/api/v1/auth/token-auth/tokens/${tokenId}/revoke?wait=all`),
    );
    expect(spread).toEqual({ applied: expect.any(Array), pending: expect.any(Array) });
    for (const node of nodes) expect(await hasReached(node, revision as number)).toBe(true);
  });

  it('is not said to be known when a later one is, and it commits last', async () => {
    const [first, second] = nodes as [TestLatchkey, TestLatchkey];
    const [early, late] = [await first.given.token(), await first.given.token()];
    done(await second.as(early.accessToken).get(DETAILS));
    let revision = 0;
    await first.dataSource.transaction(async (tx) => {
      await tx.query('UPDATE latchkey.identity_access_tokens SET revoked_at = now() WHERE id = $1', [early.tokenId]);
      const [row] = await tx.query<[{ xid: string }]>('SELECT pg_current_xact_id()::text AS xid');
      revision = Number(row.xid);
      done(await first.admin.post(`/api/v1/auth/token-auth/tokens/${late.tokenId}/revoke?wait=all`));
      expect(await appliedOf(second)).toBeLessThan(revision);
    });
    expect(await hasReached(second, revision)).toBe(true);
    expect(await second.as(early.accessToken).get(DETAILS)).toEqual(REVOKED);
  });

  it('is waited for again by who asks again, though nothing is left to change', async () => {
    const [first] = nodes as [TestLatchkey];
    const { accessToken } = await first.given.token();
    done(await first.anonymous.post('/api/v1/auth/token/revoke', { accessToken }));
    const ask = async () => done(await first.anonymous.post('/api/v1/auth/token/revoke?wait=all', { accessToken }));
    const isEverywhere = ({ nodes: { applied, pending } }: Answer['body']) => applied.length === 2 && !pending.length;
    let again = await ask();
    // On a machine that is too busy for seconds, a node may count as gone, or as late.
    for (let attempt = 0; !isEverywhere(again) && attempt < 20; attempt += 1) again = await ask();
    expect(again).toMatchObject({ revision: null, nodes: { applied: Array(2).fill(expect.any(String)), pending: [] } });
  });

  it('is waited for no longer than the bound when a node that should be there is silent, and that node is named', async () => {
    const [first] = nodes as [TestLatchkey];
    await first.dataSource.query(
      `INSERT INTO latchkey.nodes (id, name, started_at, seen_at, confirmed, applied_revision)
       VALUES (gen_random_uuid(), 'silent:1', now(), now() + interval '1 hour', '1:1:', 0)`,
    );
    const { tokenId } = await first.given.token();
    const { nodes: spread } = done(await first.admin.post(`/api/v1/auth/token-auth/tokens/${tokenId}/revoke?wait=all`));
    expect(spread.pending).toContain('silent:1');
    await first.dataSource.query(`DELETE FROM latchkey.nodes WHERE name = 'silent:1'`);
  });
});

describe('the health of a node', () => {
  let proxy: TcpProxy;
  let latchkey: TestLatchkey;

  beforeAll(async () => {
    proxy = await startTcpProxy(process.env.LATCHKEY_TEST_DATABASE!);
    latchkey = await startLatchkey({ database: { url: proxy.url }, revocationBoundMs: 200 });
  });
  afterAll(async () => {
    await latchkey.stop();
    await proxy.stop();
  });

  it('asks one question for all who wait for their changes to spread, however many', async () => {
    const tokens = await Promise.all(Array.from({ length: 60 }, () => latchkey.given.token()));
    await latchkey.dataSource.query(
      `INSERT INTO latchkey.nodes (id, name, started_at, seen_at, confirmed, applied_revision)
       VALUES (gen_random_uuid(), 'silent:2', now(), now() + interval '1 hour', '1:1:', 0)`,
    );
    const asked = () => proxy.count('FROM latchkey.nodes WHERE seen_at');
    const before = asked();
    const answers = await Promise.all(
      tokens.map(({ accessToken }) => latchkey.anonymous.post('/api/v1/auth/token/revoke?wait=all', { accessToken })),
    );
    const questions = asked() - before;
    await latchkey.dataSource.query(`DELETE FROM latchkey.nodes WHERE name = 'silent:2'`);
    for (const answer of answers) expect(done(answer).nodes.pending).toContain('silent:2');
    // In the time that all took together, one after another would have been a few hundred.
    expect(questions).toBeLessThan(150);
  });

  it('is ready while it can confirm what has changed, and tells what it knows', async () => {
    let { body } = await latchkey.anonymous.get('/api/health');
    for (let attempt = 0; body.push !== 'on' && attempt < 500; attempt += 1) {
      ({ body } = await latchkey.anonymous.get('/api/health'));
    }
    expect({ status: 200, headers: expect.anything(), body }).toEqual(
      answered({
        status: 'ready',
        appliedRevision: expect.any(Number),
        confirmedAgeMs: expect.any(Number),
        revocationBoundMs: 200,
        push: 'on',
        clockSkewMs: expect.any(Number),
        databaseClockBehindMs: expect.any(Number),
      }),
    );
  });

  it('is 503 when it cannot, while the status of the process stays 200, and ready again afterwards', async () => {
    proxy.stall();
    const { answer } = await firstRefusal(() => latchkey.anonymous.get('/api/health'));
    expect(answer).toEqual(
      refused(
        503,
        'ServiceUnavailable',
        'This node has not heard from the primary database within the revocation bound.',
        { push: expect.any(String), confirmedAgeMs: expect.any(Number) },
      ),
    );
    expect((await latchkey.anonymous.get('/api/status')).status).toBe(200);
    await proxy.restore();
    const deadline = Date.now() + 10_000;
    let status = 503;
    while (status !== 200 && Date.now() < deadline) ({ status } = await latchkey.anonymous.get('/api/health'));
    expect(status).toBe(200);
  });
});
