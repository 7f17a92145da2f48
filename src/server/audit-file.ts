import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { AuditLogFollower } from '../audit-log/followers/audit-log.follower';
import type { LoggedEvent } from '../audit-log/logged-event';
import { StartError } from './start-error';

const { O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const NEWLINE = 10;

/**
 * Has every event of the audit log written to a file, a JSON object on each line, for a log shipper. It is opened for each write, so
 * that it can be moved away. Events that could not be written come again, so that a line may be there twice.
 *
 * @throws StartError for a file that cannot be written.
 */
export async function followIntoFile(follower: AuditLogFollower, file: string): Promise<void> {
  try {
    await appendEvents(file, []);
  } catch (error) {
    // A pipe whose reader comes later.
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO')
      throw new StartError(`LATCHKEY_AUDIT_FILE cannot be written: ${(error as NodeJS.ErrnoException).code}`);
  }
  follower.follow('audit-file', (events) => appendEvents(file, events));
}

/** Appends whole lines. They are on the disk when it returns. */
export async function appendEvents(file: string, events: readonly LoggedEvent[]): Promise<void> {
  const handle = await opened(file);
  try {
    const isRegular = (await handle.stat()).isFile();
    const lines = events.map((event) => `${JSON.stringify(event)}\n`);
    if (isRegular) await appendToFile(handle, file, lines);
    else await appendToPipe(handle, file, lines);
  } finally {
    await handle.close();
  }
}

/** A pipe without a reader, or with one that is slow, is a failure at once, and occupies no thread. */
async function opened(file: string): Promise<FileHandle> {
  try {
    return await open(file, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    // Linux creates nothing in another account's directory that all can write to, such as /dev.
    return open(file, O_WRONLY | O_APPEND | O_NONBLOCK);
  }
}

/** Pipes in which a line may have been cut off. */
const torn = new Set<string>();

/** A pipe takes up to 4096 bytes at once whole or not at all, whatever else is written to it. A longer line may be cut off. */
async function appendToPipe(handle: FileHandle, file: string, lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    const start = torn.delete(file) ? '\n' : '';
    torn.add(file);
    await handle.writeFile(start + line);
    torn.delete(file);
  }
}

async function appendToFile(handle: FileHandle, file: string, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  // A process that was killed, or a disk that was full, may have left a part of a line.
  const start = (await endsWithNewline(file)) ? '' : '\n';
  await handle.writeFile(start + lines.join(''));
  await handle.datasync();
}

/** A file that this account can write and not read counts as one that does not: a line too many is harmless. */
async function endsWithNewline(file: string): Promise<boolean> {
  const handle = await open(file, O_RDONLY).catch(() => undefined);
  if (handle === undefined) return false;
  try {
    const { size } = await handle.stat();
    if (size === 0) return true;
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0] === NEWLINE;
  } finally {
    await handle.close();
  }
}
