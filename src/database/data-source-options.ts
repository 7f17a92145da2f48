import type { DataSourceOptions } from 'typeorm';
import { LATCHKEY_MIGRATIONS } from '../../migrations';
import { type Connection, connectionOf } from './connection';
import type { DatabaseLocation } from './database-options';
import { LATCHKEY_ENTITIES } from './entities';
import { DEFAULT_SCHEMA } from './schema';

export type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/**
 * How Latchkey connects: the options of a `DataSource` with its entities and migrations, for the TypeORM command line of a
 * host. One object for the server and the tests, too.
 */
export function latchkeyDataSourceOptions(database: DatabaseLocation & { readonly schema?: string }): PostgresOptions {
  return dataSourceOptions(connectionOf(database), database.schema);
}

export function dataSourceOptions({ typeorm }: Connection, schema: string = DEFAULT_SCHEMA): PostgresOptions {
  return {
    ...typeorm,
    type: 'postgres',
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
  readonly connection: Connection;
  readonly poolSize: number;
  readonly schema: string;
}

/**
 * The same, for answering requests: no request waits longer than the deadline for a connection or an answer. Both limits
 * are needed, since a query on a new connection is not covered by the time limit of queries.
 */
export function servingOptions({ connection, poolSize, schema }: ServingSettings): PostgresOptions {
  return {
    ...dataSourceOptions(connection, schema),
    poolSize,
    connectTimeoutMS: DEADLINE_MS,
    extra: {
      ...(connection.typeorm.extra as object | undefined),
      query_timeout: DEADLINE_MS * 5,
      statement_timeout: DEADLINE_MS * 5,
    },
  };
}

const DEADLINE_MS = 1_000;
