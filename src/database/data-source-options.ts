import type { DataSourceOptions } from 'typeorm';
import { LATCHKEY_MIGRATIONS } from '../../migrations';
import { LATCHKEY_ENTITIES } from './entities';

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** How Latchkey connects: one object for the server, the TypeORM command line and the tests. */
export function dataSourceOptions(url: string): PostgresOptions {
  return {
    type: 'postgres',
    url,
    entities: LATCHKEY_ENTITIES,
    migrations: LATCHKEY_MIGRATIONS,
    migrationsTableName: 'latchkey_migrations',
    migrationsTransactionMode: 'each',
    synchronize: false,
    logging: false,
    // gen_random_uuid() is built in since PostgreSQL 13: no extension, no right to create one.
    uuidExtension: 'pgcrypto',
    installExtensions: false,
    applicationName: 'latchkey',
  };
}

/**
 * The same, for answering requests: no request waits longer than the deadline for a connection or an answer. Both limits
 * are needed, since a query on a new connection is not covered by the time limit of queries.
 */
export function servingOptions(url: string, poolSize: number): PostgresOptions {
  return {
    ...dataSourceOptions(url),
    poolSize,
    connectTimeoutMS: DEADLINE_MS,
    extra: { query_timeout: DEADLINE_MS * 5, statement_timeout: DEADLINE_MS * 5 },
  };
}

const DEADLINE_MS = 1_000;
