import { setTimeout as pause } from 'node:timers/promises';
import { checkpointsIn } from '../../src/audit-log/chain/checkpoint-file';
import { ExportVerifier } from '../../src/audit-log/chain/export-verifier';
import { Cluster, good, isLong } from './support/cluster';
import { until } from './support/processes';

jest.setTimeout(isLong ? 600_000 : 120_000);

const PROOF = '/api/latchkey/v1/audit-logs';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
});
afterAll(() => cluster.stop());

const named = async (name: string, node: number) => {
  const body = { name, organizationId: cluster.organizationId, role: 'member' };
  const { status } = await cluster.node(node).post('/api/v1/identities', body, cluster.admin);
  return status === 200;
};

/** What an auditor does: an export, the checkpoints, the check. @returns the names that were created, by the export. */
async function provedNames(): Promise<string[]> {
  const headers = { authorization: `Bearer ${cluster.admin}` };
  const text = await (await fetch(`${cluster.node(0).url}${PROOF}/export`, { headers })).text();
  const signed = await cluster.node(1).call(`${PROOF}/checkpoints?limit=1000`, { token: cluster.admin });
  const { checkpoints, publicKeys } = checkpointsIn(JSON.stringify(good(signed).body));
  const verifier = new ExportVerifier();
  const lines = text.split('\n');
  for (const line of lines) verifier.take(line);
  const { verdict, faults, unproved } = verifier.report(checkpoints, publicKeys);
  expect({ verdict, faults, unproved }).toEqual({ verdict: 'proved', faults: [], unproved: [] });
  const events = lines.flatMap((line) => /"type":"create-identity".*?"name":"(made-[^"]*)"/.exec(line)?.[1] ?? []);
  return events.sort();
}

describe('P29: the log proves that nothing is missing', () => {
  // Seen red: with the events taken out of the queue in a transaction of their own.
  it('after the nodes were killed while they sealed, and sealed all at once when they were back', async () => {
    const names = ['made-1', 'made-2', 'made-3'];
    await cluster.postgres.session(async (client) => {
      await client.query('BEGIN');
      await client.query('LOCK TABLE latchkey.audit_batches IN ACCESS EXCLUSIVE MODE');
      for (const [node, name] of names.entries()) expect(await named(name, node)).toBe(true);
      // Its events are taken out of the queue, and it looks for the batch before theirs.
      const sealing = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%UNION ALL%audit_chains%'`;
      await until(async () => (await cluster.postgres.sql(sealing)).length > 0, 'a node seals', 10_000);
      await Promise.all(cluster.nodes.map((node) => node.kill()));
      await client.query('ROLLBACK');
    });
    await Promise.all(cluster.nodes.map((node) => node.launch()));
    expect(await provedNames()).toEqual(names);
  });

  it('after the database was killed while three nodes wrote and sealed', async () => {
    const before = await provedNames();
    for (let round = 0; round < (isLong ? 10 : 1); round += 1) {
      let isOver = false;
      const written: string[] = [];
      const writers = [0, 1, 2].map(async (node) => {
        for (let call = 0; !isOver; call += 1) {
          const name = `made-${round}-${node}-${call}`;
          if (await named(name, node)) written.push(name);
        }
      });
      await pause(1_500);
      await cluster.postgres.kill();
      isOver = true;
      await Promise.all(writers);
      await cluster.postgres.launch();
      const isBack = async () => {
        const all = await Promise.all(cluster.nodes.map((node) => node.use(cluster.admin)));
        return all.every(({ status }) => status === 200);
      };
      await until(isBack, 'every node answers', 20_000);
      before.push(...written);
    }
    const found = await provedNames();
    // A change that was committed without an answer has its event too.
    expect(before.filter((name) => !found.includes(name))).toEqual([]);
    const rows = await cluster.postgres.sql<{ name: string }>(
      `SELECT name FROM latchkey.identities WHERE name LIKE 'made-%' ORDER BY name COLLATE "C"`,
    );
    expect(found).toEqual(rows.map(({ name }) => name));
  });
});
