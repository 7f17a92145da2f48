import * as fs from 'node:fs';

const ROTATION_BYTES = 10 * 1024 * 1024;
const TAIL_BYTES = 64 * 1024;

export interface ServerLog {
  descriptor: number;
  /** The offset at which the lines of this start begin. */
  offset: number;
}

export function openServerLog(file: string): ServerLog {
  const found = fs.statSync(file, { throwIfNoEntry: false });
  if (found !== undefined && found.size > ROTATION_BYTES) fs.renameSync(file, `${file}.1`);
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = fs.constants;
  const descriptor = fs.openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  const { mode, size } = fs.fstatSync(descriptor);
  if ((mode & 0o077) !== 0) fs.fchmodSync(descriptor, 0o600);
  return { descriptor, offset: size };
}

/** The last FATAL line since the offset, without its time and process; else the last line, which may be the shell's. */
export function lastComplaint(file: string, offset: number): string | undefined {
  const lines = readTail(file, offset)
    .split('\n')
    .filter((line) => line.trim() !== '');
  const fatal = lines.findLast((line) => /\b(FATAL|PANIC):/.test(line)) ?? lines.at(-1);
  return fatal?.replace(/^.*\b(?=(FATAL|PANIC):)/, '').replace(/:\s+/, ': ');
}

function readTail(file: string, offset: number): string {
  const descriptor = fs.openSync(file, 'r');
  try {
    const start = Math.max(offset, fs.fstatSync(descriptor).size - TAIL_BYTES);
    const buffer = Buffer.alloc(TAIL_BYTES);
    return buffer.toString('utf8', 0, fs.readSync(descriptor, buffer, 0, TAIL_BYTES, start));
  } finally {
    fs.closeSync(descriptor);
  }
}
