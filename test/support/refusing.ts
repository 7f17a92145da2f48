import type { TestLatchkey } from './latchkey';

/** While `work` runs, PostgreSQL refuses this of a table, and says so in words no caller may see. */
export async function refusing<Result>(
  { dataSource }: TestLatchkey,
  { event, table, words = 'words of the database' }: { event: string; table: string; words?: string },
  work: () => Promise<Result>,
): Promise<Result> {
  await dataSource.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '${words} %', row_to_json(NEW) USING DETAIL = '${words}', HINT = '${words}'; END $$;
    CREATE TRIGGER refuse BEFORE ${event} ON latchkey.${table} FOR EACH ROW EXECUTE FUNCTION refuse()`);
  try {
    return await work();
  } finally {
    await dataSource.query(`DROP TRIGGER refuse ON latchkey.${table}; DROP FUNCTION refuse()`);
  }
}
