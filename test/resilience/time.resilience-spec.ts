import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, good, isLong, say } from './support/cluster';
import type { LatchkeyNode } from './support/node';
import { until } from './support/processes';

jest.setTimeout(isLong ? 300_000 : 120_000);

const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';
const missing = fs.existsSync(LIBRARY) ? undefined : "Debian's libfaketime is not installed";
if (missing !== undefined) process.stderr.write(`  skipped: ${missing}\n`);

const epochOf = (jwt: string, claim: string): number =>
  JSON.parse(Buffer.from(jwt.split('.')[1]!, 'base64url').toString())[claim] * 1000;

(missing === undefined ? describe : describe.skip)('P20: the clock of the database is the one that counts', () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'latchkey-time-'));
  const clock = path.join(dir, 'faketime');
  let cluster: Cluster;
  let skewed: LatchkeyNode;
  beforeAll(async () => {
    cluster = await Cluster.start({ nodes: 1 });
    setClock('+1d');
    skewed = await cluster.add({
      env: {
        LD_PRELOAD: LIBRARY,
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      },
    });
  });
  afterAll(async () => {
    await cluster.stop();
    fs.rmSync(dir, { recursive: true, force: true });
  });

  const setClock = (offset: string) => fs.writeFileSync(clock, `${offset}\n`);
  const skewSeconds = async () => Math.round(((await skewed.call('/api/health')).body.clockSkewMs as number) / 1000);

  /** Uses a token from its beginning to well after its end; when it was accepted, and when refused, counted from `exp`. */
  async function lifeOf(jwt: string): Promise<{ lastAccepted: number; firstRefused: number }> {
    const exp = epochOf(jwt, 'exp');
    let [lastAccepted, firstRefused] = [-Infinity, Infinity];
    while (Date.now() < exp + 2_600) {
      const at = Date.now() - exp;
      const { status } = await skewed.use(jwt);
      if (status === 200) lastAccepted = Math.max(lastAccepted, at);
      if (status === 401) firstRefused = Math.min(firstRefused, Date.now() - exp);
      await pause(20);
    }
    return { lastAccepted, firstRefused };
  }

  // Seen red: `Clock.synchronize` left out, so that the machine's own clock decides.
  it.each(isLong ? ['+1d', '-1d', '+600', '-600'] : ['+1d', '-1d'])(
    'a node whose clock is %s off accepts nothing 2 s late, refuses nothing 2 s early',
    async (offset) => {
      setClock(offset);
      await pause(1_000);
      const { jwt } = await cluster.token({ accessTokenTTL: 4, accessTokenMaxTTL: 4 });
      const { lastAccepted, firstRefused } = await lifeOf(jwt);
      say(`P20, ${offset}: last accepted ${lastAccepted} ms, first refused ${firstRefused} ms after exp`);
      expect(lastAccepted).toBeGreaterThan(-2_000);
      expect(lastAccepted).toBeLessThan(2_000);
      expect(firstRefused).toBeGreaterThan(-2_000);
    },
  );

  // Seen red: the time that is signed taken from the clock of the machine.
  it('what such a node signs runs out by the clock of the database', async () => {
    setClock('+1d');
    await until(async () => (await skewSeconds().catch(() => 0)) > 80_000, 'the node notices', 10_000);
    const { identityId } = await cluster.token({ accessTokenTTL: 60, accessTokenMaxTTL: 60 });
    const made = await cluster.manage(`/api/v1/auth/token-auth/identities/${identityId}/tokens`, {}, 'POST', skewed);
    expect(Math.abs(epochOf(made.body.accessToken, 'iat') - Date.now())).toBeLessThan(3_000);
    expect(Math.abs(epochOf(made.body.accessToken, 'exp') - Date.now() - 60_000)).toBeLessThan(3_000);
    good(await cluster.node(0).use(made.body.accessToken));
  });

  // Seen red: a revocation that counts from its time on, by the clock of the machine.
  it('a clock that jumps again and again brings back no token that was revoked, and takes none that is good', async () => {
    const [token, warm] = [await cluster.token(), await cluster.token()];
    await cluster.warm(token);
    await cluster.warm(warm);
    await cluster.revoke(token);
    await pause(1_000);
    for (const offset of ['-1d', '+365d', '-365d', '+0']) {
      const cold = await cluster.token();
      setClock(offset);
      for (const { jwt } of [warm, cold]) good(await skewed.use(jwt));
      for (let i = 0; i < 10; i += 1) {
        expect((await skewed.use(token.jwt)).status).not.toBe(200);
        await pause(30);
      }
    }
  });
});

