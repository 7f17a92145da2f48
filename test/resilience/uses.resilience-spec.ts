import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, good, isLong, report, say, type Token } from './support/cluster';
import { keepAlive, type Reply } from './support/http';
import { hammer, type LatchkeyNode } from './support/node';
import { until } from './support/processes';

jest.setTimeout(isLong ? 1_200_000 : 120_000);

let cluster: Cluster;
beforeAll(async () => {
  // Late enough that what is not made durable is lost with a crash.
  cluster = await Cluster.start({ settings: { wal_writer_delay: '10s' } });
});
afterAll(() => cluster.stop());

const limited = (accessTokenNumUsesLimit: number, rest: object = {}) =>
  cluster.token({ accessTokenNumUsesLimit, ...rest });

/** So many requests at once, over all nodes. */
async function burst({ jwt }: Token, requests: number, nodes = cluster.nodes): Promise<Reply[]> {
  const agents = nodes.map(() => keepAlive());
  const replies = await Promise.all(
    Array.from({ length: requests }, (_, index) => {
      const at = index % nodes.length;
      return nodes[at]!.use(jwt, { agent: agents[at] });
    }),
  );
  agents.forEach((agent) => agent.destroy());
  return replies;
}

const accepted = (replies: Reply[]) => replies.filter(({ status }) => status === 200).length;

describe('P9: a token with a limit of N uses is accepted N times', () => {
  afterAll(() => cluster.postgres.sql('ALTER ROLE latchkey RESET synchronous_commit'));

  // Seen red: the count read in one statement and written in another.
  it.each([1, 7, 100])('exactly %i of 240 at once on three nodes', async (n) => {
    const took: number[] = [];
    for (let round = 0; round < (isLong ? 50 : 1); round += 1) {
      const token = await limited(n);
      const begun = performance.now();
      const replies = await burst(token, 240);
      took.push(performance.now() - begun);
      expect(replies.filter(({ status }) => ![200, 401, 503].includes(status))).toEqual([]);
      // A machine that is busy turns some away (P17); they have spent nothing.
      const isCut = replies.some(({ status }) => status === 503);
      const rest = isCut ? accepted(await burst(token, 240)) : 0;
      expect(accepted(replies) + rest).toBe(n);
      expect(await cluster.usesOf(token)).toBe(n);
    }
    report(`P9, 240 requests for ${n} uses`, took);
  });

  // Seen red: a use is granted before it is counted.
  it('never more, when a node is killed in the middle', async () => {
    for (let round = 0; round < (isLong ? 20 : 1); round += 1) {
      const token = await limited(100);
      const victim = cluster.node(2);
      const running = burst(token, 240);
      await pause(5 + Math.random() * 60);
      await victim.kill();
      const first = accepted(await running);
      await victim.launch();
      const rest = accepted(await burst(token, 240));
      expect(first + rest).toBeLessThanOrEqual(100);
      expect(await cluster.usesOf(token)).toBe(100);
    }
  });

  // Seen red: a use is granted before it is counted; a spent use no more durable than the role's default.
  it.each(['on', 'off'])(
    'never more, when the database is killed in the middle, synchronous_commit = %s',
    async (it) => {
      await cluster.postgres.sql(`ALTER ROLE latchkey SET synchronous_commit = ${it}`);
      await cluster.postgres.restart();
      for (const node of cluster.nodes)
        await until(async () => (await node.use(cluster.admin)).status === 200, 'a start');
      for (let round = 0; round < (isLong ? 20 : 1); round += 1) {
        const token = await limited(300);
        const loads = cluster.nodes.map((node) => hammer(node, token.jwt, 0));
        await until(() => accepted(loads.flatMap(({ replies }) => replies)) > 100, 'uses');
        await cluster.postgres.restart();
        const replies = (await Promise.all(loads.map((load) => load.stop()))).flat();
        expect(replies.filter(({ status }) => ![200, 401, 503].includes(status))).toEqual([]);
        await until(async () => (await cluster.node(1).use(cluster.admin)).status === 200, 'recovery');
        expect(await cluster.usesOf(token)).toBeGreaterThanOrEqual(accepted(replies));
        const rest = accepted(await burst(token, 240));
        expect(accepted(replies) + rest).toBeLessThanOrEqual(300);
      }
      // Every node on its feet for what follows.
      for (const node of cluster.nodes)
        await until(async () => (await node.use(cluster.admin)).status === 200, 'recovery');
    },
  );
});

