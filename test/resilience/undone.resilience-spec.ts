import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, D, good, isLong, type Token } from './support/cluster';
import type { LatchkeyNode } from './support/node';
import { debianBin } from './support/postgres';
import { until } from './support/processes';

jest.setTimeout(isLong ? 300_000 : 120_000);

const missing = debianBin === undefined ? "Debian's postgresql is not installed: no pg_dump, no psql" : undefined;
if (missing !== undefined) process.stderr.write(`  skipped: ${missing}\n`);

(missing === undefined ? describe : describe.skip)('P5b: memory is void when the database was undone', () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'latchkey-undone-'));
  const dump = path.join(dir, 'dump.sql');
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.start({ nodes: 2 });
  });
  afterEach(() => cluster.stop());
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

  const run = (program: string, ...args: string[]) =>
    execFileSync(`/usr/bin/${program}`, [...args, cluster.postgres.url], { stdio: 'pipe' });
  const answers = async (node: LatchkeyNode) => (await node.use(cluster.admin)).status === 200;
  const recovered = async () => {
    for (const node of cluster.nodes) await until(() => answers(node), 'the node answers again');
  };
  const burn = (count: number) =>
    cluster.postgres.session(async (client) => {
      for (let i = 0; i < count; i += 1) await client.query('SELECT pg_current_xact_id()');
    });
  const nextId = async () =>
    Number((await cluster.postgres.sql<{ n: string }>('SELECT pg_snapshot_xmax(pg_current_snapshot()) AS n'))[0]!.n);
  const warm = async (): Promise<Token> => {
    const token = await cluster.token();
    await cluster.warm(token);
    return token;
  };
  /** Neither remembered nor found. */
  const expectGone = async ({ jwt }: Token) => {
    for (const node of cluster.nodes) expect((await node.use(jwt)).status).toBe(401);
  };

  // Seen red: DROP TABLE fires no trigger, and the name of the life was in the dump. The token stayed an administrator's.
  it.each([
    ['restored from a dump, in one transaction', ['--single-transaction']],
    ['restored from a dump, statement by statement', []],
  ])('%s, while nodes run', async (_, how) => {
    run('pg_dump', '--clean', '--if-exists', '-f', dump, '-d');
    const made = await warm();
    run('psql', '-q', '-v', 'ON_ERROR_STOP=1', ...how, '-f', dump, '-d');
    await pause(D);
    await recovered();
    await expectGone(made);
  });

  // Seen red: the same, with the schema.
  it('dropped, and made again from a dump of its own schema', async () => {
    run('pg_dump', '-n', 'latchkey', '-f', dump, '-d');
    const made = await warm();
    fs.appendFileSync(dump, '\nCOMMIT;\n');
    fs.writeFileSync(dump, `BEGIN;\nDROP SCHEMA latchkey CASCADE;\n${fs.readFileSync(dump, 'utf8')}`);
    run('psql', '-q', '-v', 'ON_ERROR_STOP=1', '-f', dump, '-d');
    await pause(D);
    await recovered();
    await expectGone(made);
  });

  // Seen red: a copy of a database answers for itself.
  it('exchanged for a copy of it under the same name', async () => {
    const admin = async (statement: string) => {
      const url = cluster.postgres.url.replace(/postgres$/, 'template1');
      execFileSync('/usr/bin/psql', ['-q', '-v', 'ON_ERROR_STOP=1', '-c', statement, '-d', url], { stdio: 'pipe' });
      return Promise.resolve();
    };
    const alone = async (statement: string) => {
      for (const { queries, push } of cluster.nodes) await Promise.all([queries.cut(), push.cut()]);
      await admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres'`);
      await until(
        () =>
          admin(statement)
            .then(() => true)
            .catch(() => false),
        'nobody is connected',
      );
      for (const { queries, push } of cluster.nodes) await Promise.all([queries.restore(), push.restore()]);
    };
    await alone('CREATE DATABASE copy TEMPLATE postgres');
    await recovered();
    const made = await warm();
    await alone('ALTER DATABASE postgres RENAME TO former');
    await admin('ALTER DATABASE copy RENAME TO postgres');
    await recovered();
    await pause(D);
    await expectGone(made);
  });

  // Seen red: transaction ids went back, and a node that was frozen took the revocation for one that it knew.
  it.each([
    ['its transaction ids below those that nodes know', false],
    ['its transaction ids beyond those that nodes know', true],
  ])('put back from a cold copy: %s', async (_, isBeyond) => {
    const token = await warm();
    await cluster.postgres.shutDown();
    cluster.postgres.keepCopy();
    await cluster.postgres.launch();
    await recovered();
    const made = await warm();
    await burn(300);
    await pause(600);
    const known = await nextId();
    const frozen = cluster.node(1);
    frozen.freeze();
    await cluster.postgres.shutDown();
    cluster.postgres.putCopyBack();
    await cluster.postgres.launch();
    await until(() => answers(cluster.node(0)), 'the node answers again');
    await cluster.revoke(token);
    expect(await nextId()).toBeLessThan(known);
    if (isBeyond) await burn(known - (await nextId()) + 100);
    frozen.thaw();
    await recovered();
    await pause(D);
    await expectGone(token);
    await expectGone(made);
    good(await frozen.use((await warm()).jwt));
  });
});
