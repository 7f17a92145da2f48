import * as fs from 'node:fs';

const SHARED_MEMORY = '/dev/shm';
/** Containers have 64 MB by default. Parallel queries need more. */
const ENOUGH_BYTES = 128 * 1024 * 1024;

/** Server settings for a machine whose POSIX shared memory is missing, closed or too small; none for other machines. */
export function sharedMemorySettings(): Record<string, string> {
  if (process.platform !== 'linux' || hasEnough()) return {};
  return { dynamic_shared_memory_type: 'sysv' };
}

function hasEnough(): boolean {
  try {
    fs.accessSync(SHARED_MEMORY, fs.constants.W_OK);
    const { bavail, bsize } = fs.statfsSync(SHARED_MEMORY);
    return bavail * bsize >= ENOUGH_BYTES;
  } catch {
    return false;
  }
}
