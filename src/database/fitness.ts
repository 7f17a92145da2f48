import type { DataSource } from 'typeorm';

const OLDEST = 150_000;

/** The database cannot be used as it is. Its message says what to do. */
export class UnfitDatabaseError extends Error {
  override readonly name = 'UnfitDatabaseError';
}

/** What a database says of itself. */
export interface DatabaseTraits {
  /** As `server_version_num` counts: 150004 for 15.4. */
  readonly version: number;
  readonly encoding: string;
  readonly database: string;
  readonly user: string;
  /** Whether the schema is there. */
  readonly exists: boolean;
  /** Whether the user may make a schema in the database. */
  readonly mayCreate: boolean;
}

/** @throws UnfitDatabaseError before anything is written, when the database cannot hold what Latchkey keeps. */
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
  // SQL_ASCII takes any bytes for text, and LATIN1 has no room for most names.
  if (encoding !== 'UTF8')
    return `The database ${database} is encoded in ${encoding}, and Latchkey needs UTF8: make another with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.`;
  if (isToMigrate && !exists && !mayCreate)
    return `The database user may not make a schema: GRANT CREATE ON DATABASE "${database}" TO "${user}".`;
  return undefined;
}
