import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import pg, { type PoolClient } from 'pg';
import type { Customer } from './session.js';

export const pool = Symbol('pool');

/** The application's own database. */
export class PoolService implements OnModuleInit, OnApplicationShutdown {
  private readonly connections: pg.Pool;

  constructor(connectionString: string) {
    this.connections = new pg.Pool({ connectionString });
  }

  async onModuleInit() {
    await this.connections.query(
      'CREATE TABLE IF NOT EXISTS customers (id text PRIMARY KEY, organization_id uuid NOT NULL, identity_id uuid NOT NULL)',
    );
  }

  async onApplicationShutdown() {
    await this.connections.end();
  }

  async customer(id: string): Promise<Customer | undefined> {
    const { rows } = await this.connections.query<Customer>(
      'SELECT organization_id AS "organizationId", identity_id AS "identityId" FROM customers WHERE id = $1',
      [id],
    );
    return rows[0];
  }

  async transaction<T>(act: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.connections.connect();
    try {
      await client.query('BEGIN');
      const done = await act(client);
      await client.query('COMMIT');
      return done;
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  }
}
