import { existsSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { appliedMigrations, readEveryRow } from '../../database/inspection';
import { restoreCluster } from '../../embedded-postgres/restored-cluster';
import { ARCHIVE, Backup, type BackupFacts } from '../backup-directory';
import { DataDirectory } from '../data-directory';
import { readEnvironment } from '../environment';
import type { Environment } from '../environment-table';
import { openHome } from '../home';
import { StartError } from '../start-error';
import { type Command, type Given, JSON_FLAG } from './command';
import { sayAll } from './shown-once';

/** The way back from `backup`. */
export const RESTORE: Command = {
  name: 'restore',
  summary: 'make an installation of a backup, and check it',
  help: `Puts a backup into LATCHKEY_DATA_DIR, which must be missing or empty, and checks it.

Every file is compared with its hash before anything is written. Afterwards the database is started, which replays its
log, and every row of every table is read. The schema is left as it is: the next start migrates it, if it is older.

Tokens and client secrets that were revoked since the backup are valid again. If you do not know which those are, run
refuse-issued-before with the time of the restore.`,
  options: [JSON_FLAG],
  operands: [{ flags: '<directory>', help: 'what backup has made' }],
  exits: ['the installation is restored, and was read as a whole', 'it is not'],
  run: restore,
};

async function restore(_say: unknown, { options, operands }: Given): Promise<void> {
  const environment = readEnvironment();
  if (environment.DATABASE_URL !== undefined)
    throw new StartError(
      'restore makes a built-in database: leave DATABASE_URL out, or use pg_restore for that database.',
    );
  const dir = path.resolve(environment.LATCHKEY_DATA_DIR);
  requireNothingIn(dir);
  const backup = new Backup(path.resolve(operands[0]!));
  const rows = await restoreTo(new DataDirectory(dir), backup, environment);
  const result = { directory: dir, takenAt: backup.facts.takenAt, rows };
  sayAll(options.json === true ? JSON.stringify(result) : inWords(result));
}

async function restoreTo(directory: DataDirectory, backup: Backup, environment: Environment): Promise<Rows> {
  directory.restoreFiles(backup.contents());
  try {
    await restoreCluster(directory.postgres, environment.LATCHKEY_PG_USER, backup.pathOf(ARCHIVE));
    return await check(environment, backup.facts);
  } catch (error) {
    directory.discardRestored();
    throw error;
  }
}

type Rows = Record<string, number>;

function requireNothingIn(dir: string): void {
  if (!existsSync(dir) || readdirSync(dir).every((name) => name === 'lost+found')) return;
  throw new StartError(`The data directory ${dir} is not empty: move it away, or set LATCHKEY_DATA_DIR to another.`);
}

/** Starts the database as the server would, and reads every row: PostgreSQL compares the checksum of each page. */
async function check(environment: Environment, { schema }: BackupFacts): Promise<Rows> {
  const home = await openHome(environment);
  try {
    if ((await appliedMigrations(home.url)).at(-1) !== (schema ?? undefined))
      throw new StartError(`The restored schema is not that of the backup (${schema}): use another backup.`);
    return await readEveryRow(home.url);
  } finally {
    await home.release();
  }
}

interface Restored {
  readonly directory: string;
  readonly takenAt: string;
  readonly rows: Rows;
}

function inWords({ directory, takenAt, rows }: Restored): string {
  const all = Object.values(rows).reduce((sum, count) => sum + count, 0);
  return [
    `Restored to ${directory}: ${all} rows of ${Object.keys(rows).length} tables were read.`,
    `It is as it was when the backup was begun, at ${takenAt}, or a moment later.`,
    'Tokens and client secrets that were revoked since then are valid again. If you do not know which those are, run',
    `  latchkey refuse-issued-before ${new Date().toISOString()} --client-secrets`,
  ].join('\n');
}
