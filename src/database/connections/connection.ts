import type { ClientConfig } from 'pg';
import type { DataSourceOptions } from 'typeorm';
import type { DatabaseLocation } from '../database-options';

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** A database address, in the terms of TypeORM and in those of node-postgres. */
export interface Connection {
  readonly typeorm: Partial<PostgresOptions>;
  readonly pg: ClientConfig;
}

/** The master of a replication set: verification rests on the last write. */
export function connectionOf({ url, dataSource }: DatabaseLocation): Connection {
  if (url !== undefined) return { typeorm: { url }, pg: { connectionString: url } };
  const options = dataSource.options as PostgresOptions;
  const { url: address, host, port, username, password, database, ssl } = options.replication?.master ?? options;
  const extra = withoutPool((options.extra ?? {}) as Record<string, unknown>);
  return {
    typeorm: { url: address, host, port, username, password, database, ssl, extra },
    // The same options that TypeORM passes on. An absent one is left out, because `undefined` would hide the value in the URL.
    pg: { ...present({ connectionString: address, host, port, user: username, password, database, ssl }), ...extra },
  };
}

const POOL_SETTINGS = ['max', 'min', 'idleTimeoutMillis', 'maxUses', 'maxLifetimeSeconds', 'allowExitOnIdle'];

/** Options of the host's own pool do not apply to Latchkey's connections. */
function withoutPool(extra: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(extra).filter(([name]) => !POOL_SETTINGS.includes(name)));
}

function present(settings: Record<string, unknown>): ClientConfig {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
