import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { migrateLatchkey } from '../src';
import { administrate } from './support/administrate';
import { onDatabase } from './support/urls';

const SERVER = process.env.LATCHKEY_TEST_SERVER!;

describe('a database that cannot hold what Latchkey keeps', () => {
  const name = `latchkey_unfit_${process.env.JEST_WORKER_ID}`;
  afterEach(() => administrate(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));

  it.each(['LATIN1', 'SQL_ASCII'])(
    'is refused when it is encoded in %s, and nothing is written into it',
    async (encoding) => {
      await administrate(`CREATE DATABASE ${name} ENCODING '${encoding}' LOCALE 'C' TEMPLATE template0`);
      const url = onDatabase(SERVER, name);
      const dataSource = new DataSource({ type: 'postgres', url });
      for (const location of [{ url }, { dataSource }])
        await expect(migrateLatchkey(location)).rejects.toThrow(`encoded in ${encoding}, and Latchkey needs UTF8`);
      await dataSource.initialize();
      expect(await dataSource.query("SELECT 1 FROM pg_namespace WHERE nspname = 'latchkey'")).toEqual([]);
      await dataSource.destroy();
    },
  );

  it('is refused with the right that its user lacks', async () => {
    const role = `${name}_user`;
    await administrate(`CREATE DATABASE ${name}`, `CREATE ROLE ${role} NOLOGIN`);
    const url = `${onDatabase(SERVER, name)}${SERVER.includes('?') ? '&' : '?'}options=-c%20role%3D${role}`;
    await expect(migrateLatchkey({ url })).rejects.toThrow(`GRANT CREATE ON DATABASE "${name}" TO "${role}"`);
    await administrate(`DROP DATABASE ${name} WITH (FORCE)`, `DROP ROLE ${role}`);
  });
});
