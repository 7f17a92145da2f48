import * as fs from 'node:fs';
import { pickAccount } from './account';
import { fillInPlace, findCluster } from './cluster';
import { run } from './command';
import { EmbeddedPostgresError, explain } from './errors';
import { prepareLayout } from './layout';
import { acquireStartLock } from './start-lock';
import { START_LIMIT_MS } from './server';

/**
 * Puts the archive of a base backup in the place of a cluster. It appears there complete or not at all. The next start replays
 * the log that the archive holds.
 *
 * @param dir the directory of the embedded PostgreSQL.
 * @param requested the account of the server if this process is root.
 */
export async function restoreCluster(dir: string, requested: string | undefined, archive: string): Promise<void> {
  const descriptor = fs.openSync(archive, 'r');
  try {
    const account = pickAccount(requested);
    const layout = await prepareLayout(dir, account);
    const release = await acquireStartLock(layout.startLock, Date.now() + START_LIMIT_MS);
    try {
      if (findCluster(layout.dataDir) !== undefined)
        throw new EmbeddedPostgresError(
          `There is a database in ${layout.dataDir} already, so restore to another place.`,
        );
      await fillInPlace(layout, account, async (unfinished) => {
        // The account itself unpacks, so that the files are its own. It gets the archive as an open file: it may not read the backup.
        const unpack = ['-c', 'tar -xpf - <&3 && sync'];
        const { exitCode, stderr } = await run('/bin/sh', unpack, { account, cwd: unfinished, descriptor });
        if (exitCode !== 0) throw notUnpacked(layout.dir, stderr);
      });
    } finally {
      release();
    }
  } catch (error) {
    throw explain(error, dir);
  } finally {
    fs.closeSync(descriptor);
  }
}

function notUnpacked(dir: string, stderr: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `The backup cannot be unpacked in ${dir} (${stderr.trim().split('\n').at(-1)}), so make room there or restore to another place.`,
  );
}