(missing === undefined ? describe : describe.skip)('P20b: a clock of the database that is wrong', () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'latchkey-time-'));
  const clock = path.join(dir, 'faketime');
  let cluster: Cluster;
  const setClock = (offset: string) => fs.writeFileSync(clock, `${offset}\n`);
  beforeAll(() => fs.chmodSync(dir, 0o755));
  beforeEach(async () => {
    setClock('+0');
    cluster = await Cluster.start({
      nodes: 1,
      databaseEnv: {
        LD_PRELOAD: LIBRARY,
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      },
    });
  });
  afterEach(() => cluster.stop());
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

  const seconds = async () =>
    Number((await cluster.postgres.sql<{ n: string }>('SELECT extract(epoch FROM clock_timestamp()) AS n'))[0]!.n);
  const behindMs = async (node = cluster.node(0)) =>
    (await node.call('/api/health')).body.databaseClockBehindMs as number;
  const expired = async () => {
    const token = await cluster.token({ accessTokenTTL: 2, accessTokenMaxTTL: 2 });
    good(await cluster.node(0).use(token.jwt));
    await until(async () => (await cluster.node(0).use(token.jwt)).status === 401, 'the token runs out', 10_000);
    return token;
  };

  // Seen red: the time of the database taken over whatever it is.
  it('set back ten minutes, under a node that runs: what has run out stays so, and the node says so', async () => {
    const token = await expired();
    setClock('-600');
    await until(async () => (await behindMs()) > 590_000, 'the node notices', 10_000);
    expect(await seconds()).toBeLessThan(Date.now() / 1000 - 590);
    expect((await cluster.node(0).use(token.jwt)).status).toBe(401);
    expect(cluster.node(0).output).toContain('clock.database_set_back');
    const { jwt } = await cluster.token({ accessTokenTTL: 2, accessTokenMaxTTL: 2 });
    good(await cluster.node(0).use(jwt));
    await until(async () => (await cluster.node(0).use(jwt)).status === 401, 'a new token runs out', 10_000);
    setClock('+0');
    await until(async () => (await behindMs()) < 1_000, 'the clock is right again', 10_000);
    good(await cluster.node(0).use(cluster.admin));
  });

  // Seen red: without what nodes have noted of the time.
  it('set back ten minutes, before a node starts: what has run out stays so', async () => {
    const token = await expired();
    // How far the clock has come is noted every five seconds.
    await pause(8_000);
    setClock('-600');
    await cluster.node(0).kill();
    await cluster.node(0).launch();
    expect((await cluster.node(0).use(token.jwt)).status).toBe(401);
    expect(await behindMs()).toBeGreaterThan(500_000);
  });

  // Seen red: with the node running while the recorded time was corrected, which recorded its own time again.
  it('five minutes ahead: the recorded time is corrected by hand while no node runs, as the operations page says', async () => {
    const aheadMs = async () => {
      const sql = 'SELECT extract(epoch FROM reached) * 1000 AS ms FROM latchkey.clock';
      return Number((await cluster.postgres.sql<{ ms: string }>(sql))[0]!.ms) - Date.now();
    };
    setClock('+300');
    await until(async () => (await aheadMs()) > 290_000, 'the wrong time is recorded', 30_000);
    setClock('+0');
    await until(async () => (await behindMs()) > 290_000, 'the node keeps its time', 10_000);
    const node = cluster.node(0);
    expect(await node.terminate()).toBe(0);
    await cluster.postgres.sql('UPDATE latchkey.clock SET reached = now()');
    await node.launch();
    expect(await behindMs()).toBeLessThan(5_000);
    expect(await aheadMs()).toBeLessThan(5_000);
    good(await node.use((await cluster.token()).jwt));
  });

  // Seen red: rows removed by the word of one clock.
  it('a year ahead, even as a node starts: nothing is removed, and all is as it was once it is put right', async () => {
    const token = await cluster.token({ accessTokenTTL: 60, accessTokenMaxTTL: 60 });
    setClock('+365d');
    const node = await cluster.add();
    await until(async () => (await node.use(token.jwt)).status === 401, 'the token has run out', 10_000);
    // The clean-up runs once in a minute.
    await pause(65_000);
    expect(await cluster.usesOf(token)).toBe(0);
    setClock('+0');
    for (const one of cluster.nodes) {
      await until(async () => (await one.use(cluster.admin)).status === 200, 'the clock is right again', 10_000);
    }
    good(await node.use((await cluster.token()).jwt));
  });
});
