import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { descriptorLimit, mostOutbound } from '../common/net/descriptors';

/** Descriptors for everything except requests: files, the processes of the built-in PostgreSQL, and the runtime. */
const RESERVED_DESCRIPTORS = 64;
/** Every connection to the database may be replaced, or its statement cancelled, before the old one is gone. */
const PER_DATABASE_CONNECTION = 2;
/** Its connection, and the socket of a name server that was asked before. */
const PER_OUTBOUND_REQUEST = 2;
const FEWEST_CONNECTIONS = 16;
/** Connections that are accepted before those whose place they take have been closed. */
const SLACK = 16;

/** How many connections of clients the process can have open, so that descriptors are left for everything else. */
export function mostConnections(databaseConnections: number, descriptors = descriptorLimit()): number {
  const ofOthers = PER_DATABASE_CONNECTION * databaseConnections + PER_OUTBOUND_REQUEST * mostOutbound(descriptors);
  const reserved = RESERVED_DESCRIPTORS + SLACK + ofOthers;
  return Math.max(FEWEST_CONNECTIONS, descriptors - reserved);
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * The connections of an HTTP server. If there are too many, the server closes the one that has been silent longest, or the one
 * that has not taken its answer for longest. Clients that only hold connections therefore never keep other clients out, or take
 * the descriptors through which the database is reached.
 */
export class HttpConnections {
  /** The state of each, in the order in which they last began or ended something. */
  private readonly exchanges = new Map<Socket, Exchange | undefined>();

  constructor(
    server: Server,
    private readonly most: number,
  ) {
    server.maxConnections = most + SLACK;
    server.on('connection', (socket: Socket) => this.opened(socket));
    // First of all listeners, because a handler may answer at once.
    server.prependListener('request', (request, response) => this.began({ request, response }));
  }

  /** Closes every connection on which no whole request has arrived. */
  closeUnasked(): void {
    for (const [socket, exchange] of this.exchanges) if (!isAsked(exchange)) socket.destroy();
  }

  /** Closes every connection, whatever is in flight. */
  closeAll(): void {
    for (const socket of this.exchanges.keys()) socket.destroy();
  }

  private opened(socket: Socket): void {
    if (this.exchanges.size >= this.most) this.makePlace();
    this.exchanges.set(socket, undefined);
    socket.once('close', () => this.exchanges.delete(socket));
  }

  private makePlace(): void {
    const socket =
      this.first((exchange) => !isAsked(exchange)) ?? this.first((exchange) => exchange!.response.writableEnded);
    if (socket === undefined) return;
    this.exchanges.delete(socket);
    socket.destroy();
  }

  private first(matches: (exchange: Exchange | undefined) => boolean): Socket | undefined {
    for (const [socket, exchange] of this.exchanges) if (matches(exchange)) return socket;
    return undefined;
  }

  private began(exchange: Exchange): void {
    const { socket } = exchange.request;
    this.touch(socket, exchange);
    exchange.response.once('close', () => {
      // With several requests on the way, the next has begun by now.
      if (this.exchanges.get(socket) === exchange) this.touch(socket, undefined);
    });
  }

  private touch(socket: Socket, exchange: Exchange | undefined): void {
    if (!this.exchanges.delete(socket)) return;
    this.exchanges.set(socket, exchange);
  }
}

/** Whether a whole request has arrived that is not answered yet, or whose answer the client has not taken. */
function isAsked(exchange: Exchange | undefined): boolean {
  return exchange !== undefined && exchange.request.complete;
}
