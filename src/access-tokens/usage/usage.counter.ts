import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Injectable,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { SafeLogger } from '../../common/safe-logger';
import { isGivenUp, isUnlucky, loggable } from '../../common/errors/database-errors';
import { CoalescedTask } from '../../common/async/coalesced-task';
import { VerificationPools } from '../../database/connections/verification-pools';
import { SEES_ALL_ROWS } from '../../database/schema';
import { LatchkeySettings } from '../../latchkey.options';

interface Uses {
  count: number;
  /** Milliseconds since the epoch. */
  lastAt: number;
}

/** Uses that are written together. */
interface Batch {
  readonly id: string;
  /** As `performance.now()` counts: no clock that jumps makes it older. */
  readonly sentAt: number;
  readonly uses: Map<string, Uses>;
}

/** So many tokens waiting are written at once, without waiting for the interval. */
const FLUSH_AT = 5_000;
/** After a batch that was written the next may be so much larger. */
const GROWTH = 1.25;
/** Tokens whose uses can wait: beyond that uses are lost, rather than memory. */
export const MAX_WAITING = 100_000;
/**
 * How long the last attempts go on from the moment the process is asked to stop, and a pause between them: somebody may hold the
 * rows. Ten seconds are what a supervisor allows by default.
 */
const LAST_MS = 8_000;
const LAST_PAUSE_MS = 150;
/** What became of a batch is kept for twice as long. */
const FORGOTTEN_MS = 43_200_000;

/**
 * Counts the uses of tokens without a limit (decisions 7): summed in memory and written together, so that no request writes
 * and a hot token is no hot row. A kill loses what was noted since the last write, a shutdown nothing.
 *
 * A row that somebody else holds is left out, and waits for the next time. A batch that takes the database longer than it is
 * given is parted, until what is left is quick. Of a batch that was not confirmed the database is asked what became of it,
 * before anything else is written: it was written, all but the rows left out, or it never will be.
 */
