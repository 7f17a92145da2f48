import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { latchkeyDataSourceOptions } from './src/database/connections/data-source-options';
import { ensureSchema } from './src/database/migrator';
import { readEnvironment } from './src/server/environment';
import { openHome } from './src/server/home';

/** For the TypeORM command line, which awaits it. It is given the server's database, whichever that is. */
export default openHome(readEnvironment()).then(async ({ url }) => {
  const dataSource = await new DataSource(latchkeyDataSourceOptions({ url })).initialize();
  await ensureSchema(dataSource);
  // The command line connects anew.
  await dataSource.destroy();
  return dataSource;
});
