import { DataSource } from 'typeorm';
import { dataSourceOptions } from './data-source-options';
import { DEFAULT_SCHEMA } from './schema';

/** Any constant, the same in every process of Latchkey: the letters of its name. */
const LOCK_KEY = '7809632601839331961';

/**
 * Brings a database to the present schema. Any number of processes may do so at once: one migrates, the others wait for it.
 * The lock belongs to a transaction, because a pooler in transaction mode would share a session's.
 */
export async function migrate(url: string, schema: string = DEFAULT_SCHEMA): Promise<void> {
  // A connection for the lock and one for the migrations, without the deadlines of serving: an index may take minutes.
  const dataSource = await new DataSource({ ...dataSourceOptions(url, schema), poolSize: 2 }).initialize();
  try {
    await dataSource.transaction(async (tx) => {
      await tx.query('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY]);
      await ensureSchema(dataSource, schema);
      await dataSource.runMigrations();
    });
  } finally {
    await dataSource.destroy();
  }
}

/** Only where it is missing: `IF NOT EXISTS` asks for the right to create schemas even when there is nothing to create. */
export async function ensureSchema(dataSource: DataSource, schema: string = DEFAULT_SCHEMA): Promise<void> {
  const found = await dataSource.query<unknown[]>('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
  if (found.length === 0) await dataSource.query(`CREATE SCHEMA ${schema}`);
}
