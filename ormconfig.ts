import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from './src/database/data-source-options';
import { readEnvironment } from './src/server/environment';
import { openHome } from './src/server/home';

/** For the TypeORM command line, which awaits it. It is given the server's database, whichever that is. */
export default openHome(readEnvironment()).then(({ url }) => new DataSource(dataSourceOptions(url)));
