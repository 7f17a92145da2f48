import { randomUUID } from 'node:crypto';
import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { isGivenUp, loggable } from '../common/errors/database-errors';
import { GateDatabase } from '../database/gate-database';
import { LatchkeySettings } from '../latchkey.options';

interface Uses {
  count: number;
  /** Milliseconds since the epoch. */
  lastAt: number;
}

/** Uses that are written together. The id tells a second attempt from a second batch. */
interface Batch {
  readonly id: string;
  readonly uses: Map<string, Uses>;
  /** An attempt has ended without a word of the server: it may have been committed, or may be yet. */
  isUncertain: boolean;
}

/** So many tokens waiting are written at once, without waiting for the interval. */
const FLUSH_AT = 5_000;
/** After a batch that was written the next may be so much larger. */
const GROWTH = 1.25;
/** Tokens whose uses can wait: beyond that uses are lost, rather than memory. */
export const MAX_WAITING = 100_000;
/** Attempts at shutdown, each of them bounded by the deadline of the database. */
const LAST_ATTEMPTS = 5;

/**
 * Counts the uses of tokens without a limit (decisions 7): summed in memory and written together, so that no request writes
 * and a hot token is no hot row. A batch that was not confirmed is written again under its id: if the first attempt did
 * commit, the second changes nothing. A kill loses what was noted since the last write, a shutdown nothing.
 *
 * A batch that takes the database longer than it is given is parted, until what is left is quick, or is the one row that
 * somebody else holds: it keeps no other from being written.
 */
@Injectable()
export class UseCounter implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly logger = new Logger(UseCounter.name);
  private waiting = new Map<string, Uses>();
  /** Not confirmed yet. */
  private batch: Batch | undefined;
  private flushing: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  private isClosing = false;
  /** Since the last batch that was written. */
  private failures = 0;
  private isSaid = false;
  /** Tokens that are written together: fewer when that has been too many. */
  private most = FLUSH_AT;
  private lost = 0;

  constructor(
    private readonly database: GateDatabase,
    private readonly settings: LatchkeySettings,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => void this.flush(), this.settings.usageFlushIntervalMs);
    // Latchkey never keeps its host's process alive.
    this.timer.unref();
  }

  /**
   * Notes a use of a token without a limit. Costs no query.
   *
   * @param at milliseconds since the epoch.
   */
  note(tokenId: string, at: number): void {
    const uses = this.waiting.get(tokenId);
    if (uses === undefined) this.begin(tokenId, { count: 1, lastAt: at });
    else add(uses, 1, at);
    if (this.waiting.size === FLUSH_AT || this.isClosing) void this.flush();
  }

  /** Writes what has been noted so far. What cannot be written is kept for the next time. */
  flush(): Promise<void> {
    this.flushing = this.flushing.then(() => this.writeAll());
    return this.flushing;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isClosing = true;
    clearInterval(this.timer);
    await this.flush();
  }

  /** Once more, for the requests that were still being answered. */
  async onApplicationShutdown(): Promise<void> {
    for (let attempt = 0; attempt < LAST_ATTEMPTS; attempt += 1) {
      await this.flush();
      if (this.batch === undefined && this.waiting.size === 0) return;
    }
    this.logger.error({ event: 'uses.lost', tokens: (this.batch?.uses.size ?? 0) + this.waiting.size });
  }

  private begin(tokenId: string, uses: Uses): void {
    if (this.waiting.size < MAX_WAITING) {
      this.waiting.set(tokenId, uses);
      return;
    }
    if (this.lost === 0) this.logger.error({ event: 'uses.not_counted', tokensWaiting: MAX_WAITING });
    this.lost += uses.count;
  }

  private async writeAll(): Promise<void> {
    const batches = (this.batch ? 1 : 0) + Math.ceil(this.waiting.size / this.most);
    // What is noted meanwhile waits for the next time: under load there is always more, and the writing would never pause.
    for (let written = 0; written < batches; written += 1) {
      this.batch ??= this.take();
      if (this.batch === undefined || !(await this.write(this.batch))) return;
      this.batch = undefined;
    }
  }

  /** As much as one statement writes quickly. */
  private take(): Batch | undefined {
    if (this.waiting.size === 0) return undefined;
    const id = randomUUID();
    if (this.waiting.size <= this.most) {
      const uses = this.waiting;
      this.waiting = new Map();
      return { id, uses, isUncertain: false };
    }
    const uses = new Map<string, Uses>();
    for (const [tokenId, noted] of this.waiting) {
      uses.set(tokenId, noted);
      this.waiting.delete(tokenId);
      if (uses.size === this.most) break;
    }
    return { id, uses, isUncertain: false };
  }

  private async write(batch: Batch): Promise<boolean> {
    const { id, uses } = batch;
    const noted = [...uses.values()];
    try {
      const counts = noted.map(({ count }) => count);
      const times = noted.map(({ lastAt }) => new Date(lastAt));
      await this.database.write(FLUSH, [id, [...uses.keys()], counts, times]);
      this.succeed();
      return true;
    } catch (error) {
      this.failures += 1;
      batch.isUncertain ||= !isGivenUp(error);
      const isTooMuch = !batch.isUncertain;
      if (isTooMuch) this.part(uses);
      // What was merely too much at once is nothing to tell anybody.
      if (!isTooMuch || this.failures > 1) this.say(uses, error);
      return false;
    }
  }

  /** Once per outage: the next attempt is a moment away, and fails alike. */
  private say(uses: Map<string, Uses>, error: unknown): void {
    if (this.isSaid) return;
    this.isSaid = true;
    this.logger.error({ event: 'uses.not_written', tokens: uses.size, cause: loggable(error) });
  }

  private succeed(): void {
    this.failures = 0;
    this.isSaid = false;
    this.most = Math.min(FLUSH_AT, Math.ceil(this.most * GROWTH));
    if (this.lost > 0) this.logger.error({ event: 'uses.lost', uses: this.lost });
    this.lost = 0;
  }

  /** By the server's own word no attempt has written anything: it may go into other batches, behind what is waiting. */
  private part(uses: Map<string, Uses>): void {
    this.batch = undefined;
    this.most = Math.ceil(uses.size / 2);
    for (const [tokenId, noted] of uses) {
      const waiting = this.waiting.get(tokenId);
      if (waiting === undefined) this.begin(tokenId, noted);
      else add(waiting, noted.count, noted.lastAt);
    }
  }
}

function add(uses: Uses, count: number, at: number): void {
  uses.count += count;
  if (at > uses.lastAt) uses.lastAt = at;
}

// Locked in the order of ids: two nodes that write the same tokens would otherwise meet in a deadlock.
const FLUSH = `
  WITH batch AS (
    INSERT INTO latchkey.use_batches (id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id
  ), used AS (
    SELECT u.* FROM batch, unnest($2::uuid[], $3::bigint[], $4::timestamptz[]) AS u (id, uses, at)
  ), locked AS (
    SELECT t.id FROM latchkey.identity_access_tokens t JOIN used USING (id) ORDER BY t.id FOR NO KEY UPDATE OF t
  )
  UPDATE latchkey.identity_access_tokens t
     SET num_uses = t.num_uses + used.uses, last_used_at = greatest(t.last_used_at, used.at)
    FROM used JOIN locked USING (id)
   WHERE t.id = used.id`;
