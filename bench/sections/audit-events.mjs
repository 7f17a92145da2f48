import { randomUUID } from 'node:crypto';
import { bearer, Connection, requestText } from '../lib/connection.mjs';
import { percentile, show, table } from '../lib/figures.mjs';

const BATCH = 500_000;
const ASKED = 40;
/** How many pages of a filter are walked, in turns: the first, and those after it. */
const PAGES = 4;
const DAYS = 90;
const GOAL_MS = 20;
const MEGABYTE = 1024 * 1024;

/** How long a page of the audit log takes, with every event in the part of time that is asked about, whichever filter. */
export async function auditEvents(bench) {
  const { sql, options } = bench;
  const loadSeconds = await fill(bench);
  const [size] = (await sql.query(SIZES)).rows;
  const results = [];
  for (const [name, filter] of Object.entries(FILTERS)) results.push([name, await walk(bench, filter)]);
  const slow = results.filter(([, { first, next }]) => !(first.p50 <= GOAL_MS && !(next.p50 > GOAL_MS)));
  const rows = results.map(([name, { found, first, next }]) => [
    name,
    found,
    ...[first.p50, first.p99, next.p50, next.p99].map(show),
  ]);
  const text = [
    '## Reading the audit log',
    `${options.events.toLocaleString('en')} events of one organization in ${DAYS} days, in partitions of a month (made in ${show(loadSeconds)} s): ` +
      `${show(size.rows / MEGABYTE)} MB of rows and ${show(size.indexes / MEGABYTE)} MB of indexes. 20 events a page, one request at a time over HTTP, ` +
      `${ASKED} times; next pages by cursor, up to the fourth. The time asked about has every event.`,
    table(['filter', 'events of the first page', 'first page p50 ms', 'p99 ms', 'next pages p50 ms', 'p99 ms'], rows),
  ].join('\n\n');
  const worst = Math.max(...results.map(([, { first, next }]) => Math.max(first.p50, next.p50 || 0)));
  const missed = slow.length === 0 ? '' : `; missed by ${slow.map(([name]) => name).join('; ')}`;
  return {
    text,
    reached: [['page of the audit log, p50, whichever filter', `≤ ${GOAL_MS} ms`, `${show(worst)} ms${missed}`]],
  };
}

// Where a filter matches often, seldom, and never.
const FILTERS = {
  'no filter': '',
  'eventType, each 4th event': 'eventType=get-identity',
  'eventType, each 100,000th': 'eventType=delete-org-role',
  'eventType, none': 'eventType=never-recorded',
  '20 event types': `eventType=${Array.from({ length: 18 }, (_, n) => `kind-${n}`).join(',')},get-identity,delete-org-role`,
  'outcome, success': 'outcome=success',
  'outcome, refused (each 50th)': 'outcome=refused',
  'outcome, failed (each 100,000th)': 'outcome=failed',
  'userAgentType, each 2nd': 'userAgentType=cli',
  'userAgentType, each 100,000th': 'userAgentType=k8-operator',
  'userAgentType, none': 'userAgentType=InfisicalNodeSDK',
  'actorType, nearly all': 'actorType=identity',
  'actorType, each 100,000th': 'actorType=operator',
  'actorType, none': 'actorType=unknown',
  'actor, one of 1,000': `actor=${idOf('actor', 7)}`,
  'actor, none': `actor=${randomUUID()}`,
  'identityId, one of 1,000': `identityId=${idOf('actor', 7)}`,
  'tokenId, one of 100,000': `tokenId=${idOf('token', 7)}`,
  reqId: 'reqId=request-4711',
  'reqId, none': 'reqId=never',
  'eventMetadata, each 2nd': 'eventMetadata=role=member',
  'eventMetadata, each 100,000th': 'eventMetadata=name=seldom',
  'eventMetadata, none': 'eventMetadata=name=never',
  'identityId and eventType': `identityId=${idOf('actor', 7)}&eventType=get-identity`,
  'identityId and outcome': `identityId=${idOf('actor', 7)}&outcome=refused`,
  'actorType and userAgentType, both rare': 'actorType=operator&userAgentType=k8-operator',
};

async function walk({ host, admin, faults }, filter) {
  const connection = new Connection(host.url);
  const from = new Date(Date.now() - (DAYS + 1) * 86_400_000).toISOString();
  const times = Array.from({ length: PAGES }, () => []);
  let found = 0;
  for (let round = 0; round < ASKED; round += 1) {
    let cursor = '';
    for (let page = 0; page < PAGES && cursor !== null; page += 1) {
      const path = `/api/v1/organization/audit-logs?startDate=${from}&limit=20&${filter}${cursor && `&cursor=${cursor}`}`;
      const sentAt = performance.now();
      const { status, body } = await connection.request(requestText({ path, headers: bearer(admin) }));
      times[page].push(performance.now() - sentAt);
      if (status !== 200) {
        faults.push(`${filter}: ${status} ${body.slice(0, 200)}`);
        // It took as long as a statement may: once is enough.
        round = ASKED;
        break;
      }
      const answer = JSON.parse(body);
      if (page === 0) found = answer.auditLogs.length;
      cursor = answer.nextCursor;
    }
  }
  connection.close();
  const [first, next] = [times[0], times.slice(1).flat()].map((list) => ({
    p50: percentile(list, 50),
    p99: percentile(list, 99),
  }));
  return { found, first, next };
}

