import type { DataSource } from 'typeorm';
import { isRightMissing } from '../common/errors/database-errors';

const OLDEST = 150_000;

/** The database cannot be used as it is. The message says what to do. */
export class UnfitDatabaseError extends Error {
  override readonly name = 'UnfitDatabaseError';
}

/** Facts about a database. */
export interface DatabaseTraits {
  /** As `server_version_num` counts: 150004 for 15.4. */
  readonly version: number;
  readonly encoding: string;
  readonly database: string;
  readonly user: string;
  /** Whether the schema exists. */
  readonly exists: boolean;
  /** Whether the user may create a schema in the database. */
  readonly mayCreate: boolean;
}

/** @throws UnfitDatabaseError before anything is written, if the database cannot store Latchkey's data. */
export async function requireFit(dataSource: DataSource, schema: string, isToMigrate: boolean): Promise<void> {
  const [traits] = await dataSource.query<[DatabaseTraits]>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
            current_database() AS database, current_user AS user, to_regnamespace($1) IS NOT NULL AS exists,
            has_database_privilege(current_database(), 'CREATE') AS "mayCreate"`,
    [`"${schema}"`],
  );
  const fault = faultOfTraits(traits, isToMigrate);
  if (fault !== undefined) throw new UnfitDatabaseError(fault);
}

export function faultOfTraits(traits: DatabaseTraits, isToMigrate: boolean): string | undefined {
  const { version, encoding, database, user, exists, mayCreate } = traits;
  if (version < OLDEST)
    return `The database runs PostgreSQL ${Math.floor(version / 10_000)}, and Latchkey needs 15 or later: upgrade it.`;
  // SQL_ASCII accepts any bytes as text, and LATIN1 lacks most characters of names.
  if (encoding !== 'UTF8')
    return `The database ${database} is encoded in ${encoding}, and Latchkey needs UTF8: make another with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.`;
  if (isToMigrate && !exists && !mayCreate)
    return `The database user may not make a schema: GRANT CREATE ON DATABASE "${database}" TO "${user}", or ${ANOTHER}.`;
  return undefined;
}

/** The advice for a host whose own database user must not change the schema. */
const ANOTHER = "migrate with another user (migrateLatchkey) and say migrate: 'never' here";

/** The grants that a user needs to serve requests, if another user owns and migrates the schema. */
function grantsFor(schema: string, user: string): string {
  const rights = ['SELECT, INSERT, UPDATE, DELETE ON ALL TABLES', 'EXECUTE ON ALL FUNCTIONS'];
  const grants = rights.map((right) => `GRANT ${right} IN SCHEMA "${schema}" TO "${user}";`);
  return [`GRANT USAGE ON SCHEMA "${schema}" TO "${user}";`, ...grants].join(' ');
}

/** @throws UnfitDatabaseError with the missing grants, if the user has too few to answer requests. */
export async function requireRights(dataSource: DataSource, schema: string): Promise<void> {
  const [{ user, lacking }] = await dataSource.query<[{ user: string; lacking: string[] }]>(LACKING, [schema]);
  if (lacking.length === 0) return;
  const what = `The database user "${user}" may not use everything in the schema "${schema}" (${lacking.join(', ')})`;
  throw new UnfitDatabaseError(`${what}. As the owner of the schema, run: ${grantsFor(schema, user)}`);
}

/** Explains a migration that failed because of a missing grant, and says what to do. Any other error is returned as it is. */
export async function explainMigration(dataSource: DataSource, schema: string, error: unknown): Promise<unknown> {
  if (!isRightMissing(error)) return error;
  const [{ user }] = await dataSource.query<[{ user: string }]>('SELECT current_user AS user');
  return new UnfitDatabaseError(
    `The database user "${user}" may not migrate the schema "${schema}" (${(error as Error).message}): have it own the schema ` +
      `and all that is in it, or ${ANOTHER}. Then it needs: ${grantsFor(schema, user)}`,
  );
}

/**
 * The tables and functions with a missing grant, or `USAGE` if the schema itself is not accessible. The table of migrations is only
 * read, the audit log takes new rows only, and its partitions are used through it.
 */
const LACKING = `
  SELECT current_user AS user, coalesce(json_agg(relname ORDER BY relname) FILTER (WHERE relname IS NOT NULL), '[]') AS lacking
    FROM (SELECT 'USAGE' AS relname FROM pg_namespace WHERE nspname = $1 AND NOT has_schema_privilege(oid, 'USAGE')
          UNION ALL
          SELECT t.relname
            FROM pg_class t, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS needed (privilege)
           WHERE t.relnamespace = to_regnamespace(quote_ident($1)) AND t.relkind IN ('r', 'p')
             AND NOT t.relispartition
             AND (t.relname <> 'latchkey_migrations' OR privilege = 'SELECT')
             AND (t.relname <> 'audit_logs' OR privilege IN ('SELECT', 'INSERT'))
           GROUP BY t.oid, t.relname
          HAVING NOT bool_and(has_table_privilege(t.oid, privilege))
          UNION ALL
          SELECT proname FROM pg_proc
           WHERE pronamespace = to_regnamespace(quote_ident($1)) AND NOT has_function_privilege(oid, 'EXECUTE')) AS lacking`;
