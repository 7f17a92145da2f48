import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, D, good, isLong, report, say, type Token } from './support/cluster';
import type { ResilienceHost } from './support/host';
import { keepAlive, type Reply } from './support/http';
import { hammer, type LatchkeyNode } from './support/node';
import { isGone, until } from './support/processes';

jest.setTimeout(isLong ? 600_000 : 120_000);

const LOOK_UP = 'FROM latchkey.token_state';
/** What a caller waits at most for being told that there is no verification, and what a machine under load may add to it. */
const DEADLINE = 1_000;
const NOISE = 250;

let cluster: Cluster;
let node: LatchkeyNode;
let other: LatchkeyNode;
beforeAll(async () => {
  cluster = await Cluster.start({ nodes: 2 });
  [node, other] = cluster.nodes as [LatchkeyNode, LatchkeyNode];
});
afterAll(() => cluster.stop());
afterEach(async () => {
  await Promise.all(cluster.nodes.flatMap(({ queries, push }) => [queries.restore(), push.restore()]));
  for (const one of cluster.nodes) await until(async () => (await one.use(cluster.admin)).status === 200, 'recovery');
});

const statuses = (replies: Reply[]) => [...new Set(replies.map(({ status }) => status))].sort();
const took = (replies: Reply[]) => replies.map(({ startedAt, endedAt }) => endedAt - startedAt);

