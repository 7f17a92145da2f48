import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { type Account, canEnter } from './account';
import { asUser, EmbeddedPostgresError } from './errors';
import { keepDirectory, lendDirectory, makeDirectory, requireOwnName } from './own-directory';

/**
 * The paths of one server. `dir` belongs to Latchkey, and so do the files that it writes there: log, lock and lifeline. The
 * account that runs the server owns two directories in it, `data` and `run`, and nothing else.
 */
export interface Layout {
  dir: string;
  dataDir: string;
  /** Where the account may write: the socket, and receipts of the watchdog. */
  runDir: string;
  /** The same path as seen by the server, whose working directory is the data directory. */
  runFromData: string;
  /** Where the server creates its socket, as the server sees it. */
  listenDir: string;
  /** Where a client in this process finds the socket. */
  socketDir: string;
  lifeline: string;
  startLock: string;
  logFile: string;
}

/** Places of root that every account may enter, for a checkout that only root may enter. */
export const SYSTEM_DIR = '/var/lib';
export const PORT = '5432';

const IS_LINUX = process.platform === 'linux';
/** The shortest limits of the supported systems, without the terminating zero. */
const SOCKET_PATH_MAX_BYTES = IS_LINUX ? 107 : 103;

export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 10);
}

export async function prepareLayout(requestedDir: string, account: Account | undefined): Promise<Layout> {
  const dir = canonicalPath(requestedDir);
  const found = path.join(dir, 'data');
  // Checked before anything is changed: a server of another account may be running on it.
  if (account !== undefined) refuseUsersDirectory(dir);
  refuseForeignData(found, account);
  keepDirectory(dir, account);
  const dataDir = followOwnLink(found);
  const runDir = path.join(dir, 'run');
  lendDirectory(runDir, account);
  await requireWay(dir, account);
  const runFromData = path.relative(dataDir, runDir);
  return {
    dir,
    dataDir,
    runDir,
    runFromData,
    ...socketDirs(runDir, runFromData, account),
    ...ownNames(dir),
  };
}

function ownNames(dir: string): Pick<Layout, 'lifeline' | 'startLock' | 'logFile'> {
  const names = {
    lifeline: path.join(dir, 'alive'),
    startLock: path.join(dir, 'lock'),
    logFile: path.join(dir, 'log'),
  };
  requireOwnName(names.lifeline, (stats) => stats.isFIFO());
  for (const file of [names.startLock, names.logFile]) {
    requireOwnName(file, (stats) => stats.isFile() && stats.uid === (process.geteuid?.() ?? stats.uid));
  }
  return names;
}

/** One name per directory: names are hashed, and two processes must get the same hash. */
export function canonicalPath(dir: string): string {
  const parent = path.dirname(path.resolve(dir));
  makeDirectory(parent);
  return followOwnLink(path.join(fs.realpathSync(parent), path.basename(path.resolve(dir))));
}

/**
 * In a directory that many accounts may write to, the link may have been made by another account than the one that runs
 * Latchkey.
 */
function followOwnLink(file: string): string {
  const stats = fs.lstatSync(file, { throwIfNoEntry: false });
  if (!stats?.isSymbolicLink()) return file;
  if ([0, process.geteuid?.()].includes(stats.uid)) return fs.realpathSync(file);
  throw new EmbeddedPostgresError(
    `${file} is a link that the user with id ${stats.uid} made, so remove it or set LATCHKEY_DATA_DIR to another directory.`,
  );
}

function refuseForeignData(dataDir: string, account: Account | undefined): void {
  const owner = fs.statSync(dataDir, { throwIfNoEntry: false })?.uid;
  if (owner === undefined || owner === (account?.uid ?? process.geteuid?.())) return;
  throw new EmbeddedPostgresError(
    `The database in ${dataDir} belongs to the user with id ${owner} and not to ` +
      (account === undefined
        ? 'the one running Latchkey, so run Latchkey as that user.'
        : `the account "${account.name}", so set LATCHKEY_PG_USER to that user.`),
  );
}

/**
 * The account that runs Latchkey makes the lock. Root would take the directory away from that account, which then could not
 * start any more.
 */
function refuseUsersDirectory(dir: string): void {
  const lock = fs.lstatSync(path.join(dir, 'lock'), { throwIfNoEntry: false });
  if (lock === undefined || !lock.isFile() || lock.uid === 0) return;
  throw new EmbeddedPostgresError(
    `The user with id ${lock.uid} runs Latchkey on ${dir}, and root would take it away, so run Latchkey as that user` +
      `${asUser(lock)}.`,
  );
}

/**
 * On Linux the server is put into its data directory before it becomes the account, and never names the directory by its path:
 * the directories above may be closed to the account. Other systems have no such name for the working directory.
 */
async function requireWay(dir: string, account: Account | undefined): Promise<void> {
  if (IS_LINUX || (await canEnter(dir, account))) return;
  throw new EmbeddedPostgresError(
    `The account "${account?.name}", which runs PostgreSQL, may not enter ${dir}, so let it pass through the directories ` +
      'above (chmod o+x) or set LATCHKEY_DATA_DIR to a place where it may.',
  );
}

/** The server's name for its data directory, which is its working directory. */
export function dataDirArguments(dataDir: string): string[] {
  // The last one counts. The first is for people, and for Latchkey: it identifies a process that serves this directory.
  return IS_LINUX ? ['-D', dataDir, '-D', '/proc/self/cwd'] : ['-D', dataDir];
}

function socketDirs(
  runDir: string,
  runFromData: string,
  account: Account | undefined,
): Pick<Layout, 'listenDir' | 'socketDir'> {
  const isShort = Buffer.byteLength(path.join(runDir, `.s.PGSQL.${PORT}`)) <= SOCKET_PATH_MAX_BYTES;
  if (isShort) return { listenDir: runFromData, socketDir: runDir };
  if (IS_LINUX) return { listenDir: runFromData, socketDir: shortName(runDir) };
  const short = shortSocketDir(runDir, account);
  return { listenDir: short, socketDir: short };
}

const held = new Map<string, number>();

/** A short name for a directory, valid as long as this process lives. No other account can have made it, or can change it. */
function shortName(dir: string): string {
  const before = held.get(dir);
  const isSame = before !== undefined && fs.fstatSync(before).ino === fs.statSync(dir).ino;
  const descriptor = isSame ? before : fs.openSync(dir, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  held.set(dir, descriptor);
  return `/proc/${process.pid}/fd/${descriptor}`;
}

function shortSocketDir(runDir: string, account: Account | undefined): string {
  const parent = account === undefined ? os.tmpdir() : SYSTEM_DIR;
  const short = path.join(parent, `latchkey-run-${shortHash(path.dirname(runDir))}`);
  makeDirectory(short, 0o700);
  refuseForeign(short, account);
  lendDirectory(short, account);
  return short;
}

/** Every account may create names in the temporary directory, so a directory found there may belong to another account. */
function refuseForeign(dir: string, account: Account | undefined): void {
  const stats = fs.lstatSync(dir);
  const ours = [process.geteuid?.(), account?.uid];
  if (stats.isDirectory() && ours.includes(stats.uid)) return;
  throw new EmbeddedPostgresError(
    `The directory ${dir}, meant for the socket of PostgreSQL, belongs to another user, ` +
      'so remove it or set LATCHKEY_DATA_DIR to a shorter path.',
  );
}
