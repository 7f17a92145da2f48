import { closeSync, constants, openSync, readSync } from 'node:fs';

const POLL_MS = 20;

/**
 * The text of a file of a known greatest size; undefined for a longer one. It may be a pipe, such as a shell makes for
 * `<(command)`: its writer has some time, and a pipe without a writer is empty.
 *
 * @throws Error with the system's code, and with ETIMEDOUT for a writer that is not done in time.
 */
export function readSmallFile(file: string, mostBytes: number, patienceMs: number): string | undefined {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(mostBytes + 1);
    const deadline = performance.now() + patienceMs;
    for (let length = 0; length <= mostBytes;) {
      const read = readSome(descriptor, bytes.subarray(length), deadline);
      if (read === 0) return bytes.toString('utf8', 0, length);
      length += read;
    }
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

function readSome(descriptor: number, into: Buffer, deadline: number): number {
  for (;;) {
    try {
      return readSync(descriptor, into);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    if (performance.now() > deadline) throw Object.assign(new Error('no end'), { code: 'ETIMEDOUT' });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
  }
}
