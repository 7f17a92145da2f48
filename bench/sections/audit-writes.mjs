import { setTimeout as pause } from 'node:timers/promises';
import { identityWithToken } from '../lib/bench.mjs';
import { bearer } from '../lib/connection.mjs';
import { median, show, spread, table } from '../lib/figures.mjs';
import { postgresCpuSeconds } from '../lib/processes.mjs';
import { measure, of, ratio } from '../lib/rounds.mjs';

const IDENTITIES = 50;
const GOAL = 1.15;
/** Reads and refusals for each second, in the batches in which a node writes them. */
const EVENTS_PER_SECOND = 1_000;
const BATCHES_PER_SECOND = 10;
const BUSY_SECONDS = 15;

/** What the audit log costs a change of a token, and what a thousand events a second cost the database. */
export async function auditWrites(bench) {
  const changes = await changesWithAndWithout(bench);
  const events = await eventsInBatches(bench);
  return {
    text: ['## Writing the audit log', changes.text, events].join('\n\n'),
    reached: [['time of a change of a token, divided by that without the log', `≤ ${GOAL}`, changes.reached]],
  };
}

/** One host records, the other does everything but that. They take turns within one run. */
async function changesWithAndWithout(bench) {
  const holders = [];
  for (let made = 0; made < IDENTITIES; made += 1) holders.push(await identityWithToken(bench));
  const list = holders.map(({ tokenId }, index) => ({
    method: 'PATCH',
    path: `/api/v1/auth/token-auth/tokens/${tokenId}`,
    headers: bearer(bench.admin),
    body: { name: `changed ${index}` },
  }));
  const without = await bench.start('latchkey', { AUDIT: 'off' });
  const contestants = [bench.host, without];
  const { rounds, seconds, warmUpSeconds } = bench.options;
  const rows = [];
  let reached = '';
  for (const connections of [1, 50]) {
    const results = [[], []];
    for (let round = -1; round < rounds; round += 1) {
      // The first has the second turn in the next round.
      for (const index of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const job = { requests: { list }, connections, seconds: round < 0 ? warmUpSeconds : seconds };
        const result = await measure(bench, contestants[index], job);
        if (round >= 0) results[index].push(result);
        await sealed(bench);
      }
    }
    const [on, off] = results;
    const slower = ratio(off, on, 'perSecond');
    if (connections === 1) reached = `${slower} with one connection`;
    else reached += `, ${slower} with ${connections}`;
    const cells = (name, list, last) => [
      name,
      connections,
      spread(of(list, 'perSecond')),
      ...['p50', 'p99', 'databaseMicroseconds'].map((key) => show(median(of(list, key)))),
      last,
    ];
    rows.push(cells('with the log', on, slower), cells('without it', off, ''));
  }
  await bench.stop(without);
  const text = [
    `\`PATCH …/token-auth/tokens/{id}\` on ${IDENTITIES} tokens of as many identities. Two hosts on one database take turns, ${rounds} rounds of ${seconds} s; ` +
      'one of them leaves out the event, and nothing else. Before each turn everything is sealed.',
    table(['host', 'connections', 'changes/s', 'p50 ms', 'p99 ms', 'database CPU µs/change', 'times slower'], rows),
  ].join('\n\n');
  return { text, reached };
}

async function sealed({ sql }) {
  for (let look = 0; look < 100; look += 1) {
    const { rows } = await sql.query('SELECT EXISTS (SELECT FROM latchkey.audit_unsealed) AS has');
    if (!rows[0].has) return;
    await pause(100);
  }
}

async function eventsInBatches(bench) {
  const idle = await cost(bench, () => pause(BUSY_SECONDS * 1000));
  const busy = await cost(bench, () => append(bench));
  const more = (key) => busy[key] - idle[key];
  const events = EVENTS_PER_SECOND * BUSY_SECONDS;
  const row = [
    show(EVENTS_PER_SECOND),
    `${show((more('cpu') / BUSY_SECONDS) * 100)} %`,
    show(more('wal') / BUSY_SECONDS / 1024),
    show((more('cpu') / events) * 1e6),
    show(more('wal') / events),
    show(busy.bytes / events),
  ];
  return [
    `${show(EVENTS_PER_SECOND)} events a second for ${BUSY_SECONDS} s, in ${BATCHES_PER_SECOND} batches a second as a node writes reads and refusals, with their sealing; beside the same time without any.`,
    table(
      [
        'events/s',
        'of one processor',
        'WAL KB/s',
        'database CPU µs/event',
        'WAL bytes/event',
        'bytes on disk/event, indexes included',
      ],
      [row],
    ),
  ].join('\n\n');
}

/** What the database uses meanwhile, until everything is sealed. */
async function cost(bench, work) {
  await bench.sql.query('CHECKPOINT');
  const before = await counters(bench);
  await work();
  await sealed(bench);
  const after = await counters(bench);
  return Object.fromEntries(Object.keys(before).map((key) => [key, after[key] - before[key]]));
}

async function counters({ sql, postgres }) {
  const { rows } = await sql.query(`
    SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint AS wal,
           (SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('latchkey.audit_logs'))::bigint
             + pg_total_relation_size('latchkey.audit_batches') AS bytes`);
  return { wal: Number(rows[0].wal), bytes: Number(rows[0].bytes), cpu: postgresCpuSeconds(postgres.dataDir) };
}

/** By the statement with which a node writes them. */
async function append(bench) {
  const { appendEvents } = bench.requireBuilt('audit-log/audit-log.store.js');
  const run = async (text, values) => (await bench.sql.query(text, values)).rows;
  const size = EVENTS_PER_SECOND / BATCHES_PER_SECOND;
  const startedAt = performance.now();
  for (let batch = 0; batch < BATCHES_PER_SECOND * BUSY_SECONDS; batch += 1) {
    await pause(Math.max(0, startedAt + (batch * 1000) / BATCHES_PER_SECOND - performance.now()));
    await appendEvents(
      run,
      Array.from({ length: size }, () => event(bench)),
    );
  }
}

function event({ organizationId }) {
  const [id, identityId, tokenId] = [1, 2, 3].map(() => crypto.randomUUID());
  return {
    id,
    at: Date.now(),
    organizationId,
    eventType: 'get-identity',
    outcome: 'success',
    reason: null,
    actorType: 'identity',
    actorIdentityId: identityId,
    actorTokenId: tokenId,
    identityId,
    tokenId: null,
    authMethodId: null,
    eventMetadata: { identityId },
    ipAddress: '203.0.113.9',
    userAgent: 'deployer/2.1 (linux; amd64)',
    userAgentType: 'other',
    requestId: id.slice(0, 12),
  };
}
