import { execFileSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, D, good, isLong } from './support/cluster';
import type { LatchkeyNode } from './support/node';
import { debianBin } from './support/postgres';
import { until } from './support/processes';

jest.setTimeout(isLong ? 300_000 : 120_000);

const missing = debianBin === undefined ? "Debian's postgresql is not installed: no pg_dump, no psql" : undefined;
if (missing !== undefined) process.stderr.write(`  skipped: ${missing}\n`);

/** What logical replication has to carry. Each database notes by itself which changes it has seen. */
const CARRIED = [
  'organizations',
  'users',
  'identities',
  'identity_metadata',
  'organization_memberships',
  'identity_auth_methods',
  'client_secrets',
  'identity_access_tokens',
  'instance',
  'auth_lockouts',
  'used_signed_requests',
];

(missing === undefined ? describe : describe.skip)('P5b: a node on a subscriber of logical replication', () => {
  let cluster: Cluster;
  let subscriber: LatchkeyNode;
  const psql = (database: string, ...args: string[]) =>
    execFileSync('/usr/bin/psql', ['-q', '-v', 'ON_ERROR_STOP=1', ...args, '-d', urlOf(database)], { stdio: 'pipe' });
  const urlOf = (database: string) => cluster.postgres.url.replace(/postgres$/, database);
  const dumped = (...args: string[]) => execFileSync('/usr/bin/pg_dump', [...args, '-d', urlOf('postgres')]);

  beforeAll(async () => {
    cluster = await Cluster.start({ nodes: 1, settings: { wal_level: 'logical' } });
    const { postgres } = cluster;
    await postgres.sql('CREATE DATABASE subscriber');
    for (const part of [dumped('--schema-only'), dumped('--data-only', '-t', 'latchkey.latchkey_migrations')]) {
      execFileSync('/usr/bin/psql', ['-q', '-d', urlOf('subscriber')], {
        input: part,
        stdio: ['pipe', 'pipe', 'pipe'],
      });
    }
    // Within one server the subscription cannot make the slot itself: each would wait for the other.
    await postgres.sql(`SELECT pg_create_logical_replication_slot('moved', 'pgoutput')`);
    await postgres.sql(`CREATE PUBLICATION moved FOR TABLE ${CARRIED.map((table) => `latchkey.${table}`).join(', ')}`);
    const how = `CONNECTION '${postgres.url}' PUBLICATION moved WITH (create_slot = false, slot_name = moved)`;
    psql('subscriber', '-c', `CREATE SUBSCRIPTION moved ${how}`);
    subscriber = await cluster.add({ url: urlOf('subscriber'), pushUrl: urlOf('subscriber') });
  });
  afterAll(() => cluster.stop());

  const status = async (jwt: string) => (await subscriber.use(jwt)).status;
  const arrived = (jwt: string) => until(async () => (await status(jwt)) === 200, 'the token is replicated', 40_000);

  // Seen red: the triggers of statements, which note these, fire for nothing that is replicated. 200 without end.
  it.each([
    [
      'a token that was deleted',
      () => cluster.token(),
      'DELETE FROM latchkey.identity_access_tokens WHERE id = $1',
      ({ tokenId }: { tokenId: string }) => [tokenId],
    ],
    [
      'a client secret that was deleted',
      () => cluster.login(),
      'DELETE FROM latchkey.client_secrets WHERE id = $1',
      ({ clientSecretId }: { clientSecretId?: string }) => [clientSecretId],
    ],
    [
      'that everything issued so far is refused',
      () => cluster.token(),
      'UPDATE latchkey.instance SET tokens_refused_before = now()',
      () => [],
    ],
  ])('learns of %s where it is published', async (_, make, statement, parameters) => {
    const token = await make();
    await arrived(token.jwt);
    // What made the token has been learnt of by then, and nothing else is on its way.
    await pause(3 * D);
    good(await subscriber.use(token.jwt));
    await cluster.postgres.sql(statement, parameters(token));
    const end = Date.now() + 10 * D;
    await until(async () => (await status(token.jwt)) === 401 || Date.now() > end, 'the change is replicated', 15_000);
    expect(await status(token.jwt)).toBe(401);
  });
});
