import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { startEmbeddedPostgres } from '../embedded-postgres/embedded-postgres';

/** A PostgreSQL server that belongs to a test run. */
export interface TestDatabase {
  /** `postgres://...` of an empty database. */
  readonly url: string;
  /** Ends the server and removes what it kept. */
  stop(): Promise<void>;
}

// Nothing here has to outlive a crash.
const SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' };

/**
 * Starts a real PostgreSQL for tests, without Docker and without anything installed but the package `@embedded-postgres/` has
 * for this platform, an optional peer of this one. It takes two seconds: start one for a whole run.
 */
export async function startTestDatabase(): Promise<TestDatabase> {
  const dir = fs.mkdtempSync(path.join(scratch(), 'latchkey-test-'));
  // Root lends the server another account, which must be able to pass through.
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

/** Memory when there is plenty (a container's /dev/shm may be 64 MB), else the temporary directory. */
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
