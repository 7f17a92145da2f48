import { type Answer, answered, refused } from './support/api-client';
import type { GivenToken } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy';

const DETAILS = '/api/v1/identities/details';
const UNAVAILABLE = refused(503, 'ServiceUnavailable', 'The database is not available. Please try again.');

describe('a database that cannot be reached', () => {
  let proxy: TcpProxy;
  let latchkey: TestLatchkey;
  let token: GivenToken;

  beforeAll(async () => {
    proxy = await startTcpProxy(process.env.LATCHKEY_TEST_DATABASE!);
    latchkey = await startLatchkey({ database: { url: proxy.url }, revocationBoundMs: 100 });
    token = await latchkey.given.token({ role: 'admin' });
  });
  afterEach(() => proxy.restore());
  afterAll(async () => {
    await latchkey.stop();
    await proxy.stop();
  });

  /** Asks until the answer is a 200, for at most ten seconds. */
  const comesBack = async (ask: () => Promise<Answer>): Promise<Answer> => {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const answer = await ask();
      if (answer.status === 200 || Date.now() > deadline) return answer;
      expect(answer).toEqual(UNAVAILABLE);
    }
  };

  /** What is remembered is answered with for as long as the bound, and not longer. */
  const isMissed = async (): Promise<void> => {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const answer = await token.api.get(DETAILS);
      if (answer.status !== 200 || Date.now() > deadline) return expect(answer).toEqual(UNAVAILABLE);
    }
  };

  const OUTAGES: [string, () => Promise<void> | void][] = [
    ['that is gone', () => proxy.cut()],
    ['that takes connections and never answers', () => proxy.stall()],
  ];

  it.each(OUTAGES)('%s is 503 with Retry-After and never 401, and the process outlives it', async (_, outage) => {
    expect((await token.api.get(DETAILS)).status).toBe(200);
    await outage();
    await isMissed();

    const { accessToken } = token;
    const asks = [
      () => token.api.get(DETAILS),
      () => token.api.get(`/api/v1/identities/${token.identityId}`),
      () => token.api.patch(`/api/v1/auth/token-auth/tokens/${token.tokenId}`, { name: 'x' }),
      () => latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken }),
      () => latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken }),
      () => latchkey.anonymous.post('/api/v1/auth/universal-auth/login', { clientId: 'x', clientSecret: 'y' }),
      () => latchkey.anonymous.post('/api/v1/admin/bootstrap', { email: 'a@b.cd', password: 'p', organization: 'o' }),
    ];
    const answers = await Promise.all(asks.map((ask) => ask()));
    expect(answers).toEqual(asks.map(() => UNAVAILABLE));
    expect(answers.map(({ headers }) => headers.get('retry-after'))).toEqual(asks.map(() => '1'));

    expect((await latchkey.anonymous.get('/api/status')).status).toBe(200);
    expect(await latchkey.anonymous.get(DETAILS)).toEqual(refused(401, 'UnauthorizedError', 'Token missing'));
    expect((await latchkey.as('x.y.z').get(DETAILS)).status).toBe(401);

    await proxy.restore();
    expect(await comesBack(() => token.api.get(DETAILS))).toEqual(answered(expect.anything()));
    expect((await latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken })).status).toBe(200);
  });

  it('is noticed in the middle of many requests: each is answered, by the truth or by 503', async () => {
    const asks = Array.from({ length: 40 }, () => token.api.get(DETAILS));
    await proxy.cut();
    for (const answer of await Promise.all(asks)) {
      if (answer.status !== 200) expect(answer).toEqual(UNAVAILABLE);
    }
    await proxy.restore();
    expect((await comesBack(() => token.api.get(DETAILS))).status).toBe(200);
  });

  it('ends no process when it dies in the packet that greets or answers', async () => {
    proxy.die();
    await isMissed();
    for (let round = 0; round < 20; round += 1) {
      const answers = [latchkey.anonymous.get('/api/health'), token.api.get(`/api/v1/identities/${token.identityId}`)];
      for (const answer of await Promise.all(answers)) expect([200, 503]).toContain(answer.status);
    }
    await proxy.restore();
    expect((await comesBack(() => token.api.get(DETAILS))).status).toBe(200);
  });

  it('loses no use that was counted before it was gone', async () => {
    const uses = async () => {
      const [row] = await latchkey.dataSource.query<[{ uses: number }]>(
        'SELECT num_uses::int AS uses FROM latchkey.identity_access_tokens WHERE id = $1',
        [token.tokenId],
      );
      return row.uses;
    };
    const counted = async (expected: number) => {
      const deadline = Date.now() + 10_000;
      while ((await uses()) < expected && Date.now() < deadline) await new Promise(setImmediate);
      return uses();
    };
    await comesBack(() => token.api.get(DETAILS));
    const before = await uses();
    // Whatever has not been written yet is written now, so that the count below starts from a known place.
    for (let i = 0; i < 5; i += 1) expect((await token.api.get(DETAILS)).status).toBe(200);
    await proxy.cut();
    await isMissed();
    await proxy.restore();
    expect((await comesBack(() => token.api.get(DETAILS))).status).toBe(200);
    expect(await counted(before + 6)).toBeGreaterThanOrEqual(before + 6);
  });
});

describe('a database that is slow when the server starts', () => {
  it('is waited for: the deadline of requests is none for the start', async () => {
    const proxy = await startTcpProxy(process.env.LATCHKEY_TEST_DATABASE!);
    proxy.stall();
    const starting = startLatchkey({ database: { url: proxy.url } });
    await proxy.givenUp();
    await proxy.restore();
    const latchkey = await starting;
    expect((await latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken: 'x.y.z' })).status).toBe(401);
    await latchkey.stop();
    await proxy.stop();
  });
});