describe('P10: a refused request spends no use', () => {
  // Seen red: the use spent before the client's address is looked at.
  it('from a foreign network, with a wrong signature, to a public route', async () => {
    const token = await limited(5, { accessTokenTrustedIps: [{ ipAddress: '10.0.0.0/8' }] });
    const refusals = await burst(token, 60);
    expect(refusals.filter(({ status }) => status !== 403)).toEqual([]);
    await cluster.manage(
      `/api/v1/auth/token-auth/identities/${token.identityId}`,
      { accessTokenTrustedIps: [{ ipAddress: '127.0.0.1' }] },
      'PATCH',
    );
    await pause(1_050);
    for (const node of cluster.nodes) {
      expect((await node.use(`${token.jwt.slice(0, -3)}abc`)).status).toBe(401);
      await node.call('/api/status', { token: token.jwt });
      await node.call('/no/such/route', { token: token.jwt });
    }
    expect(accepted(await burst(token, 60))).toBe(5);
  });

  // Seen red: a use that could not be counted is granted.
  it('while the database could not be asked', async () => {
    const token = await limited(6);
    const node = cluster.node(0);
    // Remembered, so that what cannot be asked is whether a use is left.
    good(await node.use(token.jwt));
    await node.queries.cut();
    const refusals = await burst(token, 40, [node]);
    expect(new Set(refusals.map(({ status }) => status))).toEqual(new Set([503]));
    await node.queries.restore();
    await until(async () => (await node.use(cluster.admin)).status === 200, 'recovery');
    expect(accepted(await burst(token, 60))).toBe(5);
  });
});

