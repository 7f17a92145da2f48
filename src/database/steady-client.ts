import { Client, type ClientConfig, Connection } from 'pg';
import { VALUE_TYPES } from './value-types';

/** For the server to be reached and to take the request: it answers nothing. */
const CANCEL_MS = 200;

const SETTINGS = { DateStyle: 'ISO, MDY', TimeZone: 'UTC', standard_conforming_strings: 'on' };

/**
 * A connection whose loss ends no process. What breaks it is told by the statement that fails; but the word of a dying server
 * may also come when nobody listens, because a pool hands a connection over between two events: right after the greeting, in
 * the same packet, or when a statement has failed already and the connection is being thrown away.
 */
export class SteadyClient extends Client {
  private readonly way: ClientConfig['stream'];

  constructor(config?: string | ClientConfig) {
    super({ ...(typeof config === 'string' ? { connectionString: config } : config), types: VALUE_TYPES });
    // A default of the whole process could ask for another form.
    (this as unknown as { binary: boolean }).binary = false;
    this.way = typeof config === 'object' ? config.stream : undefined;
    this.on('error', () => undefined);
  }

  /**
   * What is said to the server in greeting it. Settings of a role, a database or a server change how values are written; those
   * of the connection take precedence. PgBouncer knows these and gives each of its own connections those of the client it works
   * for; they are written as the server confirms them, so that it finds nothing to change.
   */
  getStartupConf(): Record<string, string> {
    const usual = Client.prototype as unknown as Startup;
    return { ...usual.getStartupConf.call(this), ...SETTINGS };
  }

  /**
   * Asks the server to give up the statement under way (CancelRequest: PostgreSQL's protocol, "Canceling Requests in Progress").
   * A server that waits for its synchronous standby heeds neither the time limit of a statement nor that nobody listens any
   * more: each statement that was merely left behind would hold one of its connections for as long as the standby is gone.
   *
   * Resolves when the server has been told, or cannot be in time; it never throws.
   */
  cancel(): Promise<void> {
    return new Promise((resolve) => {
      try {
        this.sendCancel(resolve);
      } catch {
        // A way to the server that cannot be gone twice.
        resolve();
      }
    });
  }

  private sendCancel(resolve: () => void): void {
    const { host, port, way, processID, secretKey, ssl } = this as unknown as KnownToServer;
    if (processID === null) return resolve();
    const connection = new Connection({ ...(way && { stream: way }), ssl }) as Canceller;
    const done = () => {
      clearTimeout(timer);
      connection.stream.destroy();
      resolve();
    };
    const timer = setTimeout(done, CANCEL_MS);
    const ask = () => connection.cancel(processID, secretKey);
    connection
      .on('connect', () => (ssl ? connection.requestSsl() : ask()))
      .on('sslconnect', ask)
      .on('error', done)
      .on('end', done);
    if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`);
    else connection.connect(port, host);
  }
}

interface Startup {
  getStartupConf(): Record<string, string>;
}

/** What node-postgres knows of a connection and has no types for. */
interface KnownToServer extends Pick<SteadyClient, 'host' | 'port'> {
  readonly way: ClientConfig['stream'];
  readonly ssl: NonNullable<ClientConfig['ssl']>;
  /** Null before the server has greeted. */
  readonly processID: number | null;
  readonly secretKey: number;
}

interface Canceller extends Connection {
  connect(path: string): void;
  connect(port: number, host: string): void;
  requestSsl(): void;
  cancel(processID: number, secretKey: number): void;
}
