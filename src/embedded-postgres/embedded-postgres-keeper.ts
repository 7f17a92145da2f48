import * as fs from 'node:fs';
import * as path from 'node:path';
import { SafeLogger } from '../common/safe-logger';
import { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from './embedded-postgres';
import { EmbeddedPostgresError } from './errors';

const LOOK_EVERY_MS = 250;
const LONGEST_PAUSE_MS = 5_000;
/** A server that has lived for so long did not die of how it was started. */
const CALM_MS = 60_000;

/**
 * Runs a private PostgreSQL and starts it anew when it dies under us: its url stays the same, so that connections made
 * from then on find it. Any number of processes may keep the server of one directory; one revives it, the others join.
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

  /** Ends our use of the server, and our care for it. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.looking;
    await this.server.stop();
  }

  /** The oftener it has died of late, the longer is the pause: what dies of its start must not die all the time. */
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
      // Said once, until there is something new to say.
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
    // Our end of the pipe of the dead one belongs to the new one's too, and would keep that alive after us.
    await dead.stop();
  }
}

/** Where the data are gone, an empty database in their place would look like an answer. */
function requireData(dataDir: string): void {
  if (fs.existsSync(path.join(dataDir, 'PG_VERSION'))) return;
  throw new EmbeddedPostgresError(`The database in ${dataDir} is gone, so put it back or start Latchkey again.`);
}
