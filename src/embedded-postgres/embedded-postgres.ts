import * as fs from 'node:fs';
import * as path from 'node:path';
import { type Account, pickAccount } from './account';
import { locateBinaries } from './binaries';
import { ensureCluster, findCluster } from './cluster';
import type { ClusterRecord } from './cluster-record';
import { EmbeddedPostgresError, explain } from './errors';
import { canonicalPath, type Layout, PORT, prepareLayout } from './layout';
import { isWatched, joinLifeline, prepareLifeline } from './lifetime';
import { pollUntil } from './polling';
import { isServed, type Postmaster, unseenPostmaster } from './postmaster';
import { fetchRelocated, isRelocated } from './relocated';
import { launchServer, type Running, START_LIMIT_MS, stopLeftover, waitUntilReady } from './server';
import { acquireStartLock } from './start-lock';

export interface EmbeddedPostgresOptions {
  /** The directory for the data, the socket and the log. */
  dir: string;
  /** Server settings, which take precedence over the defaults. */
  settings?: Record<string, string>;
  /** The server's account when this process is root. By default `postgres`, else `nobody`. */
  account?: string;
  /** The record of the database from earlier starts. */
  record?: ClusterRecord;
}

export interface EmbeddedPostgres {
  url: string;
  dataDir: string;
  /** False if another process had started the server and this one has joined. */
  started: boolean;
  /** Whether the server runs, or will run in a moment. */
  isAlive(): boolean;
  /** Ends this use of the server, which stops with its last user. */
  stop(): Promise<void>;
}

const OTHER_USERS_SHOW_AFTER_MS = 300;
/** A server that has just died is named by its directory for a moment, too. */
const UNSEEN_MS = 3_000;

/**
 * Runs a private PostgreSQL for all processes that ask for the same directory. To revive a server that has died, call it again:
 * the URL stays the same. Every call counts as one user, and is stopped separately.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    const account = pickAccount(options.account);
    requireDirectory(options, account);
    const layout = await prepareLayout(options.dir, account);
    const release = await acquireStartLock(layout.startLock, Date.now() + START_LIMIT_MS);
    try {
      await prepareLifeline(layout);
      await fetchRelocated(layout, account);
      requireRecorded(layout, options.record);
      const joined = await joinServer(layout);
      const running = joined ?? (await startServer(layout, account, options.settings ?? {}));
      requireRecorded(layout, options.record);
      return describeServer(layout, running, joined === undefined);
    } finally {
      release();
    }
  } catch (error) {
    throw explain(error, options.dir);
  }
}

/** Checked before anything is made: a database that is to be put back must find its place free. */
function requireDirectory({ dir, record }: EmbeddedPostgresOptions, account: Account | undefined): void {
  if (record === undefined || fs.existsSync(dir)) return;
  const wanted = canonicalPath(dir);
  if (account === undefined || !isRelocated(wanted)) record.require(undefined, path.join(wanted, 'data'));
}

function requireRecorded({ dataDir }: Layout, record: ClusterRecord | undefined): void {
  const found = findCluster(dataDir);
  // A data directory that cannot be read is not judged here: PostgreSQL itself refuses it, and says why.
  if (found === undefined || found.systemIdentifier !== undefined) record?.require(found?.systemIdentifier, dataDir);
}

async function joinServer(layout: Layout): Promise<Running | undefined> {
  const lifeline = await joinLifeline(layout);
  if (lifeline === undefined) return undefined;
  const unseenSince = unseenFor(layout.dataDir);
  const isOver = () => !isWatched(layout.lifeline) || unseenSince() > UNSEEN_MS;
  const postmaster = await waitUntilReady(layout.dataDir, isOver);
  if (postmaster !== undefined) return { postmaster, lifeline };
  const stillThere = isWatched(layout.lifeline);
  fs.closeSync(lifeline);
  if (!stillThere) return undefined;
  if (unseenSince() > UNSEEN_MS) throw servedElsewhere(layout);
  throw new EmbeddedPostgresError(
    `The PostgreSQL in ${layout.dir} is still not ready, so see what it does in ${layout.logFile} or wait longer.`,
  );
}

/** The time in milliseconds for which the directory has named the server without the server being seen. */
function unseenFor(dataDir: string): () => number {
  let since: number | undefined;
  return () => {
    since = unseenPostmaster(dataDir) === undefined ? undefined : (since ?? performance.now());
    return since === undefined ? 0 : performance.now() - since;
  };
}

/** Whether the server's watchdog answers. A pipe reaches from one container to another; a process id means nothing there. */
function servedElsewhere({ dir }: Layout): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `The database in ${dir} is in use by a Latchkey in another container, so stop that one (or, where the directory ` +
      'was moved while a Latchkey ran on it, that Latchkey), ' +
      'give each a data directory of its own, or set DATABASE_URL to a PostgreSQL server they can share.',
  );
}

async function startServer(
  layout: Layout,
  account: Account | undefined,
  settings: Record<string, string>,
): Promise<Running> {
  const binaries = await locateBinaries(layout, account);
  await ensureCluster(layout, binaries, account);
  return launchServer({ layout, binaries, account, settings });
}

function describeServer(layout: Layout, { postmaster, lifeline }: Running, started: boolean): EmbeddedPostgres {
  const host = encodeURIComponent(socketDirOf(layout, postmaster));
  let inUse = true;
  return {
    url: `postgres://latchkey@localhost:${PORT}/latchkey?host=${host}&sslmode=disable`,
    dataDir: layout.dataDir,
    started,
    isAlive: () => isWatched(layout.lifeline) && isServed(layout.dataDir),
    stop: async () => {
      if (!inUse) return;
      inUse = false;
      fs.closeSync(lifeline);
      if (await wasLastUser(layout)) await stopLeftover(layout.dataDir, () => isWatched(layout.lifeline));
    },
  };
}

/** The path as the server sees it, from inside its data directory. */
function socketDirOf({ dataDir, runDir, socketDir }: Layout, postmaster: Postmaster): string {
  const named = path.resolve(dataDir, postmaster.socketDir);
  return named === runDir ? socketDir : named;
}

/** The watchdog drops the pipe at once when the last user has ended. While there are others, it continues to read. */
async function wasLastUser(layout: Layout): Promise<boolean> {
  const deadline = Date.now() + OTHER_USERS_SHOW_AFTER_MS;
  return (await pollUntil(deadline, () => (isWatched(layout.lifeline) ? undefined : true))) ?? false;
}
