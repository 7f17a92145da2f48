import type { ClientConfig } from 'pg';
import type { DataSourceOptions } from 'typeorm';
import type { DatabaseLocation } from '../database-options';

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** How to reach a database, in the words of TypeORM and in those of node-postgres. */
export interface Connection {
  readonly typeorm: Partial<PostgresOptions>;
  readonly pg: ClientConfig;
}

/** Of a replication set, the master: verdicts rest on the last write. */
export function connectionOf({ url, dataSource }: DatabaseLocation): Connection {
  if (url !== undefined) return { typeorm: { url }, pg: { connectionString: url } };
  const options = dataSource.options as PostgresOptions;
  const { url: address, host, port, username, password, database, ssl } = options.replication?.master ?? options;
  const extra = withoutPool((options.extra ?? {}) as Record<string, unknown>);
  return {
    typeorm: { url: address, host, port, username, password, database, ssl, extra },
    // As TypeORM itself hands them on, an absent one left out: given as undefined it would hide what the URL says.
    pg: { ...present({ connectionString: address, host, port, user: username, password, database, ssl }), ...extra },
  };
}

const POOL_SETTINGS = ['max', 'min', 'idleTimeoutMillis', 'maxUses', 'maxLifetimeSeconds', 'allowExitOnIdle'];

/** How the host keeps its own connections is no setting of ours. */
function withoutPool(extra: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(extra).filter(([name]) => !POOL_SETTINGS.includes(name)));
}

function present(settings: Record<string, unknown>): ClientConfig {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
