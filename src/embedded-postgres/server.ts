import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from './account';
import type { Binaries } from './binaries';
import { spawnAs } from './command';
import { EmbeddedPostgresError, errorCode } from './errors';
import { dataDirArguments, type Layout, PORT } from './layout';
import { openBothEnds, WATCHDOG_SCRIPT } from './lifetime';
import { pollUntil } from './polling';
import { disarmStaleLocks, livePostmaster, type Postmaster } from './postmaster';
import { lastComplaint, openServerLog } from './server-log';
import { sharedMemorySettings } from './shared-memory';

/** Generous, because a server that recovers from a crash is not ready before it has replayed its log. */
export const START_LIMIT_MS = 120_000;
const STOPPING = [
  ['SIGINT', 30_000],
  ['SIGQUIT', 5_000],
  ['SIGKILL', 5_000],
] as const;
/** Time for the watchdog to stop the server. A checkpoint takes longer only if the server has other users. */
const WATCHDOG_STOPS_MS = 3_000;
const RETRY_LIMIT_MS = 15_000;
const RETRY_INTERVAL_MS = 100;

export interface Running {
  postmaster: Postmaster;
  /** The descriptor that keeps the server alive as long as it is open. */
  lifeline: number;
}

export interface ServerSpec {
  layout: Layout;
  binaries: Binaries;
  account: Account | undefined;
  settings: Record<string, string>;
}

type Outcome = { running: Running } | { complaint: string };

const DEFAULT_SETTINGS: Record<string, string> = {
  listen_addresses: '',
  max_connections: '120',
  // Values from the application's rows and parameters stay out of the log.
  log_error_verbosity: 'terse',
  log_parameter_max_length_on_error: '0',
};

/** Only for the holder of the start lock. */
export async function launchServer(spec: ServerSpec): Promise<Running> {
  const retryUntil = Date.now() + RETRY_LIMIT_MS;
  for (;;) {
    await stopUnwatchedServer(spec.layout.dataDir);
    disarmStaleLocks(spec.layout);
    const outcome = await tryLaunch(spec);
    if ('running' in outcome) return outcome.running;
    // The processes of a server that has just been killed take a moment to notice.
    const survivors = /pre-existing shared memory block/.test(outcome.complaint);
    if (!survivors || Date.now() > retryUntil) throw notStarting(spec.layout, outcome.complaint, survivors);
    await sleep(RETRY_INTERVAL_MS);
  }
}

function notStarting(layout: Layout, complaint: string, survivors: boolean): EmbeddedPostgresError {
  const advice = survivors
    ? `so end the processes left of an earlier one and see ${layout.logFile}`
    : `so see why in ${layout.logFile}`;
  return new EmbeddedPostgresError(
    `The PostgreSQL in ${layout.dir} does not start, ${advice}, which ends with "${complaint}".`,
  );
}

/** A server whose watchdog is gone is stopping already, or would never stop. */
async function stopUnwatchedServer(dataDir: string): Promise<void> {
  const found = livePostmaster(dataDir);
  if (found === undefined) return;
  // First fast, then without a checkpoint, then as a frozen server has to be stopped. Committed changes are in its log in any
  // case.
  for (const [signal, limitMs] of STOPPING) {
    kill(found.pid, signal);
    if (await hasStopped(dataDir, limitMs)) return;
  }
  throw new EmbeddedPostgresError(
    `An earlier PostgreSQL (process ${found.pid}) still uses ${dataDir}, so end it and start Latchkey again.`,
  );
}

/** Waits for a server that its watchdog stops, and stops it if no watchdog is left to do so. */
export async function stopLeftover(dataDir: string, isWatched: () => boolean): Promise<void> {
  if ((await hasStopped(dataDir, WATCHDOG_STOPS_MS)) || isWatched()) return;
  await stopUnwatchedServer(dataDir);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

async function hasStopped(dataDir: string, limitMs: number): Promise<boolean> {
  const isGone = (): true | undefined => (livePostmaster(dataDir) === undefined ? true : undefined);
  return (await pollUntil(Date.now() + limitMs, isGone)) ?? false;
}

async function tryLaunch(spec: ServerSpec): Promise<Outcome> {
  const { layout } = spec;
  const log = openServerLog(layout.logFile);
  const { readEnd, writeEnd } = openBothEnds(layout.lifeline);
  try {
    const watchdog = await spawnWatchdog(spec, log.descriptor, readEnd);
    const postmaster = await waitUntilReady(layout.dataDir, () => hasExited(watchdog));
    if (postmaster !== undefined) return { running: { postmaster, lifeline: writeEnd } };
  } catch (error) {
    fs.closeSync(writeEnd);
    throw error;
  } finally {
    fs.closeSync(readEnd);
    fs.closeSync(log.descriptor);
  }
  fs.closeSync(writeEnd);
  return { complaint: lastComplaint(layout.logFile, log.offset) ?? 'no word at all' };
}

async function spawnWatchdog(spec: ServerSpec, log: number, readEnd: number): Promise<ChildProcess> {
  const { layout, binaries, account, settings } = spec;
  const all = {
    ...DEFAULT_SETTINGS,
    ...sharedMemorySettings(),
    ...settings,
    port: PORT,
    unix_socket_directories: quoted(layout.listenDir),
    unix_socket_permissions: '0700',
  };
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = [binaries.postgres, ...dataDirArguments(layout.dataDir), ...flags];
  const watchdog = spawn('/bin/sh', ['-c', WATCHDOG_SCRIPT, 'latchkey-postgres', layout.runFromData, ...server], {
    ...spawnAs(account, layout.dataDir),
    // A separate session, so that Ctrl-C reaches Latchkey only.
    detached: true,
    stdio: ['ignore', log, log, readEnd],
  });
  watchdog.unref();
  await once(watchdog, 'spawn');
  return watchdog;
}

/** PostgreSQL takes a list of directories here, separated by commas. */
function quoted(dir: string): string {
  return `"${dir.replaceAll('"', '""')}"`;
}

function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Undefined when the server is gone, or not ready for very long. */
export async function waitUntilReady(dataDir: string, isGone: () => boolean): Promise<Postmaster | undefined> {
  const result = await pollUntil(Date.now() + START_LIMIT_MS, () => {
    const postmaster = livePostmaster(dataDir);
    if (postmaster?.ready) return { postmaster };
    return isGone() ? { postmaster: undefined } : undefined;
  });
  return result?.postmaster;
}
