import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { startEmbeddedPostgres } from '../embedded-postgres/embedded-postgres';

/** A PostgreSQL server that belongs to a test run. */
export interface TestDatabase {
  /** `postgres://...` of an empty database. */
  readonly url: string;
  /** Stops the server and removes its files. */
  stop(): Promise<void>;
}

// A crash may lose the data of a test.
const SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' };

/**
 * Starts a real PostgreSQL for tests, without Docker. It needs only the package `@embedded-postgres/…` for this platform, which
 * is an optional peer of Latchkey. A start takes about two seconds: start one for a whole run.
 *
 * @throws Error if the package is not installed or PostgreSQL does not start.
 */
export async function startTestDatabase(): Promise<TestDatabase> {
  const dir = fs.mkdtempSync(path.join(scratch(), 'latchkey-test-'));
  // As root, the server runs as another account, which must be able to pass through the directory.
  fs.chmodSync(dir, 0o711);
  const server = await startEmbeddedPostgres({ dir: path.join(dir, 'postgres'), settings: SETTINGS });
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Memory if there is plenty (a container's /dev/shm may be 64 MB), else the temporary directory. */
function scratch(): string {
  try {
    const { bavail, bsize } = fs.statfsSync('/dev/shm');
    if (bavail * bsize > 2 ** 30) return '/dev/shm';
  } catch (error) {
    // Not on every platform.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return os.tmpdir();
}
