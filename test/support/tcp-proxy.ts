import * as net from 'node:net';
import { EventEmitter, once } from 'node:events';
import * as path from 'node:path';

/** A node that refuses a request before it asks the database sends no statement to hold. */
const LONGEST_WAIT_MS = 30_000;

/** Statements or answers that are kept back until they are let go. */
export interface Held {
  /** When the first has been caught. Rejects after 30 s without one. */
  readonly caught: Promise<void>;
  /** Lets go of what is held, and holds no more. */
  release(): void;
  /** As `release`, but the connections that were held are cut instead. */
  drop(): void;
}

/** Stands between Latchkey and its database, and does to the connections what networks do. */
export interface TcpProxy {
  /** The database's url, by way of the proxy. */
  readonly url: string;
  /** Nobody listens any more, and every connection is dropped. */
  cut(): Promise<void>;
  /** Connections are accepted and kept, but nothing gets through: both ways, or one. */
  stall(direction?: 'both' | 'requests' | 'replies'): void;
  /** The database dies whenever it is ready for a statement, or for the next one of a transaction, and says so in the same packet. */
  die(when?: 'ready' | 'in transaction'): void;
  /** When somebody has given up waiting while it was stalled. */
  givenUp(): Promise<void>;
  /** Everything gets through again. What was stalled is dropped. */
  restore(): Promise<void>;
  /** Every connection is broken off (RST), and new ones are accepted. */
  reset(): void;
  /** Breaks off the connections that were opened under this name. */
  drop(application: string): void;
  /** The connection on which a statement matches is broken off after so many bytes of the answer. */
  resetInReplyTo(statement: string, afterBytes: number): void;
  /** Keeps back what is answered on a connection, from the first statement that contains this text on. */
  holdReplyTo(statement: string): Held;
  /**
   * Keeps back a statement that contains this text, and what follows on its connection.
   *
   * @param after only in a transaction that has sent this before.
   */
  hold(statement: string, after?: string): Held;
  /** Everything that is answered comes so much later. */
  delayReplies(ms: number): void;
  /** How often a text has been sent to the database so far. */
  count(statement: string): number;
  /** New connections lead to another database. Old ones are dropped, unless they are to be kept. */
  pointTo(databaseUrl: string, options?: { keepOld?: boolean }): void;
  stop(): Promise<void>;
}

/** ReadyForQuery: with no transaction open, and in one. */
const READY = { ready: Buffer.from('Z\0\0\0\x05I', 'latin1'), 'in transaction': Buffer.from('Z\0\0\0\x05T', 'latin1') };
/** ErrorResponse, as a backend sends it whose postmaster has been killed. */
const DYING = errorResponse({ S: 'FATAL', C: '57P01', M: 'terminating connection due to unexpected postmaster exit' });

interface Link {
  readonly client: net.Socket;
  readonly upstream: net.Socket;
  /** The first thing sent: who connects, and as what. */
  greeting: string;
  /** Set while answers, or statements, wait to be let go. */
  heldReplies?: Buffer[] | undefined;
  heldRequests?: Buffer[] | undefined;
  /** Bytes of the answer that still get through before the connection breaks. */
  bytesLeft?: number;
  /** What its transaction has sent. */
  transaction: string;
}

interface Trap {
  readonly statement: string;
  readonly after: string;
  readonly what: 'heldReplies' | 'heldRequests';
  readonly caught: () => void;
  readonly links: Set<Link>;
}

/** A proxy on 127.0.0.1 in front of a PostgreSQL that is reached by TCP or by a unix socket (`?host=/directory`). */
export async function startTcpProxy(databaseUrl: string): Promise<TcpProxy> {
  const proxy = new Proxy(databaseUrl);
  await proxy.listen();
  return proxy;
}

class Proxy implements TcpProxy {
  private destination: net.NetConnectOpts;
  private readonly links = new Set<Link>();
  private readonly server: net.Server;
  private port = 0;
  private stalled: 'none' | 'both' | 'requests' | 'replies' = 'none';
  private readonly traps = new Set<Trap>();
  private breaking: { statement: string; afterBytes: number } | undefined;
  private dying: keyof typeof READY | undefined;
  private delayMs = 0;
  private readonly sent: string[] = [];
  private readonly givingUp = new EventEmitter();

  constructor(private readonly databaseUrl: string) {
    this.destination = destinationOf(new URL(databaseUrl));
    this.server = net.createServer({ noDelay: true }, (client) => this.accept(client));
  }

  get url(): string {
    return throughPort(this.databaseUrl, this.port);
  }