/** The same ids as SQL makes of a name and a number. */
function idOf(name, number) {
  return `${name === 'actor' ? '00000000' : '00000001'}-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

/** Without indexes, which are made afterwards, and without the WAL: a server that crashes here has lost nothing. */
async function fill({ sql, organizationId, options }) {
  const startedAt = performance.now();
  const { rows: indexes } = await sql.query(INDEXES);
  for (const { name } of indexes) await sql.query(`DROP INDEX latchkey.${name}`);
  for (let month = 0; month < 5; month += 1) await sql.query(partition(month));
  for (let from = 1; from <= options.events; from += BATCH) {
    const to = Math.min(options.events, from + BATCH - 1);
    await sql.query(INSERT, [organizationId, from, to, options.events, DAYS]);
  }
  // The definition is of the parent alone.
  for (const { definition } of indexes) await sql.query(definition.replace(' ON ONLY ', ' ON '));
  await sql.query('VACUUM ANALYZE latchkey.audit_logs');
  await sql.query('CHECKPOINT');
  return (performance.now() - startedAt) / 1000;
}

/** The partition of a past month, and that of the present one made again. */
function partition(monthsAgo) {
  const day = new Date();
  const month = (ahead) => new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth() - monthsAgo + ahead));
  const name = `audit_logs_${month(0).toISOString().slice(0, 7).replace('-', '_')}`;
  return `
    DROP TABLE IF EXISTS latchkey.${name};
    CREATE UNLOGGED TABLE latchkey.${name} PARTITION OF latchkey.audit_logs
      FOR VALUES FROM ('${month(0).toISOString()}') TO ('${month(1).toISOString()}')`;
}

const INDEXES = `
  SELECT c.relname AS name, pg_get_indexdef(c.oid) AS definition
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'latchkey.audit_logs'::regclass`;

const SIZES = `
  SELECT sum(pg_table_size(relid))::bigint AS rows, sum(pg_indexes_size(relid))::bigint AS indexes
    FROM pg_partition_tree('latchkey.audit_logs')`;

const INSERT = `
  INSERT INTO latchkey.audit_logs (
    id, created_at, organization_id, event_type, outcome, reason, actor_type, actor_identity_id, actor_token_id, actor_metadata,
    identity_id, token_id, event_metadata, ip_address, user_agent, user_agent_type, request_id)
  SELECT gen_random_uuid(), now() - ($4::bigint - n) * ($5::bigint * interval '1 day' / $4::bigint), $1,
         CASE WHEN n % 100000 = 17 THEN 'delete-org-role' WHEN n % 4 = 0 THEN 'get-identity' ELSE 'kind-' || n % 37 END,
         CASE WHEN n % 100000 = 23 THEN 'failed' WHEN n % 50 = 3 THEN 'refused' ELSE 'success' END,
         CASE WHEN n % 50 = 3 THEN 'permission_denied' END,
         CASE WHEN operator THEN 'operator' WHEN n % 100 = 1 THEN 'host' ELSE 'identity' END,
         CASE WHEN NOT operator THEN actor END, CASE WHEN NOT operator THEN token END,
         jsonb_build_object('identityId', actor, 'name', 'service-' || n % 1000, 'authMethod', 'token-auth', 'tokenId', token),
         CASE WHEN n % 3 = 0 THEN target END, CASE WHEN n % 5 = 0 THEN token END,
         jsonb_build_object('identityId', target, 'name', CASE WHEN n % 100000 = 31 THEN 'seldom' ELSE 'service-' || n % 997 END,
                            'role', CASE WHEN n % 2 = 0 THEN 'member' ELSE 'no-access' END, 'hasDeleteProtection', false),
         '203.0.113.' || n % 250, 'deployer/2.1 (linux; amd64)',
         CASE WHEN n % 100000 = 41 THEN 'k8-operator' WHEN n % 2 = 0 THEN 'cli' ELSE 'other' END, 'request-' || n
    FROM generate_series($2::bigint, $3::bigint) AS n,
         LATERAL (SELECT n % 100000 = 29 AS operator,
                         ('00000000-0000-4000-8000-' || lpad((n * 7919 % 1000)::text, 12, '0'))::uuid AS actor,
                         ('00000000-0000-4000-8000-' || lpad((n * 6271 % 1000)::text, 12, '0'))::uuid AS target,
                         ('00000001-0000-4000-8000-' || lpad((n * 7919 % 100000)::text, 12, '0'))::uuid AS token) AS made`;
