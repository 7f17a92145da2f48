import { Client } from 'pg';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

let nodes: TestLatchkey[];

beforeAll(async () => {
  const url = process.env.LATCHKEY_TEST_DATABASE!;
  const listening = await startLatchkey({ database: { url } });
  const options = { database: { url, pushUrl: false as const }, authSecret: listening.authSecret };
  nodes = [listening, await startLatchkey(options, { isBootstrapped: false })];
});
afterAll(() => Promise.all(nodes.map((node) => node.stop())));

/** How many connections there are of each kind. */
async function connections(client: Client): Promise<Record<string, number>> {
  const { rows } = await client.query<{ name: string; n: number }>(
    `SELECT application_name AS name, count(*)::integer AS n FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() GROUP BY 1 ORDER BY 1`,
  );
  return Object.fromEntries(rows.map(({ name, n }) => [name, n]));
}

describe('an idle node', () => {
  // Pools close what was not used for ten seconds.
  it('keeps three connections, and two with pushUrl: false', async () => {
    const client = new Client({ connectionString: process.env.LATCHKEY_TEST_DATABASE! });
    await client.connect();
    const wanted = { 'latchkey change feed': 2, 'latchkey gate, writing': 2, 'latchkey push': 1 };
    const end = Date.now() + 40_000;
    let found: Record<string, number>;
    do {
      await new Promise((resolve) => setTimeout(resolve, 200));
      found = await connections(client);
      // On a loaded machine, one that the change feed gave up while it started may outlive the test.
      const ofFeed = found['latchkey change feed'] ?? 0;
      found = { ...found, 'latchkey change feed': Math.min(ofFeed, 2) };
    } while (JSON.stringify(found) !== JSON.stringify(wanted) && Date.now() < end);
    await client.end();
    expect(found).toEqual(wanted);
  }, 60_000);
});
