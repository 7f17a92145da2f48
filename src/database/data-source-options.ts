import type { DataSourceOptions } from 'typeorm';
import { LATCHKEY_MIGRATIONS } from '../../migrations';
import { LATCHKEY_ENTITIES } from './entities';
import { DEFAULT_SCHEMA } from './schema';

export type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** How Latchkey connects: one object for the server, the TypeORM command line and the tests. */
export function dataSourceOptions(url: string, schema: string = DEFAULT_SCHEMA): PostgresOptions {
  return {
    type: 'postgres',
    url,
    schema,
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

export interface ServingSettings {
  readonly databaseUrl: string;
  readonly poolSize: number;
  readonly schema: string;
}

/**
 * The same, for answering requests: no request waits longer than the deadline for a connection or an answer. Both limits
 * are needed, since a query on a new connection is not covered by the time limit of queries.
 */
export function servingOptions({ databaseUrl, poolSize, schema }: ServingSettings): PostgresOptions {
  return {
    ...dataSourceOptions(databaseUrl, schema),
    poolSize,
    connectTimeoutMS: DEADLINE_MS,
    extra: { query_timeout: DEADLINE_MS * 5, statement_timeout: DEADLINE_MS * 5 },
  };
}

const DEADLINE_MS = 1_000;