@Injectable()
export class UsageCounter implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly logger = new SafeLogger(UsageCounter.name);
  private waiting = new Map<string, Uses>();
  /** An attempt to write it has ended without a word of the server: it may have been written, or may be yet. */
  private uncertain: Batch | undefined;
  private readonly flushes = new CoalescedTask(() => this.writeAll());
  private timer: NodeJS.Timeout | undefined;
  /** When the last attempts end, as `performance.now()` counts. */
  private closesAt = Infinity;
  /** Since the last batch that was written. */
  private failures = 0;
  private isSaid = false;
  /** Tokens that are written together: fewer when that has been too many. */
  private most = FLUSH_AT;
  private lost = 0;

  constructor(
    private readonly database: VerificationPools,
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
    const before = this.waiting.size;
    this.add(tokenId, { count: 1, lastAt: at });
    // Not again while it stays so many: a database that does not write is not asked for every use.
    const isFull = this.waiting.size === FLUSH_AT && before < FLUSH_AT;
    if (isFull || this.closesAt !== Infinity) void this.flush();
  }

  /** Writes what has been noted so far. What cannot be written is kept for the next time. */
  flush(): Promise<void> {
    return this.flushes.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.closesAt = performance.now() + LAST_MS;
    clearInterval(this.timer);
    await this.flush();
  }

  /** Once more, for the requests that were still being answered. */
  async onApplicationShutdown(): Promise<void> {
    for (;;) {
      await this.flush();
      if (this.uncertain === undefined && this.waiting.size === 0) return;
      if (performance.now() > this.closesAt) break;
      await pause(LAST_PAUSE_MS);
    }
    this.logger.error({ event: 'uses.lost', tokens: (this.uncertain?.uses.size ?? 0) + this.waiting.size });
  }

  private add(tokenId: string, { count, lastAt }: Uses): void {
    const uses = this.waiting.get(tokenId);
    if (uses === undefined) return this.begin(tokenId, { count, lastAt });
    uses.count += count;
    if (lastAt > uses.lastAt) uses.lastAt = lastAt;
  }

  private begin(tokenId: string, uses: Uses): void {
    if (this.waiting.size >= MAX_WAITING) return this.lose(uses.count);
    this.waiting.set(tokenId, uses);
  }

  private lose(uses: number): void {
    if (this.lost === 0) this.logger.error({ event: 'uses.not_counted', tokensWaiting: this.waiting.size });
    this.lost += uses;
  }

  private async writeAll(): Promise<void> {
    if (this.uncertain !== undefined && !(await this.settle(this.uncertain))) return;
    // What is noted meanwhile waits for the next time: under load there is always more, and the writing would never pause.
    const batches = Math.ceil(this.waiting.size / this.most);
    for (let written = 0; written < batches; written += 1) {
      const batch = this.take();
      if (batch === undefined || !(await this.write(batch))) return;
    }
  }

  /** As much as one statement writes quickly. */
  private take(): Batch | undefined {
    if (this.waiting.size === 0) return undefined;
    const named = { id: randomUUID(), sentAt: performance.now() };
    if (this.waiting.size <= this.most) {
      const uses = this.waiting;
      this.waiting = new Map();
      return { ...named, uses };
    }
    const uses = new Map<string, Uses>();
    for (const [tokenId, noted] of this.waiting) {
      uses.set(tokenId, noted);
      this.waiting.delete(tokenId);
      if (uses.size === this.most) break;
    }
    return { ...named, uses };
  }

  private async write(batch: Batch): Promise<boolean> {
    const { id, uses } = batch;
    const noted = [...uses.values()];
    try {
      const counts = noted.map(({ count }) => count);
      const times = noted.map(({ lastAt }) => new Date(lastAt));
      const [row] = await this.database.write<{ left_out: string[] }>(FLUSH, [id, [...uses.keys()], counts, times]);
      for (const tokenId of row?.left_out ?? []) this.add(tokenId, uses.get(tokenId)!);
      this.succeed();
      return true;
    } catch (error) {
      this.fail(batch, error);
      return false;
    }
  }

  private fail(batch: Batch, error: unknown): void {
    const { uses } = batch;
    this.failures += 1;
    const isTooMuch = isGivenUp(error);
    if (isTooMuch) this.part(uses);
    else if (isUnlucky(error)) this.putBack(uses);
    else this.uncertain = batch;
    // What was merely too much at once is nothing to tell anybody.
    if (!isTooMuch || this.failures > 1) this.say(uses, error);
  }

  /** Asks what became of a batch. From then on it is not written any more. */
  private async settle({ id, uses, sentAt }: Batch): Promise<boolean> {
    try {
      const [found] = await this.database.write<Settled>(SETTLE, [id, performance.now() - sentAt < FORGOTTEN_MS]);
      this.uncertain = undefined;
      if (found === undefined) this.lose(sumOf(uses));
      const unwritten = found?.is_void ? [...uses.keys()] : (found?.left_out ?? []);
      for (const tokenId of unwritten) this.add(tokenId, uses.get(tokenId)!);
      return true;
    } catch (error) {
      this.say(uses, error);
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

  /** By the server's own word nothing has been written: it may go into other batches, behind what is waiting. */
  private part(uses: Map<string, Uses>): void {
    this.most = Math.ceil(uses.size / 2);
    this.putBack(uses);
  }

  private putBack(uses: Map<string, Uses>): void {
    for (const [tokenId, noted] of uses) this.add(tokenId, noted);
  }
}

function sumOf(uses: Map<string, Uses>): number {
  return [...uses.values()].reduce((sum, { count }) => sum + count, 0);
}

interface Settled {
  readonly is_void: boolean;
  readonly left_out: string[];
}

// Locked in the order of ids: two nodes that write the same tokens would otherwise meet in a deadlock. What is left out is
// looked for only when something is; a token whose row is gone is not.
const FLUSH = `
  WITH used AS (
    SELECT * FROM unnest($2::uuid[], $3::bigint[], $4::timestamptz[]) AS u (id, uses, at)
  ), locked AS MATERIALIZED (
    SELECT t.id FROM latchkey.identity_access_tokens t JOIN used USING (id) ORDER BY t.id
       FOR NO KEY UPDATE OF t SKIP LOCKED
  ), batch AS (
    INSERT INTO latchkey.use_batches (id, left_out)
    SELECT $1, ARRAY(SELECT t.id FROM latchkey.identity_access_tokens t JOIN used USING (id)
                      WHERE (SELECT count(*) FROM locked) < cardinality($2::uuid[])
                        AND NOT EXISTS (SELECT FROM locked WHERE locked.id = t.id))
     WHERE ${SEES_ALL_ROWS}
    RETURNING left_out
  ), written AS (
    UPDATE latchkey.identity_access_tokens t
       SET num_uses = t.num_uses + used.uses, last_used_at = greatest(t.last_used_at, used.at)
      FROM used JOIN locked USING (id)
     WHERE t.id = used.id
  )
  SELECT left_out FROM batch`;

// Waits for an attempt that is still under way. What nobody has asked about for half a day may have been forgotten (batches
// are pruned after a day): nothing is answered.
const SETTLE = `
  INSERT INTO latchkey.use_batches (id, is_void) SELECT $1, true WHERE $2::boolean
  ON CONFLICT (id) DO UPDATE SET id = excluded.id
  RETURNING is_void, left_out`;