describe('P12: no failure is taken for a yes, nor for the fault of the caller', () => {
  // Seen red: an error of the look-up taken for facts that allow.
  it('the connection breaks at any byte of the answer to a look-up: 200 where it is true, or 503', async () => {
    const identityId = (await cluster.token()).identityId;
    const seen = { good: new Set<number>(), revoked: new Set<number>() };
    let last = 0;
    // On until the whole answer gets through.
    for (let bytes = 0; last !== 200 && bytes < 10_000; bytes += isLong ? 7 : 150) {
      const alive = await cluster.token({}, identityId);
      const dead = await cluster.token({}, identityId);
      await cluster.revoke(dead, other);
      node.queries.resetInReplyTo(LOOK_UP, bytes);
      last = (await node.use(alive.jwt)).status;
      seen.good.add(last);
      seen.revoked.add((await node.use(dead.jwt)).status);
      await node.queries.restore();
      // A failure is not remembered. Another connection that is broken may still have to be found out.
      await until(async () => (await node.use(alive.jwt)).status === 200, 'a verification', 2_000);
      await until(async () => (await node.use(dead.jwt)).status === 401, 'a verification', 2_000);
    }
    expect([...seen.good].filter((status) => ![200, 503].includes(status))).toEqual([]);
    expect([...seen.revoked].filter((status) => ![401, 503].includes(status))).toEqual([]);
    expect(seen.good).toContain(503);
    expect(last).toBe(200);
  });

  // Seen red: a broken connection taken for a fault of ours (500); a use granted that may or may not have been counted.
  it('the connection breaks at any byte of the answer to a use that is spent', async () => {
    const limit = isLong ? 200 : 20;
    const token = await cluster.token({ accessTokenNumUsesLimit: limit });
    const seen: number[] = [];
    // On until the whole answer gets through.
    for (let bytes = 0; seen.at(-1) !== 200 && bytes < 190; bytes += isLong ? 1 : 11) {
      node.queries.resetInReplyTo('WITH durable', bytes);
      seen.push((await node.use(token.jwt)).status);
      await node.queries.restore();
    }
    expect(seen.slice(0, -1)).toContain(503);
    expect(seen.slice(0, -1).filter((status) => status !== 503)).toEqual([]);
    expect(seen.at(-1)).toBe(200);
    const replies = await Promise.all(Array.from({ length: 2 * limit }, () => other.use(token.jwt)));
    expect(statuses(replies).filter((status) => ![200, 401, 503].includes(status))).toEqual([]);
    expect(1 + replies.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(limit);
  });
});

/** What one outage looks like from outside. */
async function outage(begin: () => unknown, end: () => unknown, lastsMs = 3_000) {
  const warm = await cluster.token();
  const uses = await cluster.token({ accessTokenNumUsesLimit: 1_000_000 });
  const cold = await Promise.all(Array.from({ length: 6 }, () => cluster.token({}, warm.identityId)));
  for (const { jwt } of [warm, uses]) {
    // A connection that an earlier test broke may still have to be found out.
    for (const one of cluster.nodes) await until(async () => (await one.use(jwt)).status === 200, 'a first use', 2_000);
  }
  const [pids, printed] = [cluster.nodes.map(({ pid }) => pid), node.output.length];
  const loads = cluster.nodes.flatMap((one) => [
    hammer(one, warm.jwt, 5),
    // A limited token that is busy: requests gather behind one another.
    ...[1, 2, 3].map(() => hammer(one, uses.jwt, 5)),
    ...cold.slice(0, 3).map(({ jwt }) => hammer(one, jwt, 5)),
  ]);
  await pause(200);
  await begin();
  const begunAt = performance.now();
  await pause(lastsMs);
  await end();
  const endedAt = performance.now();
  const recoveries = await Promise.all(
    cluster.nodes.map(async (one) => {
      await until(async () => (await one.use(warm.jwt)).status === 200, 'recovery');
      return performance.now() - endedAt;
    }),
  );
  const replies = (await Promise.all(loads.map((load) => load.stop()))).flat();
  const within = replies.filter(
    ({ startedAt }) => startedAt > begunAt + 20 && startedAt < begunAt + lastsMs - DEADLINE,
  );
  const lines = node.output.slice(printed).split('\n').length - 1;
  expect(pids.map(isGone)).toEqual([false, false]);
  return { begunAt, replies, within, recoveries, linesPerSecond: lines / (lastsMs / 1000) };
}

describe('P13: the database is away', () => {
  // Seen red: `covers` always true (200 for as long as it lasts); no `query_timeout` (hangs); every 503 logged.
  const OUTAGES: Record<string, [() => unknown, () => unknown]> = {
    'killed (-9)': [() => cluster.postgres.kill(), () => cluster.postgres.launch()],
    frozen: [() => cluster.postgres.freeze(), () => cluster.postgres.thaw()],
    'a black hole': [
      () => cluster.nodes.forEach(({ queries }) => queries.stall()),
      () => Promise.all(cluster.nodes.map(({ queries }) => queries.restore())),
    ],
    'deaf: it answers and is not heard': [
      () => cluster.nodes.forEach(({ queries }) => queries.stall('replies')),
      () => Promise.all(cluster.nodes.map(({ queries }) => queries.restore())),
    ],
  };

  it.each(Object.keys(OUTAGES))(
    '%s: 503 with Retry-After within a second, nothing from memory past the bound, and back within two seconds',
    async (name) => {
      const { begunAt, replies, within, recoveries, linesPerSecond } = await outage(...OUTAGES[name]!);
      expect(statuses(replies).filter((status) => ![200, 503].includes(status))).toEqual([]);
      const stale = within.filter(({ status, startedAt }) => status === 200 && startedAt > begunAt + D);
      expect(stale).toEqual([]);
      const refused = within.filter(({ status }) => status === 503);
      expect(refused.length).toBeGreaterThan(0);
      expect(refused.filter(({ headers }) => !/^[1-9]\d*$/.test(headers['retry-after'] ?? ''))).toEqual([]);
      report(`P13, ${name}: until 503`, took(refused));
      report(`P13, ${name}: from its return to the first 200`, recoveries);
      say(`P13, ${name}: ${linesPerSecond.toFixed(1)} lines of log a second`);
      expect(Math.max(...took(refused))).toBeLessThan(DEADLINE + NOISE);
      expect(Math.max(...recoveries)).toBeLessThan(2_000 + NOISE);
      expect(linesPerSecond).toBeLessThanOrEqual(10);
    },
  );

  // Seen red: nobody listens when an idle connection breaks.
  it('every backend of it terminated, or every idle connection broken off: back at once', async () => {
    const warm = await cluster.token();
    await cluster.warm(warm);
    await cluster.postgres.sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`,
    );
    const replies = await Promise.all(cluster.nodes.map((one) => one.use(warm.jwt)));
    expect(statuses(replies).filter((status) => ![200, 503].includes(status))).toEqual([]);
    await pause(500);
    for (const one of cluster.nodes) good(await one.use(warm.jwt));

    for (const { queries } of cluster.nodes) queries.reset();
    await pause(500);
    for (const one of cluster.nodes) {
      good(await one.use(warm.jwt));
      // The server survives an error of a connection that no code listens to. A host might not.
      expect(one.output).not.toContain('uncaught_exception');
    }
  });

  // Seen red: connections not given up (answered after 6.7 s).
  it('whoever was waiting for a change, a list or a login is told within a second that nothing is known of it', async () => {
    const tokens = await Promise.all(Array.from({ length: 5 }, () => cluster.token()));
    for (const token of tokens) await cluster.warm(token);
    cluster.postgres.freeze();
    const pending = Promise.all([
      ...tokens.map(({ jwt }) => node.post('/api/v1/auth/token/revoke', { accessToken: jwt })),
      ...tokens.map(({ identityId }) => node.call(`/api/v1/identities/${identityId}`, { token: cluster.admin })),
      node.post('/api/v1/auth/universal-auth/login', { clientId: randomUUID(), clientSecret: 'a'.repeat(64) }),
    ]);
    const replies = await pending;
    cluster.postgres.thaw();
    expect(statuses(replies)).toEqual([503]);
    report('P13, frozen: changes, reads and logins until 503', took(replies));
    expect(Math.max(...took(replies))).toBeLessThan(DEADLINE + NOISE);
    // What was said to be unknown may be asked for again, on connections that were not spoiled.
    await until(async () => (await node.use(cluster.admin)).status === 200, 'recovery', 2_000);
    const again = await Promise.all(
      tokens.map(({ jwt }) => node.post('/api/v1/auth/token/revoke', { accessToken: jwt })),
    );
    expect(statuses(again).filter((status) => ![200, 401].includes(status))).toEqual([]);
    for (const { jwt } of tokens) expect((await node.use(jwt)).status).toBe(401);
  });
});

describe('P13d: the database is there, and cannot be asked', () => {
  const AWAY: Record<string, [string, string]> = {
    'its schema has another name': [
      'ALTER SCHEMA latchkey RENAME TO elsewhere',
      'ALTER SCHEMA elsewhere RENAME TO latchkey',
    ],
    'a table is missing': [
      'ALTER TABLE latchkey.identity_access_tokens RENAME TO elsewhere',
      'ALTER TABLE latchkey.elsewhere RENAME TO identity_access_tokens',
    ],
  };

  // Seen red: a list of what being away can be.
  it.each(Object.keys(AWAY))('%s: 503 for every call, never 500 nor 401, in a few lines of log', async (name) => {
    const [begin, end] = AWAY[name]!;
    const token = await cluster.token();
    await cluster.postgres.sql(begin);
    const printed = node.output.length;
    const begunAt = performance.now();
    const replies: Reply[] = [];
    while (performance.now() - begunAt < 2_000) {
      replies.push(
        ...(await Promise.all([
          node.post('/api/v1/auth/token/revoke', { accessToken: token.jwt }),
          node.post('/api/v1/auth/token/renew', { accessToken: token.jwt }),
          node.call(`/api/v1/auth/token-auth/identities/${token.identityId}`, { token: cluster.admin }),
          node.use(token.jwt),
        ])),
      );
    }
    await cluster.postgres.sql(end);
    const late = replies.slice(replies.length / 2);
    const other = statuses(late).filter((status) => ![200, 503].includes(status));
    expect(other).toEqual([]);
    const refused = replies.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.filter(({ headers }) => !/^[1-9]\d*$/.test(headers['retry-after'] ?? ''))).toEqual([]);
    expect(node.output.slice(printed).split('\n').length).toBeLessThanOrEqual(20);
    await until(async () => (await node.use(token.jwt)).status === 200, 'recovery', 5_000);
  });
});

describe('P13c: one table is locked', () => {
  // Seen red: nothing is remembered.
  it('what is remembered is answered as ever, the rest with 503 in time', async () => {
    const warm = await cluster.token();
    const cold = await Promise.all(Array.from({ length: 40 }, () => cluster.token({}, warm.identityId)));
    const uses = await cluster.token({ accessTokenNumUsesLimit: 1_000_000 });
    await cluster.warm(warm);
    await cluster.warm(uses);
    const lock = await cluster.postgres.connect();
    await lock.query('BEGIN; LOCK TABLE latchkey.identity_access_tokens IN ACCESS EXCLUSIVE MODE');
    const remembered = hammer(node, warm.jwt);
    const agent = keepAlive();
    const refused = await Promise.all([
      ...cold.map(({ jwt }) => node.use(jwt, { agent })),
      ...Array.from({ length: 20 }, () => node.use(uses.jwt, { agent })),
    ]);
    await pause(2_000);
    const replies = await remembered.stop();
    await lock.query('ROLLBACK');
    await lock.end();
    agent.destroy();
    expect(statuses(replies)).toEqual([200]);
    report('P13c, what is remembered while its table is locked', took(replies));
    expect(statuses(refused)).toEqual([503]);
    report('P13c, the rest, until 503', took(refused));
    expect(Math.max(...took(refused))).toBeLessThan(DEADLINE + NOISE);
    await until(async () => (await node.use(cold[0]!.jwt)).status === 200, 'recovery', 2_000);
  });
});

describe('P13: every connection for verifications is taken', () => {
  // Seen red: nothing is remembered.
  it('who is remembered does not notice, who is not is told within a second', async () => {
    const warm = await cluster.token();
    const cold = await Promise.all(Array.from({ length: 30 }, () => cluster.token({}, warm.identityId)));
    await cluster.warm(warm);
    const held = node.queries.holdReplyTo(LOOK_UP);
    const agent = keepAlive();
    const waiting = Promise.all(cold.map(({ jwt }) => node.use(jwt, { agent })));
    await held.caught;
    const replies = await hammerFor(warm, 900);
    const refused = await waiting;
    held.drop();
    agent.destroy();
    expect(statuses(replies)).toEqual([200]);
    expect(statuses(refused)).toEqual([503]);
    report('P13, every connection taken: until 503', took(refused));
    expect(Math.max(...took(refused))).toBeLessThan(DEADLINE + NOISE);
  });

  const hammerFor = async ({ jwt }: Token, ms: number) => {
    const load = hammer(node, jwt);
    await pause(ms);
    return load.stop();
  };
});

describe('P13: the primary waits for a standby that is gone', () => {
  const setStandby = async (command: string, setting: string) => {
    await cluster.postgres.sql(`ALTER SYSTEM ${command}`);
    await cluster.postgres.sql('SELECT pg_reload_conf()');
    const read = async () =>
      cluster.postgres.sql<{ v: string }>("SELECT current_setting('synchronous_standby_names') v");
    await until(async () => (await read())[0]?.v === setting, 'the setting');
  };
  const waiting = async () => {
    const rows = await cluster.postgres.sql<{ n: number }>(
      "SELECT count(*)::integer AS n FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
    );
    return rows[0]!.n;
  };

  // Seen red: a statement that is given up is left behind, and what is looked up waits behind what is written.
  it('what writes is 503 in time and leaves no connection behind, what is looked up does not notice', async () => {
    const limited = await cluster.many(30, await cluster.token({ accessTokenNumUsesLimit: 1_000 }));
    const cold = await cluster.many(40, await cluster.token());
    await setStandby("SET synchronous_standby_names TO 'nobody'", 'nobody');
    const agent = keepAlive();
    const refused: Reply[] = [];
    const spending = (async () => {
      for (let round = 0; round < 8; round += 1)
        refused.push(...(await Promise.all(limited.map(({ jwt }) => node.use(jwt, { agent })))));
    })();
    const served: Reply[] = [];
    for (const { jwt } of cold) {
      served.push(await node.use(jwt));
      await pause(50);
    }
    await spending;
    const left = await waiting();
    await setStandby('RESET synchronous_standby_names', '');
    agent.destroy();
    expect(statuses(served)).toEqual([200]);
    report('P13, no standby, looked up meanwhile', took(served));
    expect(statuses(refused)).toEqual([503]);
    report('P13, no standby, uses, until 503', took(refused));
    expect(Math.max(...took(refused))).toBeLessThan(DEADLINE + NOISE);
    say(`P13, no standby: ${left} connections of the database waiting`);
    // Those that are being used at the moment, of the node under load and of the others.
    expect(left).toBeLessThanOrEqual(8);
    await until(async () => (await node.use(limited[0]!.jwt)).status === 200, 'recovery', 2_000);
  });

  /** Whether a revocation waits, and not a node that notes that it lives. */
  const isRevocationWaiting = async () => {
    const rows = await cluster.postgres.sql(
      "SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'latchkey revoking'",
    );
    return rows.length > 0;
  };

  interface Revocation {
    readonly first: (token: Token) => Promise<Reply>;
    readonly again: (token: Token) => Promise<unknown>;
    /** What is answered when nothing is left to revoke. */
    readonly answer: unknown;
  }

  const present = (on: LatchkeyNode, { jwt }: Token) => on.post('/api/v1/auth/token/revoke', { accessToken: jwt });
  const byId = (on: LatchkeyNode, { tokenId }: Token) =>
    on.post(`/api/v1/auth/token-auth/tokens/${tokenId}/revoke`, {}, cluster.admin);
  const removal = (on: LatchkeyNode, { identityId }: Token) =>
    on.call(`/api/v1/auth/token-auth/identities/${identityId}`, { method: 'DELETE', token: cluster.admin });
  const deletion = (on: LatchkeyNode, { identityId }: Token) =>
    on.call(`/api/v1/identities/${identityId}`, { method: 'DELETE', token: cluster.admin });
  const statusOf = async (reply: Promise<Reply>) => (await reply).status;
  const REVOCATIONS: Record<string, Revocation> = {
    'by presenting it': {
      first: (token) => present(other, token),
      again: (token) => statusOf(present(node, token)),
      answer: 200,
    },
    'by its id': { first: (token) => byId(other, token), again: (token) => statusOf(byId(node, token)), answer: 404 },
    'in the code of a host': {
      first: (token) => present(other, token),
      again: ({ tokenId }) => host.tokens.revoke(tokenId),
      answer: false,
    },
    'by removing its method': {
      first: (token) => removal(other, token),
      again: (token) => statusOf(removal(node, token)),
      answer: 400,
    },
    'by deleting its identity': {
      first: (token) => deletion(other, token),
      again: (token) => statusOf(deletion(node, token)),
      answer: 404,
    },
    'by deleting its identity in the code of a host': {
      first: (token) => deletion(other, token),
      again: ({ identityId }) => host.identities.delete(identityId),
      answer: false,
    },
  };
  let host: ResilienceHost;

  beforeAll(async () => {
    host = await cluster.host();
  });
  // Also after a failure: everything else would wait too.
  afterEach(() => setStandby('RESET synchronous_standby_names', ''));
  afterAll(() => host.stop());

  // Seen red: nothing written when nothing is left to change.
  it.each(Object.keys(REVOCATIONS))(
    'P8: a revocation %s that was given up while it waited is not acknowledged by asking again',
    async (name) => {
      const { first, again, answer } = REVOCATIONS[name]!;
      const token = await cluster.token();
      await setStandby("SET synchronous_standby_names TO 'nobody'", 'nobody');
      const given = first(token);
      await until(isRevocationWaiting, 'it waits');
      await other.kill();
      await given;
      // As a node does that waits no longer: it is there for all to see now, and on no other disk.
      await cluster.postgres.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
      await until(async () => (await node.use(token.jwt)).status === 401, 'it is seen');
      let isAnswered = false;
      const repeated = again(token).finally(() => (isAnswered = true));
      await until(async () => isAnswered || (await isRevocationWaiting()), 'it waits, or is answered');
      await pause(300);
      const wasAnswered = isAnswered;
      await setStandby('RESET synchronous_standby_names', '');
      await other.launch();
      expect([wasAnswered, await repeated]).toEqual([false, answer]);
    },
  );
});

describe('P14: a crowd with one token', () => {
  // Seen red: look-ups not shared.
  it('500 first uses at once cost a handful of look-ups', async () => {
    const token = await cluster.token();
    const before = node.queries.count(LOOK_UP);
    const agent = keepAlive();
    const replies = await Promise.all(Array.from({ length: 500 }, () => node.use(token.jwt, { agent })));
    agent.destroy();
    expect(statuses(replies)).toEqual([200]);
    const lookUps = node.queries.count(LOOK_UP) - before;
    say(`P14, 500 first uses at once: ${lookUps} look-ups`);
    expect(lookUps).toBeLessThanOrEqual(3);
  });

  // Seen red: who comes while a look-up is under way is turned away.
  it('whoever asked first and went away does not spoil it for the rest', async () => {
    const token = await cluster.token();
    const held = node.queries.holdReplyTo(LOOK_UP);
    const agent = keepAlive();
    const first = node.use(token.jwt, { agent });
    await held.caught;
    agent.destroy();
    const rest = Promise.all(Array.from({ length: 20 }, () => node.use(token.jwt)));
    await pause(50);
    held.release();
    expect((await first).status).toBe(0);
    expect(statuses(await rest)).toEqual([200]);
  });
});

describe('P18: being asked to stop', () => {
  // Seen red before connections were let go of: the last keep-alive connection held the process up for 72 s. Node does that
  // itself by now, but for a connection that has sent nothing.
  it('what is in flight is answered, and no silent connection holds it up', async () => {
    const token = await cluster.token();
    const silent = connect(Number(new URL(other.url).port), '127.0.0.1').on('error', () => undefined);
    await once(silent, 'connect');
    const held = other.queries.holdReplyTo(LOOK_UP);
    const pending = other.use(token.jwt);
    await held.caught;
    const ended = other.terminate();
    await pause(150);
    held.release();
    expect((await pending).status).toBe(200);
    const answeredAt = performance.now();
    expect(await ended).toBe(0);
    const tookMs = performance.now() - answeredAt;
    say(`P18: ended ${tookMs.toFixed(0)} ms after the last answer`);
    // A silent connection is closed after one second. Without that, the limit of the shutdown would close it, after five.
    expect(tookMs).toBeLessThan(4_000);
    await other.launch();
  });
});
