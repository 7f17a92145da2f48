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
