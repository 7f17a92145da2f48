import { Client } from 'pg';
import type { Endpoint } from '../../common/net/own-endpoints';
import type { Connection } from './connection';

interface Connections {
  readonly connection: Connection;
  readonly pushConnection: Connection['pg'] | undefined;
}

/** Where the database listens, for queries and for pushes: as node-postgres finds it, which also reads PGHOST and PGPORT. */
export function databaseEndpoints({ connection, pushConnection }: Connections): Endpoint[] {
  return [connection.pg, pushConnection ?? connection.pg].map((config) => {
    const { host, port } = new Client(config);
    return { host, port };
  });
}
