import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, D, good, say, type Token } from './support/cluster';
import type { Reply } from './support/http';
import type { LatchkeyNode } from './support/node';
import { giveToServer } from './support/postgres';
import { isGone, until } from './support/processes';

jest.setTimeout(120_000);

/** A disk of its own, of eight megabytes. */
const disk = fs.mkdtempSync(path.join(os.tmpdir(), 'latchkey-disk-'));
const noDisk = ((): string | undefined => {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk], { stdio: 'pipe' });
    return undefined;
  } catch {
    return 'no file system may be mounted here';
  }
})();
const ballast = path.join(disk, 'ballast');

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ nodes: 2 });
});
afterAll(async () => {
  await cluster.stop();
  if (noDisk === undefined) execFileSync('umount', [disk]);
  fs.rmdirSync(disk);
});

const statuses = (replies: Reply[]) => [...new Set(replies.map(({ status }) => status))].sort();

/** The tables that are written to, with their indexes, on the small disk. */
async function move(): Promise<void> {
  const space = path.join(disk, 'space');
  fs.mkdirSync(space);
  giveToServer(space);
  await cluster.postgres.sql(`CREATE TABLESPACE small LOCATION '${space}'`);
  for (const table of ['identity_access_tokens', 'verdict_changes', 'use_batches']) {
    await cluster.postgres.sql(`ALTER TABLE latchkey.${table} SET TABLESPACE small`);
  }
}

/** Not a byte is left, nor in the pages that are there. */
async function fill(): Promise<void> {
  const file = fs.openSync(ballast, 'w');
  try {
    for (const bytes of [65_536, 4_096]) writeUntilFull(file, Buffer.alloc(bytes));
  } finally {
    fs.closeSync(file);
  }
  await cluster.postgres.sql(`DO $$ BEGIN
    LOOP PERFORM latchkey.note_verdict_change(gen_random_uuid()); END LOOP;
  EXCEPTION WHEN disk_full THEN NULL; END $$`);
}

function writeUntilFull(file: number, piece: Buffer): void {
  try {
    for (;;) fs.writeSync(file, piece);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

(noDisk === undefined ? describe : describe.skip)(`the disk is full${noDisk ? `: ${noDisk}` : ''}`, () => {
  // Seen red: the error of a full disk taken for a fault of ours (500).
  it('what cannot be written is 503 and has not happened or has, verifications are right, and nothing is lost but time', async () => {
    const [one, other] = cluster.nodes as [LatchkeyNode, LatchkeyNode];
    const warm = await cluster.token();
    const many = await cluster.many(30, warm);
    const limited = await cluster.token({ accessTokenNumUsesLimit: 5 });
    await cluster.warm(warm);
    await until(async () => (await cluster.usesOf(warm)) === 2, 'its uses are written');
    await move();
    await fill();

    const issue = (node: LatchkeyNode) =>
      node.post(`/api/v1/auth/token-auth/identities/${warm.identityId}/tokens`, { name: 'late' }, cluster.admin);
    const revoke = ({ jwt }: Token) => one.post('/api/v1/auth/token/revoke', { accessToken: jwt });
    const issued = [];
    for (let n = 0; n < 60; n += 1) issued.push(await issue(n % 2 ? one : other));
    const revoked = [];
    for (const token of many) revoked.push(await revoke(token));
    const spent = await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 ? one : other).use(limited.jwt)));
    const used = [];
    for (let n = 0; n < 10; n += 1) used.push(await one.use(warm.jwt), await other.use(warm.jwt));
    say(
      `disk full: ${issued.filter(({ status }) => status === 503).length} of ${issued.length} issues and ` +
        `${revoked.filter(({ status }) => status === 503).length} of ${revoked.length} revocations are 503`,
    );

    expect(issued.at(-1)!.status).toBe(503);
    for (const replies of [issued, revoked]) {
      expect(statuses(replies).filter((status) => ![200, 503].includes(status))).toEqual([]);
    }
    expect(statuses(spent).filter((status) => ![200, 401, 503].includes(status))).toEqual([]);
    expect(statuses(used)).toEqual([200]);
    await pause(D);
    for (const [n, { status }] of revoked.entries()) {
      const seen = await Promise.all([one, other].map((node) => node.use(many[n]!.jwt)));
      // What is not known to have happened has either happened, on both nodes, or not.
      expect(statuses(seen)).toEqual(status === 200 ? [401] : [expect.any(Number)]);
    }
    expect([one.pid, other.pid].map(isGone)).toEqual([false, false]);

    fs.rmSync(ballast);
    await until(async () => (await issue(one)).status === 200, 'there is room again');
    for (const token of many) expect([200, 401]).toContain((await revoke(token)).status);
    for (const token of many) expect((await one.use(token.jwt)).status).toBe(401);
    const rest = await Promise.all(Array.from({ length: 20 }, () => one.use(limited.jwt)));
    const granted = [...spent, ...rest].filter(({ status }) => status === 200).length;
    expect(granted).toBeLessThanOrEqual(5);
    await until(async () => (await cluster.usesOf(warm)) === 2 + used.length, 'its uses are written');
    good(await other.use(warm.jwt));
  });
});
