import { DataDirectory } from './data-directory';
import { EmbeddedPostgresKeeper } from '../embedded-postgres/embedded-postgres-keeper';
import { removeOtherDatabases } from './environment';
import type { Environment } from './environment-table';

/** A database to run on, and a function that lets go of it. */
export interface Home {
  readonly url: string;
  readonly authSecret: string;
  /** Undefined on the operator's own database. */
  readonly directory?: DataDirectory;
  release(): Promise<void>;
}

/**
 * Opens the operator's database if `DATABASE_URL` names one, otherwise the built-in one. Only this function knows the
 * difference.
 */
export async function openHome(environment: Environment): Promise<Home> {
  const { DATABASE_URL: url, LATCHKEY_AUTH_SECRET: secret, LATCHKEY_PG_USER: account } = environment;
  if (url !== undefined && secret !== undefined) {
    return { url, authSecret: secret, release: () => Promise.resolve() };
  }
  removeOtherDatabases();
  const directory = new DataDirectory(environment.LATCHKEY_DATA_DIR);
  const authSecret = secret ?? directory.authSecret();
  const postgres = await EmbeddedPostgresKeeper.start({ dir: directory.postgres, account, record: directory.record });
  return { url: postgres.url, authSecret, directory, release: () => postgres.stop() };
}
