import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { Client, type ClientConfig, Connection } from 'pg';
import { noteWhileConnecting } from '../../common/errors/database-errors';
import { VALUE_TYPES } from './value-types';

/** Time to reach the server and hand over the request; the server sends no answer. */
const CANCEL_MS = 200;
/** After this time a cancel connection that the server did not close is broken off. */
const ABANDON_MS = 10_000;
/** Time for the server to close a connection after it was asked to. */
const CLOSE_MS = 500;

const SETTINGS = { DateStyle: 'ISO, MDY', TimeZone: 'UTC', standard_conforming_strings: 'on' };

/**
 * A connection whose loss ends no process. The statement that fails reports what broke it. But the last message of a dying
 * server may also arrive when no code listens, because a pool hands a connection over between two events: right after the
 * greeting, in the same packet, or when a statement has failed already and the connection is being discarded.
 */
export class CancellableClient extends Client {
  private readonly way: ClientConfig['stream'];

  constructor(config?: string | ClientConfig) {
    super({ ...(typeof config === 'string' ? { connectionString: config } : config), types: VALUE_TYPES });
    // A default of the whole process could ask for another format.
    (this as unknown as { binary: boolean }).binary = false;
    this.way = typeof config === 'object' ? config.stream : undefined;
    const { connection } = this as unknown as { connection: { ssl: Tls } };
    (this as unknown as { ssl: Tls }).ssl = connection.ssl = strict(connection.ssl);
    this.query = beginningSeeingAll(this.query.bind(this)) as Client['query'];
    this.on('error', () => undefined);
    shield((this as unknown as { connection: Shieldable }).connection);
  }

  override connect(): Promise<Client>;
  override connect(callback: (error: Error) => void): void;
  /** Errors before a connection is established are marked as such: they are never the fault of a statement. */
  override connect(callback?: (error: Error) => void): Promise<Client> | void {
    if (callback) return super.connect((error: Error) => callback(noteWhileConnecting(error)));
    return super.connect().catch((error: unknown) => {
      throw noteWhileConnecting(error);
    });
  }

  /** Closes the connection at once, whatever it is in the middle of: a server that does not answer does not read a goodbye. */
  breakOff(): void {
    const { _connecting: isConnecting } = this as unknown as { _connecting: boolean };
    if (!isConnecting) return void this.end().catch(() => undefined);
    const { stream } = (this as unknown as { connection: { stream: Duplex } }).connection;
    stream.destroy(new Error('Connection terminated due to connection timeout'));
  }

  /**
   * The settings that are sent to the server in the greeting. Settings of a role, a database or a server change how values are
   * written; those of the connection take precedence. PgBouncer knows these settings and gives each of its own connections
   * those of its client. They are spelled as the server confirms them, so that PgBouncer finds nothing to change.
   */
  getStartupConf(): Record<string, string> {
    const usual = Client.prototype as unknown as Startup;
    return { ...usual.getStartupConf.call(this), ...SETTINGS };
  }

  /**
   * Says goodbye, and gives the server half a second: a frozen one would delay the end of the process. For that time the connection
   * keeps the process alive. Otherwise a process with nothing else to do ends before its `close()` returns.
   */
  override end(callback?: (error: Error) => void): Promise<void>;
  override end(callback: (error: Error) => void): void;
  override end(callback?: (error: Error) => void): Promise<void> | void {
    const { connection } = this as unknown as { connection: Connection };
    (connection.stream as Partial<Socket>).ref?.();
    const timer = setTimeout(() => connection.stream.destroy(), CLOSE_MS).unref();
    connection.once('end', () => clearTimeout(timer));
    return callback === undefined ? super.end() : super.end(callback);
  }

  /**
   * Asks the server to give up the statement under way (CancelRequest: PostgreSQL's protocol, "Canceling Requests in
   * Progress"). A server that waits for its synchronous standby ignores the time limit of a statement, and does not notice that
   * its client is gone. Each abandoned statement would hold one of its connections for as long as the standby is away.
   *
   * Resolves when the server has been told, or cannot be in time. It never throws.
   */
  cancel(): Promise<void> {
    return new Promise((resolve) => {
      try {
        this.sendCancel(resolve);
      } catch {
        // A way to the server that cannot be used twice.
        resolve();
      }
    });
  }

