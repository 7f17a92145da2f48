import * as fs from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { isatty } from 'node:tty';

/** The most bytes that wait for a slow reader. Further lines are dropped and counted: the log must cost neither memory nor time. */
const MOST_WAITING_BYTES = 1024 * 1024;
const RETRY_MS = 50;
const FLUSH_LOOK_MS = 10;
const NEWLINE = 10;
/** The reader takes the rest later. */
const BEHIND = new Set(['EAGAIN', 'EINTR']);
/** There may be room later. */
const FULL = new Set(['ENOSPC', 'EDQUOT']);
const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = fs.constants;

type Callback = (error?: Error | null) => void;

/**
 * Writes lines to a descriptor, and never delays or fails the caller. The reader may have gone (EPIPE) or stopped reading (a
 * full pipe, a stopped terminal), and a disk may be full or slow. Lines that cannot be written are dropped, and their number is
 * written once there is room again. A line is written whole or not at all.
 */
export class LogSink {
  private waiting: Buffer[] = [];
  private waitingBytes = 0;
  private dropped = 0;
  private isWriting = false;
  /** The first waiting line was written in part: without its rest the line would be torn. */
  private isTorn = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly descriptor: number;
  /** A write to a disk may take long: it is done on another thread. */
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

  /** Waits until everything is written, up to a limit. */
  async flush(limitMs: number): Promise<void> {
    const end = Date.now() + limitMs;
    while (this.waiting.length > 0 && Date.now() < end) {
      this.work();
      await pause(FLUSH_LOOK_MS);
    }
  }

  /** Writes as much as is possible at once, for a process that is about to end. */
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

  /** Waits for a slow reader. If there is no reader or no room, nothing is kept. */
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

/** Sends everything that this process prints, by any way (`console`, a logger, a library), through sinks that stop nothing. */
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

/**
 * At its end Node aborts when it cannot restore the settings of a closed terminal. It leaves a descriptor that was replaced
 * alone.
 */
function letGoIfClosed(terminal: number): void {
  if (isatty(terminal)) return;
  try {
    fs.closeSync(terminal);
    fs.openSync('/dev/null', 'r+');
  } catch {
    // Node then aborts; everything has been written by now.
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
 * Opened again, because processes with the same descriptor share the flag, and remove it when they end. Node has set it where
 * the descriptor cannot be opened again (sockets, systems without `/proc`, a pipe of another account).
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
