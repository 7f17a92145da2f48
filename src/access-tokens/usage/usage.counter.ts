import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Injectable,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { SafeLogger } from '../../common/safe-logger';
import { CoalescedTask } from '../../common/async/coalesced-task';
import { TokenEvents } from '../../changes/hooks/token-events.service';
import { VerificationPools } from '../../database/connections/verification-pools';
import { LatchkeySettings } from '../../latchkey.options';
import { PendingUses } from './pending-uses';
import { LARGEST_BATCH, UsageBatchWriter } from './usage-batch-writer';

/**
 * How long the last attempts continue from the moment the process is asked to stop, and the pause between them: another session
 * may hold the rows. Ten seconds are what a supervisor allows by default.
 */
const LAST_MS = 8_000;
const LAST_PAUSE_MS = 150;

/**
 * Counts the uses of tokens without a limit (decisions 7): summed in memory and written together, so that no request writes
 * and a hot token is no hot row. A kill loses what was noted since the last write, a shutdown nothing.
 */
@Injectable()
export class UsageCounter implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly logger = new SafeLogger(UsageCounter.name);
  private readonly pending = new PendingUses(this.logger);
  private readonly writer: UsageBatchWriter;
  private readonly flushes = new CoalescedTask(() => this.writer.writeAll());
  private timer: NodeJS.Timeout | undefined;
  /** When the last attempts end, as `performance.now()` counts. */
  private closesAt = Infinity;

  constructor(
    database: VerificationPools,
    private readonly settings: LatchkeySettings,
    events: TokenEvents,
  ) {
    this.writer = new UsageBatchWriter(database, this.pending, this.logger, events);
  }

  onModuleInit(): void {
    this.timer = setInterval(() => void this.flush(), this.settings.usageFlushIntervalMs);
    // Latchkey never keeps its host's process alive.
    this.timer.unref();
  }

  /**
   * Counts a use of a token without a limit. Costs no query.
   *
   * @param at milliseconds since the epoch.
   */
  note(tokenId: string, at: number): void {
    const before = this.pending.size;
    this.pending.note(tokenId, at);
    // Not again while the number stays that high: a database that does not write is not asked for every use.
    const isFull = this.pending.size === LARGEST_BATCH && before < LARGEST_BATCH;
    if (isFull || this.closesAt !== Infinity) void this.flush();
  }

  /** Writes the uses counted so far. Uses that cannot be written are kept for the next flush. */
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
      if (this.left() === 0) return;
      if (performance.now() > this.closesAt) break;
      await pause(LAST_PAUSE_MS);
    }
    this.logger.error({ event: 'uses.lost', tokens: this.left() });
  }

  /** Uses that were never written. */
  get lost(): number {
    return this.pending.lostInAll;
  }

  /** Tokens whose uses have not been written for certain. */
  get backlog(): number {
    return this.left();
  }

  private left(): number {
    return this.writer.uncertainTokens + this.pending.size;
  }
}
