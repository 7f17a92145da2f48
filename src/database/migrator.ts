import { DataSource } from 'typeorm';
import { LATCHKEY_MIGRATIONS } from '../../migrations';
import { type Connection, connectionOf } from './connections/connection';
import { dataSourceOptions } from './connections/data-source-options';
import type { DatabaseLocation } from './database-options';
import { explainMigration, requireFit } from './fitness';
import { DEFAULT_SCHEMA, inSchemaOf } from './schema';

/** A constant that is the same in every process of Latchkey: the letters of its name. */
const LOCK_KEY = '7809632601839331961';

/**
 * Brings a database to the current schema, as `migrate: 'on-start'` does. Any number of processes can call it at once: one
 * migrates, the others wait for it.
 *
 * @param database where the database is, as in `LatchkeyOptions.database`.
 * @throws Error that says what to do, if the database cannot be used.
 */
export function migrateLatchkey(database: DatabaseLocation & { readonly schema?: string }): Promise<void> {
  return migrate(connectionOf(database), database.schema);
}

/** The lock belongs to a transaction, because a pooler in transaction mode would share the lock of a session. */
export async function migrate(connection: Connection, schema: string = DEFAULT_SCHEMA): Promise<void> {
  // A connection for the lock and one for the migrations, without the time limits of serving: an index may take minutes.
  const dataSource = await new DataSource({ ...dataSourceOptions(connection, schema), poolSize: 2 }).initialize();
  try {
    await requireFit(dataSource, schema, true);
    await dataSource.transaction(async (tx) => {
      await tx.query('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY]);
      await refuseOldSchema(dataSource, schema);
      await ensureSchema(dataSource, schema);
      await dataSource.runMigrations();
    });
  } catch (error) {
    throw await explainMigration(dataSource, schema, error);
  } finally {
    await dataSource.destroy();
  }
}

/** The tables of this database belong to a release from which there is no upgrade. */
export class OldSchemaError extends Error {
  override readonly name = 'OldSchemaError';
}

/**
 * The first release had its tables in the schema `public`. Beside them, a migration would create an empty installation, and
 * every token would be refused.
 */
async function refuseOldSchema(dataSource: DataSource, schema: string): Promise<void> {
  const [{ isOld }] = await dataSource.query<[{ isOld: boolean }]>(IS_OLD, [schema]);
  if (!isOld) return;
  throw new OldSchemaError(
    'The schema "public" of this database holds an installation of the first release, from which no upgrade leads ' +
      '(docs/upgrading.md): use another database, or drop those tables if they are not wanted.',
  );
}

const IS_OLD = `
  SELECT to_regclass('public.latchkey_migrations') IS NOT NULL AND to_regclass('public.identity_access_tokens') IS NOT NULL
         AND to_regclass('public.verdict_changes') IS NULL
         AND to_regclass(quote_ident($1) || '.latchkey_migrations') IS NULL AS "isOld"`;

/** Only if the schema is missing: `IF NOT EXISTS` needs the right to create schemas even when there is nothing to create. */
export async function ensureSchema(dataSource: DataSource, schema: string = DEFAULT_SCHEMA): Promise<void> {
  const found = await dataSource.query<unknown[]>('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
  if (found.length === 0) await dataSource.query(`CREATE SCHEMA "${schema}"`);
}

/** The migrations of this release, oldest first. */
export function migrationNames(): string[] {
  return LATCHKEY_MIGRATIONS.map((Migration) => new Migration().name);
}

/** @throws UnfitDatabaseError before anything is written, if a database cannot store Latchkey's data. */
export async function requireFitAt(url: string): Promise<void> {
  const dataSource = await new DataSource({ ...dataSourceOptions(connectionOf({ url })), poolSize: 1 }).initialize();
  try {
    await requireFit(dataSource, DEFAULT_SCHEMA, true);
  } finally {
    await dataSource.destroy();
  }
}

/** How many of the migrations a database lacks. */
export async function missingMigrations(dataSource: DataSource): Promise<number> {
  const sql = (text: string) => inSchemaOf(dataSource, text);
  const table = sql('latchkey.latchkey_migrations');
  const [{ exists }] = await dataSource.query<[{ exists: boolean }]>('SELECT to_regclass($1) IS NOT NULL AS exists', [
    table,
  ]);
  if (!exists) return LATCHKEY_MIGRATIONS.length;
  const rows = await dataSource.query<{ name: string }[]>(`SELECT name FROM ${table}`);
  const done = new Set(rows.map(({ name }) => name));
  return migrationNames().filter((name) => !done.has(name)).length;
}