  async listen(): Promise<void> {
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as net.AddressInfo).port;
  }

  async cut(): Promise<void> {
    const closed = this.server.listening ? once(this.server, 'close') : undefined;
    if (closed) this.server.close();
    this.dropAll();
    await closed;
  }

  stall(direction: 'both' | 'requests' | 'replies' = 'both'): void {
    this.stalled = direction;
  }

  die(when: keyof typeof READY = 'ready'): void {
    this.dying = when;
  }

  async givenUp(): Promise<void> {
    await once(this.givingUp, 'one');
  }

  async restore(): Promise<void> {
    if (this.stalled !== 'none') this.dropAll();
    this.stalled = 'none';
    this.dying = undefined;
    this.delayMs = 0;
    this.breaking = undefined;
    if (!this.server.listening) await this.listen();
  }

  reset(): void {
    for (const { client } of this.links) client.resetAndDestroy();
  }

  drop(application: string): void {
    for (const { client, greeting } of this.links) if (greeting.includes(application)) client.resetAndDestroy();
  }

  resetInReplyTo(statement: string, afterBytes: number): void {
    this.breaking = { statement, afterBytes };
  }

  holdReplyTo(statement: string): Held {
    return this.trap(statement, 'heldReplies');
  }

  hold(statement: string, after = ''): Held {
    return this.trap(statement, 'heldRequests', after);
  }

  delayReplies(ms: number): void {
    this.delayMs = ms;
  }

  count(statement: string): number {
    return this.sent.reduce((sum, text) => sum + text.split(statement).length - 1, 0);
  }

  pointTo(databaseUrl: string, { keepOld = false } = {}): void {
    this.destination = destinationOf(new URL(databaseUrl));
    if (!keepOld) this.dropAll();
  }

  stop(): Promise<void> {
    return this.cut();
  }

  private accept(client: net.Socket): void {
    const upstream = net.connect({ ...this.destination, noDelay: true } as net.NetConnectOpts);
    const link: Link = { client, upstream, greeting: '', transaction: '' };
    this.links.add(link);
    // A dropped connection is what this is for.
    client
      .on('error', () => undefined)
      .on('close', () => {
        if (this.stalled !== 'none') this.givingUp.emit('one');
        upstream.destroy();
      });
    upstream
      .on('error', () => undefined)
      .on('close', () => {
        client.destroy();
        this.links.delete(link);
      });
    client.on('data', (data) => this.request(link, data));
    upstream.on('data', (data) => this.reply(link, data));
  }

  private request(link: Link, data: Buffer): void {
    const text = data.toString('latin1');
    this.sent.push(text);
    link.greeting ||= text;
    if (this.breaking && text.includes(this.breaking.statement)) link.bytesLeft = this.breaking.afterBytes;
    if (link.transaction !== '' || text.includes('START TRANSACTION')) link.transaction += text;
    for (const trap of this.traps) {
      if (!text.includes(trap.statement) || !link.transaction.includes(trap.after)) continue;
      link[trap.what] ??= [];
      trap.links.add(link);
      trap.caught();
    }
    if (/(COMMIT|ROLLBACK)\0/.test(text)) link.transaction = '';
    if (link.heldRequests) link.heldRequests.push(data);
    else if (this.stalled !== 'both' && this.stalled !== 'requests') link.upstream.write(data);
  }

  private reply(link: Link, data: Buffer): void {
    if (link.heldReplies) link.heldReplies.push(data);
    else if (this.stalled === 'both' || this.stalled === 'replies') return;
    else if (link.bytesLeft !== undefined) this.breakOff(link, data);
    else if (this.dying && data.subarray(-6).equals(READY[this.dying])) link.client.end(Buffer.concat([data, DYING]));
    else if (this.delayMs > 0) setTimeout(() => link.client.writable && link.client.write(data), this.delayMs);
    else link.client.write(data);
  }

  private breakOff(link: Link, data: Buffer): void {
    const part = data.subarray(0, link.bytesLeft);
    link.bytesLeft! -= part.length;
    link.client.write(part, () => link.bytesLeft === 0 && link.client.resetAndDestroy());
  }

  private trap(statement: string, what: Trap['what'], after = ''): Held {
    let caught = () => {};
    const whenCaught = new Promise<void>((resolve, reject) => {
      const giveUp = () => reject(new Error(`no statement with ${statement} came within ${LONGEST_WAIT_MS} ms`));
      const timer = setTimeout(giveUp, LONGEST_WAIT_MS).unref();
      caught = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    // Not every test waits for it.
    whenCaught.catch(() => undefined);
    const trap: Trap = { statement, after, what, caught, links: new Set() };
    this.traps.add(trap);
    const letGo = () => {
      this.traps.delete(trap);
      for (const link of trap.links) {
        const [held, to] = [link[what] ?? [], what === 'heldReplies' ? link.client : link.upstream];
        link[what] = undefined;
        for (const data of held) if (to.writable) to.write(data);
      }
    };
    const drop = () => {
      this.traps.delete(trap);
      for (const { client, upstream } of trap.links) {
        client.resetAndDestroy();
        upstream.destroy();
      }
    };
    return { caught: whenCaught, release: letGo, drop };
  }

  private dropAll(): void {
    for (const { client, upstream } of this.links) {
      client.destroy();
      upstream.destroy();
    }
    this.links.clear();
  }
}

export function errorResponse(fields: Record<string, string>): Buffer {
  const text = `${Object.entries(fields)
    .map(([code, value]) => `${code}${value}\0`)
    .join('')}\0`;
  const head = Buffer.from('E\0\0\0\0', 'latin1');
  head.writeInt32BE(text.length + 4, 1);
  return Buffer.concat([head, Buffer.from(text, 'latin1')]);
}

function destinationOf(url: URL): net.NetConnectOpts {
  const port = url.port || '5432';
  const directory = url.searchParams.get('host');
  if (directory?.startsWith('/')) {
    return { path: path.join(directory, `.s.PGSQL.${url.searchParams.get('port') ?? port}`) };
  }
  return { host: directory ?? url.hostname, port: Number(port) };
}

function throughPort(databaseUrl: string, port: number): string {
  const url = new URL(databaseUrl);
  url.searchParams.delete('host');
  url.searchParams.delete('port');
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return url.href;
}
