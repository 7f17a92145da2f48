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
    // Whatever the role's default is: what locks a row and then looks must see what was committed before the lock.
    isolationLevel: 'READ COMMITTED',
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
 * The same, for answering requests. A statement may take its time as long as the database is there; once that no longer
 * answers the watermark, `connections` gives up what is under way. The server's limit is the shorter one: its word leaves
 * the connection usable.
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

/** For a new connection while the database is well: `RequestConnectionsService` waits less when it is not. */
const CONNECT_MS = 5_000;
/** With a row that somebody else holds: who manages waits for its turn. */
const STATEMENT_MS = 8_000;
