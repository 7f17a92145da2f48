import type { Server } from 'node:http';
import type { Socket } from 'node:net';

const SWEEP_MS = 5_000;
const PATIENCE_MS = 60_000;

interface UnreadAnswer {
  /** The bytes that were left to be taken at that time, and those that had been written. */
  readonly state: string;
  readonly since: number;
}

/** Node's internal count of bytes that the system has not taken from a write under way; Node uses it for its own timeouts. */
interface Handled {
  readonly _handle?: { readonly writeQueueSize?: number } | null;
}

/**
 * Closes a connection whose client takes nothing of its answer for a minute. The unread answer stays in memory as long as the
 * connection is open. The check looks at all connections every few seconds and costs a request nothing.
 */
export function closeSlowReaders(server: Server, { sweepMs = SWEEP_MS, patienceMs = PATIENCE_MS } = {}): void {
  const sockets = new Map<Socket, UnreadAnswer | undefined>();
  const timer = setInterval(() => {
    const now = performance.now();
    for (const [socket, before] of sockets) {
      const waiting = look(socket, before, now);
      sockets.set(socket, waiting);
      if (waiting !== undefined && now - waiting.since >= patienceMs) socket.destroy();
    }
  }, sweepMs).unref();
  server.on('connection', (socket) => {
    sockets.set(socket, undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  server.once('close', () => clearInterval(timer));
}

/** Undefined when nothing waits to be taken. */
function look(socket: Socket, before: UnreadAnswer | undefined, now: number): UnreadAnswer | undefined {
  if (socket.writableLength === 0) return undefined;
  const queued = (socket as Socket & Handled)._handle?.writeQueueSize;
  const state = [socket.bytesWritten, socket.writableLength, queued].join();
  return before?.state === state ? before : { state, since: now };
}
