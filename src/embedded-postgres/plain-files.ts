import * as fs from 'node:fs';
import { errorCode } from './errors';

const { O_RDONLY, O_RDWR, O_NOFOLLOW, O_NONBLOCK } = fs.constants;

/**
 * The beginning of a file in a directory that another account may write to, or undefined if it is not a plain file. A link made
 * there could name any file of the machine, and a named pipe may never end.
 */
export function readPlainFile(file: string, maxBytes = 4096): Buffer | undefined {
  return withPlainFile(file, O_RDONLY, (descriptor) => {
    const buffer = Buffer.alloc(maxBytes);
    return buffer.subarray(0, fs.readSync(descriptor, buffer, 0, maxBytes, 0));
  });
}

/** Overwrites the beginning of a plain file that has no other name. */
export function overwritePlainFile(file: string, content: string): void {
  withPlainFile(file, O_RDWR, (descriptor) => fs.writeSync(descriptor, content, 0));
}

function withPlainFile<T>(file: string, flags: number, act: (descriptor: number) => T): T | undefined {
  const descriptor = openOrAbsent(file, flags | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor === undefined) return undefined;
  try {
    const stats = fs.fstatSync(descriptor);
    return stats.isFile() && stats.nlink === 1 ? act(descriptor) : undefined;
  } finally {
    fs.closeSync(descriptor);
  }
}

function openOrAbsent(file: string, flags: number): number | undefined {
  try {
    return fs.openSync(file, flags);
  } catch (error) {
    // No such file, a link, or a socket.
    if (['ENOENT', 'ELOOP', 'ENXIO'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}
