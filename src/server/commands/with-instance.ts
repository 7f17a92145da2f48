import { existsSync } from 'node:fs';
import * as path from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { LatchkeyError } from '../../common/errors/latchkey.error';
import type * as Migrator from '../../database/migrator';
import { logLevels, readEnvironment } from '../environment';
import type { Environment } from '../environment-table';
import { type Home, openHome } from '../home';
import type * as Application from '../application';
import { loadApplication, optionsOf } from '../run';
import { ServerLogger } from '../server-logger';
import { StartError } from '../start-error';

/**
 * Acts on the installation that the settings of the server name, whether a server runs on it or not. The built-in database is
 * joined if it runs, otherwise started and stopped again. Nothing is served.
 *
 * @throws StartError
 */
export async function withInstance<T>(
  act: (app: INestApplicationContext, application: typeof Application) => Promise<T>,
): Promise<T> {
  return withHome(async (home, environment) => {
    const application = await loadApplication();
    const { NestFactory, ServerModule } = application;
    const { database, ...options } = optionsOf(environment, home);
    // Not one of the serving nodes: it runs no maintenance, and does not listen for changes.
    const module = ServerModule.with({ ...options, database: { ...database, pushUrl: false }, maintenance: false });
    const logger = new CommandLogger(logLevels(environment));
    const app = await NestFactory.createApplicationContext(module, { logger, abortOnError: false });
    try {
      return await act(app, application);
    } finally {
      await app.close();
    }
  });
}

/**
 * The same without the application: the database is opened, and its schema is left as it is.
 *
 * @throws StartError
 */
export async function withHome<T>(act: (home: Home, environment: Environment) => Promise<T>): Promise<T> {
  const environment = readEnvironment();
  requireInstance(environment);
  const home = await openHome(environment);
  try {
    return await act(home, environment);
  } catch (error) {
    throw error instanceof LatchkeyError ? new StartError(error.message, { cause: error }) : error;
  } finally {
    await home.release();
  }
}

/** The migrations, without the application: commands that serve nothing load no more. */
export const loadMigrator = (): Promise<typeof Migrator> => import('../../database/migrator.js');

/** Files that only a start leaves there. */
const TRACES = ['auth-secret', 'bootstrap.json', 'database.json', 'postgres/data/PG_VERSION'];

/** A mistyped directory must not become an installation. */
function requireInstance({ DATABASE_URL, LATCHKEY_DATA_DIR: directory }: Environment): void {
  if (DATABASE_URL !== undefined || TRACES.some((name) => existsSync(path.join(directory, name)))) return;
  throw new StartError(
    `No server has been started with the data directory ${path.resolve(directory)}: set LATCHKEY_DATA_DIR, or DATABASE_URL and ` +
      'LATCHKEY_AUTH_SECRET, as the server has them.',
  );
}

/** Standard output is for the result of the command. */
class CommandLogger extends ServerLogger {
  protected override printAsJson(message: unknown, options: Parameters<ServerLogger['printAsJson']>[1]): void {
    super.printAsJson(message, { ...options, writeStreamType: 'stderr' });
  }
}
