import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Account } from './account';
import type { Binaries } from './binaries';
import { type CommandResult, run } from './command';
import { EmbeddedPostgresError, errorCode, unusableDirectory } from './errors';
import type { Layout } from './layout';

const UNFINISHED_PREFIX = 'init-';

/** Only for the holder of the start lock. Afterwards the data directory can be served by these binaries. */
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

function clusterVersion(dataDir: string): string | undefined {
  try {
    return fs.readFileSync(path.join(dataDir, 'PG_VERSION'), 'utf8').trim();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Made under another name first: a process killed meanwhile leaves no half-made database. */
async function createCluster(layout: Layout, binaries: Binaries, account: Account | undefined): Promise<void> {
  for (const name of fs.readdirSync(layout.dir)) {
    if (name.startsWith(UNFINISHED_PREFIX)) fs.rmSync(path.join(layout.dir, name), { recursive: true, force: true });
  }
  const unfinished = path.join(layout.dir, `${UNFINISHED_PREFIX}${process.pid}`);
  try {
    await fillCluster(unfinished, layout, binaries, account);
    moveInPlace(unfinished, layout);
  } finally {
    fs.rmSync(unfinished, { recursive: true, force: true });
  }
}

async function fillCluster(
  unfinished: string,
  { dir }: Layout,
  { initdb, postgres }: Binaries,
  account: Account | undefined,
): Promise<void> {
  const encoding = ['-E', 'UTF8', '--no-locale'];
  const access = ['-U', 'latchkey', '--auth=trust'];
  requireSuccess(dir, await run(initdb, ['-D', unfinished, ...access, ...encoding, '--no-instructions'], { account }));
  // The application's database has to be there for the very first connection.
  const input = 'CREATE DATABASE latchkey;\n';
  requireSuccess(dir, await run(postgres, ['--single', '-D', unfinished, 'postgres'], { account, input }));
}

/** A single-user server goes on after an error and exits with 0, so its words count as well. */
function requireSuccess(dir: string, { exitCode, stderr }: CommandResult): void {
  const complaint = stderr.split('\n').findLast((line) => /\b(error|FATAL|PANIC|ERROR):/.test(line));
  if (exitCode === 0 && complaint === undefined) return;
  if (/No space left on device/.test(stderr)) throw unusableDirectory(dir, 'ENOSPC', new Error(stderr));
  throw new Error(complaint?.replace(/^.*\b(?=(error|FATAL|PANIC|ERROR):)/, '') ?? `exit code ${exitCode}`);
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
  // A rename outlives a power cut only when the directory that holds the name has been written out.
  const parent = fs.openSync(layout.dir, 'r');
  fs.fsyncSync(parent);
  fs.closeSync(parent);
}
