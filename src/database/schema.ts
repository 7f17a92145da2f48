import type { DataSource } from 'typeorm';

/** Where Latchkey's tables are kept, unless the host chooses another schema. */
export const DEFAULT_SCHEMA = 'latchkey';

const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,62}$/;

/** Whether a text can name the schema: lower case letters, digits and underscores, and no name PostgreSQL keeps for itself. */
export function isSchemaName(text: unknown): boolean {
  return typeof text === 'string' && SCHEMA_NAME.test(text) && !/^(pg_|information_schema$)/.test(text);
}

/**
 * Raw SQL names our tables `latchkey.<table>`, so that it can be read, and run by hand; this puts them into the schema of a
 * data source. Every statement is qualified: a `search_path` would not survive a pooler in transaction mode.
 */
export function inSchemaOf(dataSource: Pick<DataSource, 'options'>, sql: string): string {
  const { schema = DEFAULT_SCHEMA } = dataSource.options as { schema?: string };
  return inSchema(sql, schema);
}

export function inSchema(sql: string, schema: string): string {
  // Quoted, for it may be a word of SQL: `user`.
  return schema === DEFAULT_SCHEMA ? sql : sql.replaceAll(`${DEFAULT_SCHEMA}.`, `"${schema}".`);
}

/**
 * A condition that fails (SQLSTATE 42501) where row-level security hides rows, for statements outside of a transaction. Not beside
 * conditions on a table: where the policy is a plain false, PostgreSQL looks at no other one.
 */
export const SEES_ALL_ROWS = `${DEFAULT_SCHEMA}.sees_all_rows()`;

/** For who has found nothing. @throws QueryFailedError (SQLSTATE 42501) where row-level security hides rows */
export async function requireAllRows(dataSource: Pick<DataSource, 'options' | 'query'>): Promise<void> {
  await dataSource.query(inSchemaOf(dataSource, `SELECT ${SEES_ALL_ROWS}`));
}