describe('P11: uses of other tokens are counted, once each', () => {
  const load = async (node: LatchkeyNode, token: Token, ms: number): Promise<Reply[][]> => {
    const running = [1, 2, 3].map(() => hammer(node, token.jwt, 0));
    await pause(ms);
    return Promise.all(running.map((one) => one.stop()));
  };
  const settled = async (token: Token, expected: number) =>
    until(async () => (await cluster.usesOf(token)) === expected, `${expected} uses`, 6_000, 100).catch(
      () => undefined,
    );

  // Seen red: no flush at shutdown.
  it('SIGTERM under load loses none, answers what is in flight, and ends with 0', async () => {
    const token = await cluster.token();
    let sum = 0;
    for (const node of cluster.nodes) {
      const running = load(node, token, 600);
      await pause(400);
      const code = await node.terminate();
      const replies = (await running).flat();
      expect(code).toBe(0);
      // Where nobody listens any more the connection is refused; what had begun is answered.
      expect(replies.filter(({ status }) => ![200, 503, 0].includes(status))).toEqual([]);
      sum += accepted([...replies]);
      await node.launch();
    }
    expect(await cluster.usesOf(token)).toBe(sum);
    say(`P11, SIGTERM of every node under load: ${sum} accepted, ${sum} counted`);
  });

  // Seen red: eight attempts and no more.
  it('SIGTERM while somebody holds the row for four seconds loses none', async () => {
    const token = await cluster.token();
    const node = cluster.node(1);
    await cluster.warm(token);
    await until(async () => (await cluster.usesOf(token)) === cluster.nodes.length, 'what was used before is counted');
    const { code, sent } = await cluster.postgres.session(async (lock) => {
      await lock.query('BEGIN');
      await lock.query('SELECT FROM latchkey.identity_access_tokens WHERE id = $1 FOR UPDATE', [token.tokenId]);
      const replies = await burst(token, 50, [node]);
      const ended = node.terminate();
      await pause(4_000);
      await lock.query('ROLLBACK');
      return { code: await ended, sent: accepted(replies) };
    });
    await node.launch();
    expect(code).toBe(0);
    expect(await cluster.usesOf(token)).toBe(cluster.nodes.length + sent);
  });

  /** A batch that has been committed, and whose answer is on its way. */
  const unconfirmed = async () => {
    const token = await cluster.token();
    const node = cluster.node(0);
    const held = node.queries.holdReplyTo('use_batches');
    const sent = accepted((await load(node, token, 300)).flat());
    await held.caught;
    return { token, node, held, sent };
  };

  // Seen red: what may have been written is written again.
  it('a batch that was committed and not confirmed is not counted twice', async () => {
    const { token, held, sent } = await unconfirmed();
    // Longer than the deadline: it is taken for lost, and sent again.
    await pause(700);
    held.drop();
    await settled(token, sent);
    await pause(1_200);
    expect(await cluster.usesOf(token)).toBe(sent);
  });

  // Seen red: what cannot be asked about is taken for unwritten.
  it('nor when the next attempt, to ask what became of it, is given up by the server', async () => {
    const { token, node, held, sent } = await unconfirmed();
    await cluster.postgres.session(async (lock) => {
      await lock.query('BEGIN; LOCK TABLE latchkey.use_batches IN SHARE MODE');
      // Longer than the deadline: the first is taken for lost.
      await pause(700);
      held.drop();
      const attempts = node.queries.count('use_batches');
      await until(() => node.queries.count('use_batches') >= attempts + 2, 'attempts that are given up', 10_000);
      await lock.query('ROLLBACK');
    });
    await settled(token, sent);
    await pause(1_200);
    expect(await cluster.usesOf(token)).toBe(sent);
  });

  // Seen red: what may have been written is written again.
  it('the database frozen in the middle of a flush', async () => {
    const token = await cluster.token();
    const running = cluster.nodes.map((node) => load(node, token, 3_000));
    await pause(900);
    cluster.postgres.freeze();
    // Every node begins a flush meanwhile, and gives it up.
    await pause(1_600);
    cluster.postgres.thaw();
    const replies = (await Promise.all(running)).flat(2);
    const sum = accepted(replies);
    await settled(token, sum);
    expect(await cluster.usesOf(token)).toBe(sum);
  });

  // Seen red: uses are written at shutdown alone.
  it('kill -9 loses no more than the last interval', async () => {
    const token = await cluster.token();
    const node = cluster.node(1);
    const running = load(node, token, 2_600);
    await pause(2_500);
    const killedAt = performance.now();
    await node.kill();
    const replies = (await running).flat().filter(({ status }) => status === 200);
    await pause(300);
    const counted = await cluster.usesOf(token);
    // The interval, and as long as a flush may take.
    const old = replies.filter(({ endedAt }) => endedAt < killedAt - 1_500).length;
    say(`P11, kill -9: ${replies.length} accepted, ${replies.length - counted} of them lost`);
    expect(counted).toBeGreaterThanOrEqual(old);
    expect(counted).toBeLessThanOrEqual(replies.length + 3);
    await node.launch();
  });

  // Seen red: the last use is the last that is written.
  it('the time of the last use never goes back', async () => {
    const token = await cluster.token();
    good(await cluster.node(0).use(token.jwt));
    const later = new Date(Date.now() + 3_600_000).toISOString();
    await cluster.postgres.sql('UPDATE latchkey.identity_access_tokens SET last_used_at = $2 WHERE id = $1', [
      token.tokenId,
      later,
    ]);
    good(await cluster.node(1).use(token.jwt));
    await settled(token, 2);
    const rows = await cluster.postgres.sql<{ at: Date }>(
      'SELECT last_used_at AS at FROM latchkey.identity_access_tokens WHERE id = $1',
      [token.tokenId],
    );
    expect(rows[0]?.at.toISOString()).toBe(later);
  });
});
