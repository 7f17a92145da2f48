import * as fs from 'node:fs';
import * as path from 'node:path';
import { Logger } from '@nestjs/common';
import type { Account } from './account';
import { fillInPlace, findCluster, syncDirectory } from './cluster';
import { run } from './command';
import { EmbeddedPostgresError, errorCode } from './errors';
import { type Layout, shortHash, SYSTEM_DIR } from './layout';
import { keepDirectory } from './own-directory';
import { livePostmaster } from './postmaster';

const PREFIX = 'latchkey-';

/**
 * An earlier release, run as root, kept the database in a directory of its own below `/var/lib` when the account had no path to
 * its proper place. This moves it to its proper place. Only for the holder of the start lock.
 */
export async function fetchRelocated(layout: Layout, account: Account | undefined): Promise<void> {
  if (account === undefined) return;
  const dir = formerDir(layout.dir);
  const old = path.join(dir, 'data');
  if (!isOf(dir, [0, account.uid]) || !isOf(old, [account.uid])) return;
  keepDirectory(dir, account);
  if (findCluster(old) === undefined) return;
  const logger = new Logger('EmbeddedPostgres');
  if (findCluster(layout.dataDir) !== undefined) {
    return logger.warn({ event: 'embedded_postgres.another_database', unused: old, used: layout.dataDir });
  }
  requireStopped(old);
  await move(old, layout, account);
  bar(old, layout.dataDir);
  logger.warn({ event: 'embedded_postgres.database_moved', from: old, to: layout.dataDir });
}

function formerDir(dir: string): string {
  return path.join(SYSTEM_DIR, `${PREFIX}${shortHash(dir)}`);
}

/** The place where an earlier release kept the database of a directory, if it is there. */
export function isRelocated(dir: string): boolean {
  return findCluster(path.join(formerDir(dir), 'data')) !== undefined;
}

function isOf(dir: string, owners: number[]): boolean {
  const stats = fs.lstatSync(dir, { throwIfNoEntry: false });
  return stats !== undefined && stats.isDirectory() && owners.includes(stats.uid);
}

function requireStopped(old: string): void {
  const found = livePostmaster(old);
  if (found === undefined) return;
  throw new EmbeddedPostgresError(
    `An earlier release of Latchkey still uses the database in ${old} (process ${found.pid}), so end it and start Latchkey again.`,
  );
}

async function move(old: string, layout: Layout, account: Account): Promise<void> {
  try {
    fs.renameSync(old, layout.dataDir);
    syncDirectory(layout.dir);
  } catch (error) {
    if (errorCode(error) !== 'EXDEV') throw error;
    await fillInPlace(layout, account, (unfinished) => copy(old, unfinished, account));
    fs.renameSync(old, `${old}.copied`);
  }
}

/** The account itself copies: so it cannot be led to read more than it may, and keeps its own files. */
async function copy(old: string, unfinished: string, account: Account): Promise<void> {
  const { exitCode, stderr } = await run('/bin/sh', ['-c', 'cp -RPp -- "$1/." . && sync', 'sh', old], {
    account,
    cwd: unfinished,
  });
  if (exitCode === 0) return;
  throw new EmbeddedPostgresError(
    `The database that an earlier release kept in ${old} cannot be copied to ${path.dirname(unfinished)}, where it belongs ` +
      `(${stderr.trim().split('\n').at(-1)}), so make room there and start Latchkey again.`,
  );
}

/** The earlier release, started again, would make an empty database where it finds none. This makes it stop and say so. */
function bar(old: string, to: string): void {
  fs.mkdirSync(old, 0o700);
  fs.writeFileSync(path.join(old, 'MOVED'), `The database that was here is in ${to}.\n`, { flag: 'wx', mode: 0o600 });
}

/** Databases that earlier releases may have put below `/var/lib` under another name of a directory. */
export function relocatedCandidates(): string[] {
  try {
    return fs
      .readdirSync(SYSTEM_DIR)
      .filter((name) => /^latchkey-[0-9a-f]{10}$/.test(name))
      .map((name) => path.join(SYSTEM_DIR, name, 'data'))
      .filter((dir) => findCluster(dir) !== undefined);
  } catch {
    // Closed to this account: only root could have put something there.
    return [];
  }
}
