import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Account } from './account';
import { EmbeddedPostgresError, errorCode } from './errors';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants;

/** Node's own recursive mkdir reports a read-only file system as a missing directory. */
export function makeDirectory(dir: string, mode?: number): void {
  if (isDirectory(dir)) return;
  makeDirectory(path.dirname(dir));
  try {
    fs.mkdirSync(dir, mode);
  } catch (error) {
    // Another process may have been first.
    if (errorCode(error) !== 'EEXIST' || !isDirectory(dir)) throw error;
  }
}

function isDirectory(file: string): boolean {
  return fs.statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/**
 * Makes a directory belong to this process's account, whichever of the two accounts had it. Only its owner can put names into
 * it, so its content does not change while it is looked at. The lent account may pass through, and no more.
 */
export function keepDirectory(dir: string, account: Account | undefined): void {
  makeDirectory(dir, 0o700);
  setOwner(dir, { uid: process.geteuid?.(), gid: process.getegid?.() }, account, account === undefined ? 0o700 : 0o711);
}

/** Makes a directory belong to the account. Only for a name in a directory that `keepDirectory` has taken. */
export function lendDirectory(dir: string, account: Account | undefined): void {
  // A link, which only the account can have made while the surrounding directory belonged to the account.
  if (fs.lstatSync(dir, { throwIfNoEntry: false })?.isSymbolicLink()) fs.unlinkSync(dir);
  makeDirectory(dir, 0o700);
  const owner = account ?? { uid: process.geteuid?.(), gid: process.getegid?.() };
  setOwner(dir, owner, account, 0o700);
}

/** By descriptor, so that the file that was looked at is the file that is changed. */
function setOwner(
  dir: string,
  owner: { uid: number | undefined; gid: number | undefined },
  account: Account | undefined,
  mode: number,
): void {
  const descriptor = fs.openSync(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    const stats = fs.fstatSync(descriptor);
    requireKnownOwner(dir, stats.uid, account);
    if (owner.uid !== undefined && stats.uid !== owner.uid) changeOwner(dir, descriptor, owner.uid, owner.gid ?? 0);
    // The umask only ever removes bits from the mode that was passed to mkdir.
    if ((stats.mode & 0o7777) !== mode) fs.fchmodSync(descriptor, mode);
  } finally {
    fs.closeSync(descriptor);
  }
}

function requireKnownOwner(dir: string, uid: number, account: Account | undefined): void {
  if (uid === process.geteuid?.() || uid === account?.uid || process.geteuid === undefined) return;
  throw new EmbeddedPostgresError(
    `The directory ${dir} belongs to the user with id ${uid}, so run Latchkey as that user, ` +
      'give the directory to the one that runs Latchkey, or set LATCHKEY_DATA_DIR to another.',
  );
}

function changeOwner(dir: string, descriptor: number, uid: number, gid: number): void {
  try {
    fs.fchownSync(descriptor, uid, gid);
  } catch (error) {
    const code = errorCode(error);
    // A root without the capability, or in a user namespace that maps no other account.
    if (code !== 'EPERM' && code !== 'EINVAL') throw error;
    throw new EmbeddedPostgresError(
      `PostgreSQL does not run as root and this root may not change the owner of ${dir} (${code}), ` +
        'so run Latchkey as an ordinary user or set DATABASE_URL to a PostgreSQL server.',
      { cause: error },
    );
  }
}

/**
 * Leaves a plain file or named pipe that belongs to Latchkey, or no name at all. Releases up to 0.1 kept log and lock in a
 * directory that the account could write to, where it may have put a link or a second name of any file of the machine.
 */
export function requireOwnName(file: string, isWanted: (stats: fs.Stats) => boolean): void {
  const stats = fs.lstatSync(file, { throwIfNoEntry: false });
  if (stats === undefined || (isWanted(stats) && stats.nlink === 1)) return;
  if (!stats.isDirectory()) return fs.unlinkSync(file);
  throw new EmbeddedPostgresError(
    `There is a directory at ${file}, where a file of Latchkey belongs, so move it away.`,
  );
}
