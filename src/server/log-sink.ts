import * as fs from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { isatty } from 'node:tty';

/** What waits for a reader that is behind; beyond it lines are dropped and counted, rather than memory or time. */
const MOST_WAITING_BYTES = 1024 * 1024;
const RETRY_MS = 50;
const FLUSH_LOOK_MS = 10;
const NEWLINE = 10;
/** The reader takes what there is later. */
const BEHIND = new Set(['EAGAIN', 'EINTR']);
/** There may be room later. */
const FULL = new Set(['ENOSPC', 'EDQUOT']);
const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = fs.constants;

type Callback = (error?: Error | null) => void;

/**
 * Writes lines to a descriptor, and stops nobody: neither a reader that has gone (EPIPE), nor one that reads no more (a full
 * pipe, a stopped terminal), nor a full or slow disk fails or delays the caller. Lines that cannot be written are dropped, and
 * their number is written once there is room again. A line is written whole or not at all.
 */
export class LogSink {
  private waiting: Buffer[] = [];
  private waitingBytes = 0;
  private dropped = 0;
  private isWriting = false;
  /** The first of those waiting has been written in part: without its rest the line would be torn. */
  private isTorn = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly descriptor: number;
  /** On a disk a write may take its time: it is done on another thread. */
  private readonly isFile: boolean;

  constructor(descriptor: number) {
    this.isFile = isFile(descriptor);
    this.descriptor = this.isFile ? descriptor : withoutBlocking(descriptor);
  }

  write(chunk: string | Uint8Array, encoding: BufferEncoding = 'utf8'): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk);
    if (bytes.length === 0) return;
    if (this.waitingBytes + bytes.length > MOST_WAITING_BYTES) {
      this.dropped += linesOf(bytes);
      return;
    }
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
    this.work();
  }

  /** Waits until everything is written, for so long at most. */
  async flush(limitMs: number): Promise<void> {
    const end = Date.now() + limitMs;
    while (this.waiting.length > 0 && Date.now() < end) {
      this.work();
      await pause(FLUSH_LOOK_MS);
    }
  }

  /** Writes what can be written at this very moment: for a process that is about to end. */
  drain(): void {
    if (!this.isWriting) this.writeNow();
  }

  private work(): void {
    if (this.isWriting || this.timer !== undefined) return;
    if (this.isFile) this.writeToFile();
    else this.writeNow();
  }

  private writeNow(): void {
    try {
      while (this.waiting.length > 0) {
        this.written(fs.writeSync(this.descriptor, this.waiting[0]!));
        this.reportDropped();
      }
    } catch (error) {
      this.failed(error);
    }
  }

  private writeToFile(): void {
    if (this.waiting.length === 0) return;
    this.isWriting = true;
    const batch = Buffer.concat(this.waiting);
    fs.write(this.descriptor, batch, (error, bytes) => {
      this.isWriting = false;
      if (error) return this.failed(error);
      this.written(bytes);
      this.reportDropped();
      this.work();
    });
  }

  private written(bytes: number): void {
    this.waitingBytes -= bytes;
    let rest = bytes;
    while (rest > 0) {
      const first = this.waiting[0]!;
      this.isTorn = rest < first.length;
      if (this.isTorn) this.waiting[0] = first.subarray(rest);
      else this.waiting.shift();
      rest -= first.length;
    }
  }

  /** A reader that is behind is waited for; where there is no reader or no room, nothing is kept. */
  private failed(error: unknown): void {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!BEHIND.has(code)) this.drop(FULL.has(code) && this.isTorn ? 1 : 0);
    if (this.waiting.length > 0) this.retryLater();
  }

  private drop(kept: number): void {
    this.dropped += this.waiting.slice(kept).reduce((lines, bytes) => lines + linesOf(bytes), 0);
    this.waiting = this.waiting.slice(0, kept);
    this.waitingBytes = this.waiting.reduce((sum, { length }) => sum + length, 0);
    this.isTorn &&= kept > 0;
  }

  private retryLater(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.work();
    }, RETRY_MS).unref();
  }

  private reportDropped(): void {
    if (this.dropped === 0 || this.waiting.length > 0) return;
    const message = { event: 'log.lines_dropped', lines: this.dropped };
    const line = { level: 'warn', pid: process.pid, timestamp: Date.now(), message, context: LogSink.name };
    this.dropped = 0;
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
  }
}

/** Has everything this process prints, by whatever way (`console`, a logger, a library), pass through sinks that stop nobody. */
export function installLogSinks(): { flush: (limitMs: number) => Promise<void> } {
  const sinks = [process.stdout, process.stderr].map((stream) => {
    const sink = new LogSink(stream.fd);
    stream.on('error', () => undefined);
    stream.write = through(sink);
    return sink;
  });
  const terminals = [0, 1, 2].filter(isatty);
  process.once('exit', () => {
    for (const sink of sinks) sink.drain();
    terminals.forEach(letGoIfClosed);
  });
  return { flush: async (limitMs) => void (await Promise.all(sinks.map((sink) => sink.flush(limitMs)))) };
}

/** Node aborts at its end when it cannot give back the settings of a terminal that has been closed; what has been replaced it leaves. */
function letGoIfClosed(terminal: number): void {
  if (isatty(terminal)) return;
  try {
    fs.closeSync(terminal);
    fs.openSync('/dev/null', 'r+');
  } catch {
    // Then it aborts; everything has been written by now.
  }
}

function through(sink: LogSink): typeof process.stdout.write {
  return (chunk: string | Uint8Array, encoding?: BufferEncoding | Callback, callback?: Callback) => {
    const done = typeof encoding === 'function' ? encoding : callback;
    sink.write(chunk, typeof encoding === 'string' ? encoding : undefined);
    if (done) process.nextTick(done);
    return true;
  };
}

export function isFile(descriptor: number): boolean {
  try {
    return fs.fstatSync(descriptor).isFile();
  } catch {
    return false;
  }
}

/**
 * Opened again, because the flag would be shared with the processes that have the same descriptor, and they take it away when they
 * end. Node has set it where that cannot be done (sockets, systems without `/proc`, a pipe of another account).
 */
export function withoutBlocking(descriptor: number): number {
  try {
    return fs.openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return descriptor;
  }
}

function linesOf(bytes: Buffer): number {
  let lines = 0;
  for (const byte of bytes) if (byte === NEWLINE) lines += 1;
  return Math.max(1, lines);
}
