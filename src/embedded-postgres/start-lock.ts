import * as fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './command';
import { EmbeddedPostgresError, errorCode } from './errors';

const RETRY_MS = 30;
const DARWIN_O_EXLOCK = 0x20;

/**
 * Lets one process at a time start or join the server of a directory. Returns a function that releases the lock. The kernel
 * holds the lock, so it ends with its holder, however that ends.
 */
export async function acquireStartLock(file: string, deadline: number): Promise<() => void> {
  for (;;) {
    const descriptor = process.platform === 'darwin' ? openLocked(file) : await openAndFlock(file);
    if (descriptor !== undefined) return () => fs.closeSync(descriptor);
    if (Date.now() > deadline) {
      throw new EmbeddedPostgresError(
        `Another process has held ${file} for too long, so end that process or start Latchkey once more later.`,
      );
    }
    await sleep(RETRY_MS);
  }
}

function openLocked(file: string): number | undefined {
  const { O_RDWR, O_CREAT, O_NONBLOCK } = fs.constants;
  try {
    return fs.openSync(file, O_RDWR | O_CREAT | O_NONBLOCK | DARWIN_O_EXLOCK, 0o600);
  } catch (error) {
    if (errorCode(error) === 'EAGAIN') return undefined;
    throw error;
  }
}

/** Node cannot lock files. But a lock that `flock` takes on this process's descriptor stays with it after `flock` has ended. */
async function openAndFlock(file: string): Promise<number | undefined> {
  const { O_WRONLY, O_CREAT, O_NOFOLLOW } = fs.constants;
  const descriptor = fs.openSync(file, O_WRONLY | O_CREAT | O_NOFOLLOW, 0o600);
  let locked = false;
  try {
    const { exitCode, stderr } = await run('flock', ['-n', '3'], { account: undefined, descriptor });
    if (exitCode > 1 || exitCode < 0) throw new Error(`flock: ${stderr.trim()}`);
    locked = exitCode === 0;
  } finally {
    if (!locked) fs.closeSync(descriptor);
  }
  return locked ? descriptor : undefined;
}
