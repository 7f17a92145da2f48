import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { type Account, canEnter } from './account';
import { EmbeddedPostgresError, errorCode } from './errors';

/** Where everything of one server lies. */
export interface Layout {
  dir: string;
  dataDir: string;
  socketDir: string;
  lifeline: string;
  startLock: string;
  logFile: string;
}

/** Places of root that every account may enter, for a checkout that only root may enter. */
export const SYSTEM_DIR = '/var/lib';
export const PORT = '5432';

// The shortest limit of the supported systems (macOS), without the terminating zero.
const SOCKET_PATH_MAX_BYTES = 103;

export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 10);
}

export async function prepareLayout(requestedDir: string, account: Account | undefined): Promise<Layout> {
  const requested = canonicalPath(requestedDir);
  const reachable = await canEnter(path.dirname(requested), account);
  const dir = reachable ? requested : path.join(SYSTEM_DIR, `latchkey-${shortHash(requested)}`);
  const dataDir = path.join(dir, 'data');
  makeDirectory(dir);
  // Before anything is handed over: a server of another account may be running on it.
  refuseForeignData(dataDir, account);
  makePrivate(dir, account);
  return {
    dir,
    dataDir,
    socketDir: prepareSocketDir(dir, account),
    lifeline: path.join(dir, 'alive'),
    startLock: path.join(dir, 'lock'),
    logFile: path.join(dir, 'log'),
  };
}

/** One name per directory: names are hashed, and two processes must come to the same hash. */
function canonicalPath(dir: string): string {
  const parent = path.dirname(path.resolve(dir));
  makeDirectory(parent);
  const plain = path.join(fs.realpathSync(parent), path.basename(path.resolve(dir)));
  return fs.existsSync(plain) ? fs.realpathSync(plain) : plain;
}

/** Node's own recursive mkdir reports a read-only file system as a missing directory. */
function makeDirectory(dir: string): void {
  if (isDirectory(dir)) return;
  makeDirectory(path.dirname(dir));
  try {
    fs.mkdirSync(dir);
  } catch (error) {
    // Another process may have been first.
    if (errorCode(error) !== 'EEXIST' || !isDirectory(dir)) throw error;
  }
}

function isDirectory(file: string): boolean {
  return fs.statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function refuseForeignData(dataDir: string, account: Account | undefined): void {
  const owner = fs.statSync(dataDir, { throwIfNoEntry: false })?.uid;
  if (owner === undefined || owner === (account?.uid ?? process.geteuid?.())) return;
  throw new EmbeddedPostgresError(
    `The database in ${dataDir} belongs to the user with id ${owner} and not to ` +
      `${account === undefined ? 'the one running Latchkey' : `the account "${account.name}"`}, ` +
      'so run Latchkey as that user or, as root, set LATCHKEY_PG_USER to it.',
  );
}

function makePrivate(dir: string, account: Account | undefined): void {
  if (account !== undefined) handOver(dir, account);
  fs.chmodSync(dir, 0o700);
}

function handOver(dir: string, account: Account): void {
  try {
    fs.chownSync(dir, account.uid, account.gid);
  } catch (error) {
    const code = errorCode(error);
    // A root without the capability, or of a user namespace that maps no other account.
    if (code !== 'EPERM' && code !== 'EINVAL') throw error;
    throw new EmbeddedPostgresError(
      `PostgreSQL does not run as root and this root may not give ${dir} to the account "${account.name}" (${code}), ` +
        'so run Latchkey as an ordinary user or set DATABASE_URL to a PostgreSQL server.',
      { cause: error },
    );
  }
}

function prepareSocketDir(dir: string, account: Account | undefined): string {
  const own = path.join(dir, 'run');
  if (Buffer.byteLength(path.join(own, `.s.PGSQL.${PORT}`)) <= SOCKET_PATH_MAX_BYTES) {
    makeDirectory(own);
    makePrivate(own, account);
    return own;
  }
  const parent = account === undefined ? os.tmpdir() : SYSTEM_DIR;
  const short = path.join(parent, `latchkey-run-${shortHash(dir)}`);
  makeDirectory(short);
  refuseForeign(short, account);
  makePrivate(short, account);
  return short;
}

/** Anybody may create names in the temporary directory, so a directory found there need not be ours. */
function refuseForeign(dir: string, account: Account | undefined): void {
  const stats = fs.lstatSync(dir);
  const ours = [process.geteuid?.(), account?.uid];
  if (stats.isDirectory() && ours.includes(stats.uid)) return;
  throw new EmbeddedPostgresError(
    `The directory ${dir}, meant for the socket of PostgreSQL, belongs to somebody else, ` +
      'so remove it or set LATCHKEY_DATA_DIR to a shorter path.',
  );
}
