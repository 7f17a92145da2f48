import type { DataSourceOptions } from 'typeorm';
import { LATCHKEY_MIGRATIONS } from '../../../migrations';
import { EXTENDED_TIMEOUT_MS } from '../statement-timeout';
import { type Connection, connectionOf } from './connection';
import type { DatabaseLocation } from '../database-options';
import { LATCHKEY_ENTITIES } from '../entities/latchkey-entities';
import { DEFAULT_SCHEMA } from '../schema';
import type { RequestConnectionsService } from './request-connections';
import { CancellableClient } from './cancellable-client';

export type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/**
 * The options of a `DataSource` with Latchkey's entities and migrations. A host can use it for the TypeORM command line; the
 * server and the tests use it too.
 *
 * @param database where the database is, as in `LatchkeyOptions.database`.
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
    // As in TypeORM 1. By default in 0.3, a condition without a value matches every row.
    invalidWhereValuesBehavior: { null: 'throw', undefined: 'throw' },
    logging: false,
    // gen_random_uuid() is built in since PostgreSQL 13: no extension, no right to create one.
    uuidExtension: 'pgcrypto',
    installExtensions: false,
    applicationName: 'latchkey',
    extra: { ...(typeorm.extra as object | undefined), Client: CancellableClient },
  };
}

export interface RequestConnectionSettings {
  readonly connection: Connection;
  readonly poolSize: number;
  readonly schema: string;
}

/**
 * The same, for answering requests. A statement may take its time while the database answers. When the database no longer
 * answers the change feed, `connections` gives up what is under way. The server's limit is shorter: after its own refusal the
 * connection can still be used.
 */
export function requestDataSourceOptions(
  { connection, poolSize, schema }: RequestConnectionSettings,
  connections: RequestConnectionsService,
): PostgresOptions {
  const options = dataSourceOptions(connection, schema);
  return {
    ...options,
    driver: connections.driver,
    poolSize,
    connectTimeoutMS: CONNECT_MS,
    extra: {
      ...(options.extra as object),
      Client: connections.Client,
      // Latchkey never keeps its host's process alive.
      allowExitOnIdle: true,
      query_timeout: EXTENDED_TIMEOUT_MS + 500,
      statement_timeout: STATEMENT_MS,
    },
  };
}

/** Time to wait for a new connection while the database works. `RequestConnectionsService` waits less when it does not. */
const CONNECT_MS = 5_000;
/** Time to wait for a row that another session holds. */
const STATEMENT_MS = 8_000;
