import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Account } from './account';
import type { Binaries } from './binaries';
import { type CommandResult, run } from './command';
import { EmbeddedPostgresError, errorCode, unusableDirectory } from './errors';
import { dataDirArguments, type Layout } from './layout';
import { lendDirectory } from './own-directory';
import { readPlainFile } from './plain-files';
import { sharedMemorySettings } from './shared-memory';

const UNFINISHED_PREFIX = 'init-';

/** Only for the holder of the start lock. Afterwards these binaries can serve the data directory. */
export async function ensureCluster(layout: Layout, binaries: Binaries, account: Account | undefined): Promise<void> {
  const version = clusterVersion(layout.dataDir);
  if (version === undefined) return createCluster(layout, binaries, account);
  if (version === binaries.major) return;
  throw new EmbeddedPostgresError(
    `The database in ${layout.dataDir} was made by PostgreSQL ${version} and Latchkey brings PostgreSQL ` +
      `${binaries.major}, so set DATABASE_URL to a PostgreSQL ${version} that serves it, ` +
      'or move it away and restore a dump of it into a new one.',
  );
}

/** Undefined if there is no database. */
function clusterVersion(dataDir: string): string | undefined {
  const file = path.join(dataDir, 'PG_VERSION');
  const version = readPlainFile(file, 64)?.toString().trim();
  if (version === undefined || /^\d[\d.]*$/.test(version)) return version;
  throw new EmbeddedPostgresError(`The file ${file} holds no version, so restore the database from a backup.`);
}

/** A cluster and the number that PostgreSQL gave it at its creation, which no other cluster has; undefined if there is none. */
export interface FoundCluster {
  /** Undefined if it cannot be read; PostgreSQL will say why. */
  systemIdentifier: string | undefined;
}

export function findCluster(dataDir: string): FoundCluster | undefined {
  if (clusterVersion(dataDir) === undefined) return undefined;
  const control = readPlainFile(path.join(dataDir, 'global', 'pg_control'), 8);
  return { systemIdentifier: control?.length === 8 ? String(control.readBigUInt64LE()) : undefined };
}

/** The database is made under another name first: a process killed meanwhile leaves no half-made database. */
async function createCluster(layout: Layout, binaries: Binaries, account: Account | undefined): Promise<void> {
  await fillInPlace(layout, account, (unfinished) => fillCluster(unfinished, layout, binaries, account));
}

/** Fills a new directory that belongs to the account, and renames it to the data directory when it is complete. */
export async function fillInPlace(
  layout: Layout,
  account: Account | undefined,
  fill: (unfinished: string) => Promise<void>,
): Promise<void> {
  for (const name of fs.readdirSync(layout.dir)) {
    if (name.startsWith(UNFINISHED_PREFIX)) await remove(path.join(layout.dir, name), account);
  }
  const unfinished = path.join(layout.dir, `${UNFINISHED_PREFIX}${process.pid}`);
  try {
    lendDirectory(unfinished, account);
    await fill(unfinished);
    moveInPlace(unfinished, layout);
  } finally {
    await remove(unfinished, account);
  }
}

/** Time for an initdb that has outlived its start, and continues to write for a moment. */
const LEFTOVER_WRITES_MS = 20_000;

/**
 * The account itself empties the directory: root, which reads a directory and then removes from it, could be led elsewhere in
 * between.
 */
async function remove(dir: string, account: Account | undefined): Promise<void> {
  const stats = fs.lstatSync(dir, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isDirectory()) return fs.unlinkSync(dir);
  const deadline = Date.now() + LEFTOVER_WRITES_MS;
  do {
    await run('/bin/sh', ['-c', 'rm -rf -- * .[!.]*'], { account, cwd: dir });
  } while (!isRemoved(dir, Date.now() > deadline));
}

/** @throws when the directory is not empty and `isLast`. */
function isRemoved(dir: string, isLast: boolean): boolean {
  try {
    fs.rmdirSync(dir);
    return true;
  } catch (error) {
    if (isLast || !['ENOTEMPTY', 'EEXIST'].includes(errorCode(error) ?? '')) throw error;
    return false;
  }
}

async function fillCluster(
  unfinished: string,
  { dir }: Layout,
  { initdb, postgres }: Binaries,
  account: Account | undefined,
): Promise<void> {
  const here = { account, cwd: unfinished };
  const shared = Object.entries(sharedMemorySettings()).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const encoding = ['-E', 'UTF8', '--no-locale'];
  const access = ['-U', 'latchkey', '--auth=trust', '--no-instructions'];
  const named = dataDirArguments(unfinished);
  requireSuccess(dir, await run(initdb, [...named, ...access, ...encoding, ...shared], here));
  // The application's database must exist for the very first connection.
  const input = 'CREATE DATABASE latchkey;\n';
  requireSuccess(dir, await run(postgres, ['--single', ...named, ...shared, 'postgres'], { ...here, input }));
}

/** A single-user server continues after an error and exits with 0, so its output counts as well. */
function requireSuccess(dir: string, { exitCode, stderr }: CommandResult): void {
  const complaint = stderr.split('\n').findLast((line) => /\b(error|FATAL|PANIC|ERROR):/.test(line));
  if (exitCode === 0 && complaint === undefined) return;
  if (/No space left on device/.test(stderr)) throw unusableDirectory(dir, 'ENOSPC', new Error(stderr));
  if (/could not look up effective user ID/.test(stderr)) throw nameless();
  throw new Error(complaint?.replace(/^.*\b(?=(error|FATAL|PANIC|ERROR):)/, '') ?? `exit code ${exitCode}`);
}

function nameless(): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `PostgreSQL makes a database only for an account that has a name, and the user with id ${process.geteuid?.()} has none, ` +
      'so add that id to /etc/passwd, run Latchkey as an account that is there, or set DATABASE_URL to a PostgreSQL server.',
  );
}

function moveInPlace(unfinished: string, layout: Layout): void {
  try {
    fs.renameSync(unfinished, layout.dataDir);
  } catch (error) {
    if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') throw error;
    throw new EmbeddedPostgresError(
      `The directory ${layout.dataDir} is not empty and holds no PostgreSQL database, so move it away.`,
      { cause: error },
    );
  }
  syncDirectory(layout.dir);
}

/** A rename survives a power cut only when the directory with the name has been written to the disk. */
export function syncDirectory(dir: string): void {
  const descriptor = fs.openSync(dir, 'r');
  fs.fsyncSync(descriptor);
  fs.closeSync(descriptor);
}