  /**
   * Latchkey waits until the server closes the connection, although other clients do not: PgBouncer before 1.21 ends with a
   * FATAL when such a connection is broken off while it forwards the request (its issue 801).
   */
  private sendCancel(resolve: () => void): void {
    const { host, port, way, processID, secretKey, ssl } = this as unknown as KnownToServer;
    if (processID === null) return resolve();
    const connection = new Connection({ ...(way && { stream: way }), ssl }) as Canceller;
    const timers = [setTimeout(resolve, CANCEL_MS), setTimeout(() => connection.stream.destroy(), ABANDON_MS)];
    for (const timer of timers) timer.unref();
    const ask = () => connection.cancel(processID, secretKey);
    const done = () => {
      timers.forEach(clearTimeout);
      connection.stream.destroy();
      resolve();
    };
    connection
      .on('connect', () => (ssl ? connection.requestSsl() : ask()))
      .on('sslconnect', ask)
      .on('error', done)
      .on('end', done);
    if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`);
    else connection.connect(port, host);
    (connection.stream as Partial<Socket>).unref?.();
  }
}

type Tls = NonNullable<ClientConfig['ssl']>;

/**
 * TLS checks the server's certificate unless the address of the database says otherwise. Node would also read
 * `NODE_TLS_REJECT_UNAUTHORIZED` and `--tls-min-v1.0`, which are meant for the requests of other code in the process.
 */
function strict(ssl: Tls): Tls {
  if (ssl === false) return ssl;
  // node-postgres hides the private key from enumeration.
  const given: PropertyDescriptorMap = ssl === true ? {} : Object.getOwnPropertyDescriptors(ssl);
  const options = Object.defineProperties<ConnectionOptions>({}, given);
  return Object.assign(options, {
    rejectUnauthorized: options.rejectUnauthorized ?? true,
    minVersion: options.minVersion ?? 'TLSv1.2',
  });
}

type Ask = (...asked: unknown[]) => unknown;

/** TypeORM's spelling. */
const BEGIN = 'START TRANSACTION';

/**
 * Every transaction runs at READ COMMITTED, whatever the role's default is: a transaction that locks a row and then reads must see
 * what was committed before the lock. Where row-level security would hide rows, a statement of a transaction fails (SQLSTATE
 * 42501); otherwise a hidden row would look like a missing one. Both are set together with the statement that begins the
 * transaction, which costs no round trip. In the greeting, PgBouncer would refuse them.
 */
const BEGIN_SEEING_ALL = `${BEGIN} ISOLATION LEVEL READ COMMITTED; SET LOCAL row_security = off`;

function beginningSeeingAll(ask: Ask): Ask {
  return (statement, ...more) => ask(statement === BEGIN ? BEGIN_SEEING_ALL : statement, ...more);
}

interface Startup {
  getStartupConf(): Record<string, string>;
}

/**
 * Turns an answer that is not PostgreSQL's into a broken connection. node-postgres throws on it while it reads, where no code
 * could catch the error, and the process would end.
 */
function shield(connection: Shieldable): void {
  const attach = connection.attachListeners.bind(connection);
  connection.attachListeners = (stream) => attach(shielded(stream as Duplex));
}

/** node-postgres only listens on it. */
function shielded(stream: Duplex): Listenable {
  const read = (listener: Listener) => (chunk: unknown) => {
    try {
      listener(chunk);
    } catch (cause) {
      stream.destroy(new Error('Connection terminated: its answer cannot be read', { cause }));
    }
  };
  return { on: (event, listener) => stream.on(event, event === 'data' ? read(listener) : listener) };
}

type Listener = (chunk: unknown) => void;

interface Listenable {
  on(event: string, listener: Listener): unknown;
}

interface Shieldable {
  attachListeners(stream: Duplex | Listenable): void;
}

/** Parts of node-postgres's connection that its types lack. */
interface KnownToServer extends Pick<CancellableClient, 'host' | 'port'> {
  readonly way: ClientConfig['stream'];
  readonly ssl: NonNullable<ClientConfig['ssl']>;
  /** Null until the server has greeted. */
  readonly processID: number | null;
  readonly secretKey: number;
}

interface Canceller extends Connection {
  connect(path: string): void;
  connect(port: number, host: string): void;
  requestSsl(): void;
  cancel(processID: number, secretKey: number): void;
}
