import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { serverEnvironment } from './command';
import { errorCode } from './errors';
import { type Layout, PORT } from './layout';
import { overwritePlainFile, readPlainFile } from './plain-files';

/** The content of `postmaster.pid`, in which the server describes itself. */
export interface Postmaster {
  pid: number;
  socketDir: string;
  ready: boolean;
}

// Higher than any process id of a supported system, so PostgreSQL never finds a process with it.
const UNUSED_PID = 2_147_483_646;

/** The live server of the data directory, whether it is starting, ready or stopping. */
export function livePostmaster(dataDir: string): Postmaster | undefined {
  const lines = readPlainFile(path.join(dataDir, 'postmaster.pid'))?.toString().split('\n') ?? [];
  // A single-user server writes its process id negated.
  const pid = Math.abs(Number(lines[0]));
  if (!Number.isSafeInteger(pid) || pid === 0 || !serves(pid, dataDir)) return undefined;
  return { pid, socketDir: lines[4] ?? '', ready: lines[7]?.trim() === 'ready' };
}

/** Whether the data directory's server runs, checked so cheaply that it can be checked all the time. */
export function isServed(dataDir: string): boolean {
  if (process.platform === 'linux') return livePostmaster(dataDir) !== undefined;
  const pid = namedProcess(dataDir);
  return pid !== undefined && isAlive(pid);
}

/** A single-user server writes its process id negated. */
function namedProcess(dataDir: string): number | undefined {
  const pid = Math.abs(Number(readPlainFile(path.join(dataDir, 'postmaster.pid'))?.toString().split('\n')[0]));
  return Number.isSafeInteger(pid) && pid !== 0 ? pid : undefined;
}

/**
 * The process id that the data directory names as its server's, if no process here is that server. The server has died, or runs
 * where this process cannot see it, in another container.
 */
export function unseenPostmaster(dataDir: string): number | undefined {
  const pid = namedProcess(dataDir);
  return pid === undefined || pid === UNUSED_PID || serves(pid, dataDir) ? undefined : pid;
}

/** The process id alone proves nothing: it may be a zombie's, or belong to another process by now. */
function serves(pid: number, dataDir: string): boolean {
  if (process.platform === 'linux') {
    const isNamed = readCommandLine(pid)?.split('\0').includes(dataDir) ?? false;
    // The file belongs to the account: it may name a process of root that merely works on the directory.
    return isNamed && ownerOf(`/proc/${pid}`) === ownerOf(dataDir);
  }
  return isAlive(pid) && psCommandLine(pid).includes(dataDir);
}

function ownerOf(file: string): number | undefined {
  return fs.statSync(file, { throwIfNoEntry: false })?.uid;
}

function readCommandLine(pid: number): string | undefined {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ESRCH') return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return false;
    if (errorCode(error) === 'EPERM') return true;
    throw error;
  }
}

function psCommandLine(pid: number): string {
  try {
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], {
      encoding: 'utf8',
      env: serverEnvironment(),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch (error) {
    // `ps` exits with 1 when the process has ended in the meantime.
    if (typeof error === 'object' && error !== null && Reflect.get(error, 'status') === 1) return '';
    throw error;
  }
}

/**
 * PostgreSQL refuses to start when the process id of a leftover lock file belongs to any live process of its account or to a
 * zombie, which is normal in containers. Only for the holder of the start lock, when no server is alive.
 */
export function disarmStaleLocks(layout: Layout): void {
  const pidFile = path.join(layout.dataDir, 'postmaster.pid');
  const content = readPlainFile(pidFile)?.toString();
  if (content?.trim() === '') fs.rmSync(pidFile);
  else if (content !== undefined) replaceProcessId(pidFile, content);
  for (const name of [`.s.PGSQL.${PORT}`, `.s.PGSQL.${PORT}.lock`]) {
    fs.rmSync(path.join(layout.socketDir, name), { force: true });
  }
}

/**
 * The rest of the file stays, because PostgreSQL finds in it the shared memory of the dead server. It refuses to start while
 * one of that server's backends survives: both would write to the same files and destroy them.
 */
function replaceProcessId(pidFile: string, content: string): void {
  // The new content is never shorter, so overwriting leaves nothing behind, and the file is empty at no moment.
  overwritePlainFile(pidFile, content.replace(/^[^\n]*/, String(UNUSED_PID)));
}
