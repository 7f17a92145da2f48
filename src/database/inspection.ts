import { Client } from 'pg';
import { connectionOf } from './connections/connection';
import { DEFAULT_SCHEMA, inSchema } from './schema';

const CONNECT_MS = 10_000;

/** Runs statements on a connection of its own, which no part of the application uses. */
async function onConnection<T>(url: string, act: (query: Query) => Promise<T>): Promise<T> {
  const client = new Client({ ...connectionOf({ url }).pg, connectionTimeoutMillis: CONNECT_MS });
  // A broken connection also fails the statement under way, which says so.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await act(async <Row extends object>(sql: string, parameters: unknown[] = []) => {
      const { rows } = await client.query<Row>(inSchema(sql, DEFAULT_SCHEMA), parameters);
      return rows;
    });
  } finally {
    await client.end().catch(() => undefined);
  }
}

type Query = <Row extends object>(sql: string, parameters?: unknown[]) => Promise<Row[]>;

/** The names of the migrations that a database has, oldest first. */
export function appliedMigrations(url: string): Promise<string[]> {
  return onConnection(url, applied);
}

async function applied(query: Query): Promise<string[]> {
  const [found] = await query<{ exists: boolean }>(
    `SELECT to_regclass('latchkey.latchkey_migrations') IS NOT NULL AS exists`,
  );
  if (!found!.exists) return [];
  const rows = await query<{ name: string }>('SELECT name FROM latchkey.latchkey_migrations ORDER BY timestamp');
  return rows.map(({ name }) => name);
}

/** Reads all columns of all rows of Latchkey's tables, and counts the rows. */
export function readEveryRow(url: string): Promise<Record<string, number>> {
  return onConnection(url, async (query) => {
    const tables = await query<{ name: string }>(TABLES, [DEFAULT_SCHEMA]);
    const counts: Record<string, number> = {};
    for (const { name } of tables) {
      // The number alone could come from an index.
      const rows = await query<{ count: string }>(`SELECT count(length(t::text)) FROM latchkey."${name}" t`);
      counts[name] = Number(rows[0]!.count);
    }
    return counts;
  });
}

/** Partitions, and not the tables that they are parts of. */
const TABLES = `
  SELECT relname AS name FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind = 'r' ORDER BY 1`;

/** A node as the others see it. */
export interface NodeState {
  readonly name: string;
  readonly startedAt: Date;
  readonly secondsSinceHeartbeat: number;
  /** Whether it has applied every change that the database knows. */
  readonly hasEveryChange: boolean;
}

/** An installation as its database shows it. */
export interface InstallationState {
  readonly postgres: string;
  readonly migrations: readonly string[];
  /** Null where migrations are missing: then nothing else is read. */
  readonly contents: {
    readonly isSetUp: boolean;
    readonly tokensRefusedBefore: Date | null;
    readonly clientSecretsRefusedBefore: Date | null;
    readonly organizations: number;
    readonly identities: number;
    /** By the statistics of the planner, because counting millions takes seconds. */
    readonly tokensEstimated: number;
    readonly auditEventsToSeal: number;
    readonly nodes: readonly NodeState[];
  } | null;
}

/** @param known the migrations of this release. */
export function installationState(url: string, known: readonly string[]): Promise<InstallationState> {
  return onConnection(url, async (query) => {
    const [server] = await query<{ version: string }>(`SELECT current_setting('server_version') AS version`);
    const migrations = await applied(query);
    const isCurrent = known.every((name) => migrations.includes(name));
    return { postgres: server!.version, migrations, contents: isCurrent ? await contentsOf(query) : null };
  });
}

async function contentsOf(query: Query): Promise<InstallationState['contents']> {
  const [facts] = await query<Omit<NonNullable<InstallationState['contents']>, 'nodes'>>(CONTENTS);
  return { ...facts!, nodes: await query<NodeState>(NODES) };
}

const CONTENTS = `
  SELECT initialized_at IS NOT NULL AS "isSetUp", tokens_refused_before AS "tokensRefusedBefore",
         client_secrets_refused_before AS "clientSecretsRefusedBefore",
         (SELECT count(*)::int FROM latchkey.organizations) AS organizations,
         (SELECT count(*)::int FROM latchkey.identities) AS identities,
         (SELECT greatest(reltuples, 0)::float8 FROM pg_class
           WHERE oid = 'latchkey.identity_access_tokens'::regclass) AS "tokensEstimated",
         (SELECT count(*)::int FROM (SELECT FROM latchkey.audit_unsealed LIMIT 100000) AS unsealed) AS "auditEventsToSeal"
    FROM latchkey.instance WHERE id = 1`;

const NODES = `
  SELECT name, started_at AS "startedAt",
         round(extract(epoch FROM clock_timestamp() - seen_at))::int AS "secondsSinceHeartbeat",
         NOT EXISTS (SELECT FROM latchkey.verdict_changes c WHERE NOT pg_visible_in_snapshot(c.xid, n.confirmed))
           AS "hasEveryChange"
    FROM latchkey.nodes n WHERE seen_at > clock_timestamp() - interval '1 minute' ORDER BY name`;
