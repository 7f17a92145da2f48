import * as fs from 'node:fs';
import { isFile, withoutBlocking } from '../log-sink';
import { StartError } from '../start-error';

const STDOUT = 1;
/** Time for a slow reader. A transaction waits meanwhile. */
const LIMIT_MS = 5_000;
const RETRY_MS = 20;

/**
 * Writes text that is shown only once to standard output: all of it, before the caller commits, and not through the sink that
 * drops lines.
 */
export class ShownOnce {
  private isShown = false;

  /**
   * @param otherwise tells the operator what to do, and what has not happened. @throws StartError when the text reaches no
   * reader
   */
  show(text: string, otherwise: string): void {
    if (leadsNowhere()) throw new StartError(`Standard output is closed or leads nowhere: ${otherwise}`);
    try {
      writeWhole(Buffer.from(`${text}\n`));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new StartError(`Standard output cannot be written to (${code}): ${otherwise}`, { cause: error });
    }
    this.isShown = true;
  }

  /** To be called when the commit failed. */
  withdraw(): void {
    if (this.isShown) process.stderr.write('The token above may not be good, because what followed failed:\n');
  }
}

/**
 * Writes what a command has to say of something it has done: all of it, past the sink that drops lines.
 *
 * @throws StartError with the text in it, for standard error, when standard output cannot be written to
 */
export function sayAll(text: string): void {
  try {
    writeWhole(Buffer.from(`${text}\n`));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StartError(`${text}\nThat is done, though standard output cannot be written to (${code}).`, {
      cause: error,
    });
  }
}

/** Node opens the null device in the place of a closed standard output. */
function leadsNowhere(): boolean {
  const stats = fs.fstatSync(STDOUT);
  return stats.isCharacterDevice() && stats.rdev === fs.statSync('/dev/null', { throwIfNoEntry: false })?.rdev;
}

function writeWhole(text: Buffer): void {
  const isKept = isFile(STDOUT);
  const descriptor = isKept ? STDOUT : withoutBlocking(STDOUT);
  try {
    const end = Date.now() + LIMIT_MS;
    for (let rest = text; rest.length > 0;) rest = rest.subarray(writeSome(descriptor, rest, end));
    // A network disk may report only now that it has no room.
    if (isKept) fs.fsyncSync(descriptor);
  } finally {
    if (descriptor !== STDOUT) fs.closeSync(descriptor);
  }
}

/** The number of bytes written; 0, after a pause, if the reader is behind. */
function writeSome(descriptor: number, text: Buffer, end: number): number {
  try {
    return fs.writeSync(descriptor, text);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EINTR' && (code !== 'EAGAIN' || Date.now() > end)) throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    return 0;
  }
}
