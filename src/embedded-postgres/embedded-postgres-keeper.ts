import * as fs from 'node:fs';
import * as path from 'node:path';
import { SafeLogger } from '../common/safe-logger';
import { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from './embedded-postgres';
import { EmbeddedPostgresError } from './errors';

const LOOK_EVERY_MS = 250;
const LONGEST_PAUSE_MS = 5_000;
/** A server that has lived this long did not die of the way it was started. */
const CALM_MS = 60_000;

/**
 * Runs a private PostgreSQL and starts it again when it dies. Its URL stays the same, so that new connections find it. Any
 * number of processes can keep the server of one directory: one revives it, the others join.
 */
export class EmbeddedPostgresKeeper {
  private readonly logger = new SafeLogger(EmbeddedPostgresKeeper.name);
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();
  private isStopped = false;
  private isDown = false;
  private attempts = 0;
  private startedAt = Date.now();
  private lastReason: string | undefined;

  private constructor(
    private readonly options: EmbeddedPostgresOptions,
    private server: EmbeddedPostgres,
  ) {
    this.lookLater();
  }

  /** @throws EmbeddedPostgresError */
  static async start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgresKeeper> {
    return new EmbeddedPostgresKeeper(options, await startEmbeddedPostgres(options));
  }

  get url(): string {
    return this.server.url;
  }

  /** Ends this process's use of the server, and its care for it. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.looking;
    await this.server.stop();
  }

  /**
   * The more often the server has died lately, the longer the pause: a server that dies of its start must not be started all
   * the time.
   */
  private lookLater(): void {
    const pause = Math.min(LOOK_EVERY_MS * 2 ** this.attempts, LONGEST_PAUSE_MS);
    const look = () => {
      this.looking = this.look();
    };
    this.timer = setTimeout(look, pause).unref();
  }

  private async look(): Promise<void> {
    try {
      if (!this.server.isAlive()) await this.revive();
      else this.isUp();
    } catch (error) {
      const reason = String(error);
      // Logged once, until the reason changes.
      if (reason !== this.lastReason) this.logger.error({ event: 'embedded_postgres.not_revived', reason });
      this.lastReason = reason;
    }
    if (!this.isStopped) this.lookLater();
  }

  private isUp(): void {
    this.isDown = false;
    if (Date.now() - this.startedAt > CALM_MS) this.attempts = 0;
  }

  private async revive(): Promise<void> {
    if (!this.isDown) this.logger.warn({ event: 'embedded_postgres.died' });
    this.isDown = true;
    this.attempts += 1;
    requireData(this.server.dataDir);
    const dead = this.server;
    this.server = await startEmbeddedPostgres(this.options);
    this.startedAt = Date.now();
    this.isDown = false;
    this.lastReason = undefined;
    this.logger.log({ event: 'embedded_postgres.revived' });
    // This process's end of the dead server's pipe is also the new server's, and would keep that server alive after this
    // process has ended.
    await dead.stop();
  }
}

/** If the data are gone, an empty database in their place would look like a valid one. */
function requireData(dataDir: string): void {
  if (fs.existsSync(path.join(dataDir, 'PG_VERSION'))) return;
  throw new EmbeddedPostgresError(`The database in ${dataDir} is gone, so put it back or start Latchkey again.`);
}
