import type { DataSource, EntityManager, QueryRunner } from 'typeorm';

/** The schema of Latchkey's tables, unless the host chooses another one. */
export const DEFAULT_SCHEMA = 'latchkey';

const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,62}$/;

/** Whether a text can name the schema: lower case letters, digits and underscores, and not a name that PostgreSQL reserves. */
export function isSchemaName(text: unknown): boolean {
  return typeof text === 'string' && SCHEMA_NAME.test(text) && !/^(pg_|information_schema$)/.test(text);
}

/**
 * Raw SQL names Latchkey's tables `latchkey.<table>`, so that people can read it and run it by hand. This function puts them
 * into the schema of a data source. Every statement is qualified: a `search_path` would not survive a pooler in transaction
 * mode.
 */
export function inSchemaOf(of: SchemaSource, sql: string): string {
  // TypeORM 1 names this property `dataSource`, and TypeORM 0.3 names it `connection`.
  const { dataSource, connection } = of as { dataSource?: HasOptions; connection?: HasOptions };
  const { options } = dataSource ?? connection ?? (of as HasOptions);
  const { schema = DEFAULT_SCHEMA } = options as { schema?: string };
  return inSchema(sql, schema);
}

type HasOptions = Pick<DataSource, 'options'>;

/** An object of TypeORM that knows the schema of Latchkey's tables. */
export type SchemaSource = HasOptions | EntityManager | QueryRunner;

export function inSchema(sql: string, schema: string): string {
  // Quoted, because it may be a word of SQL: `user`.
  return schema === DEFAULT_SCHEMA ? sql : sql.replaceAll(`${DEFAULT_SCHEMA}.`, `"${schema}".`);
}

/**
 * A condition for statements outside of a transaction. It fails with SQLSTATE 42501 if row-level security hides rows. It must not
 * stand beside conditions on a table: if the policy is a plain `false`, PostgreSQL evaluates no other condition.
 */
export const SEES_ALL_ROWS = `${DEFAULT_SCHEMA}.sees_all_rows()`;

/** To be called when a query found nothing. @throws QueryFailedError (SQLSTATE 42501) if row-level security hides rows. */
export async function requireAllRows(dataSource: Pick<DataSource, 'options' | 'query'>): Promise<void> {
  await dataSource.query(inSchemaOf(dataSource, `SELECT ${SEES_ALL_ROWS}`));
}
