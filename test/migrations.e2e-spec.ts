import { DataSource } from 'typeorm';
import { LATCHKEY_MIGRATIONS } from '../migrations';
import { AddKeys1766300000000 } from '../migrations/1766300000000-add-keys';
import { latchkeyDataSourceOptions } from '../src/database/connections/data-source-options';
import { ensureSchema, migrateLatchkey } from '../src/database/migrator';
import { administrate } from './support/administrate';
import { onDatabase } from './support/urls';

describe('the migrations', () => {
  const name = `latchkey_migrations_${process.env.JEST_WORKER_ID}`;
  const url = onDatabase(process.env.LATCHKEY_TEST_SERVER!, name);
  let dataSource: DataSource;

  beforeEach(async () => {
    await administrate(`CREATE DATABASE ${name}`);
    dataSource = await new DataSource(latchkeyDataSourceOptions({ url })).initialize();
  });
  afterEach(async () => {
    await dataSource.destroy();
    await administrate(`DROP DATABASE ${name} WITH (FORCE)`);
  });

  const difference = async () =>
    (await dataSource.driver.createSchemaBuilder().log()).upQueries.map(({ query }) => query);
  const tables = async () =>
    (
      await dataSource.query<{ name: string }[]>(
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'latchkey' ORDER BY 1",
      )
    ).map((row) => row.name);

  const functions = () =>
    dataSource.query("SELECT routine_name FROM information_schema.routines WHERE routine_schema = 'latchkey'");

  it('make exactly what the entities say, come undone without a trace, and can be done again', async () => {
    await ensureSchema(dataSource);
    await dataSource.runMigrations();
    expect(await difference()).toEqual([]);

    for (let left = dataSource.migrations.length; left > 0; left -= 1) await dataSource.undoLastMigration();
    expect(await tables()).toEqual(['latchkey_migrations']);
    expect(await functions()).toEqual([]);

    await dataSource.runMigrations();
    expect(await difference()).toEqual([]);
  });

  it('run once each when five start on one empty database at the same time', async () => {
    await Promise.all(Array.from({ length: 5 }, () => migrateLatchkey({ url })));

    const rows = await dataSource.query<{ name: string }[]>('SELECT name FROM latchkey.latchkey_migrations');
    expect(rows.map((row) => row.name)).toEqual(dataSource.migrations.map((migration) => migration.name));
    expect(await difference()).toEqual([]);
  });

  // Seen red: the statements of the migration in one transaction without an end of waiting.
  it('that add keys let requests through while a long transaction keeps them waiting', async () => {
    const before = LATCHKEY_MIGRATIONS.slice(0, LATCHKEY_MIGRATIONS.indexOf(AddKeys1766300000000));
    const older = await new DataSource({ ...latchkeyDataSourceOptions({ url }), migrations: before }).initialize();
    await ensureSchema(older);
    await older.runMigrations();
    await older.destroy();
    const long = dataSource.createQueryRunner();
    await long.startTransaction();
    await long.query('SELECT FROM latchkey.identity_access_tokens');
    const migrated = dataSource.runMigrations();
    for (let reads = 0; reads < 4; reads += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      await dataSource.query('SELECT FROM latchkey.identity_access_tokens');
    }
    expect(long.isTransactionActive).toBe(true);
    await long.commitTransaction();
    await long.release();
    await migrated;
    expect(await difference()).toEqual([]);
  });

  it('name every constraint and index the way the house does', async () => {
    await ensureSchema(dataSource);
    await dataSource.runMigrations();

    const rows = await dataSource.query<{ name: string }[]>(`
      SELECT conname AS name FROM pg_constraint
       WHERE connamespace = 'latchkey'::regnamespace AND contype <> 'n' AND conparentid = 0
      UNION SELECT relname FROM pg_class
       WHERE relnamespace = 'latchkey'::regnamespace AND relkind IN ('i', 'I') AND NOT relispartition`);
    expect(rows.length).toBeGreaterThan(20);
    const others = rows.map((row) => row.name).filter((text) => !/^(pk|uq|fk|ix|ck)_/.test(text));
    // TypeORM names the key of its own table.
    expect(others.filter((text) => !text.startsWith('PK_'))).toEqual([]);
  });
});
