import { type BeforeApplicationShutdown, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CoalescedTask } from '../common/async/coalesced-task';
import { withinTime } from '../common/async/within-time';
import { Clock } from '../common/clock/clock';
import { loggable } from '../common/errors/database-errors';
import { SafeLogger } from '../common/safe-logger';
import { SeldomLog } from '../common/seldom-log';
import { AuditTrail } from './audit-trail';
import type { Observation } from './observation';
import { MissedCounts, type MissedObservations } from './missed-observations';
import { ObservationShares, type Owned } from './observation-shares';

/** The most observations that wait. Clients can cause thousands a second, so that further ones are only counted. */
export const MAX_WAITING = 10_000;

/** The most observations that the trail is given at once. */
export const LARGEST_BATCH = 500;

/** How long observations are gathered for one batch. */
const GATHER_MS = 100;

/** How long the trail may take for a batch. */
const BATCH_MS = 5_000;

/** The pause after a batch that failed. */
const RETRY_MS = 1_000;

/** An observation before the queue has noted its time. */
type Untimed<T> = T extends Observation ? Omit<T, 'at'> : never;

/**
 * Hands observations to the audit trail after the answers, in batches. It bounds memory: what does not fit is counted for its
 * organization, and the trail is told the numbers. To add an observation costs a request one object, and can neither fail nor wait.
 */
@Injectable()
export class ObservationQueue implements BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly logger = new SafeLogger(AuditTrail.name);
  private readonly lost = new SeldomLog(this.logger);
  private readonly handing = new CoalescedTask(() => this.handOver());
  private readonly waiting = new ObservationShares(MAX_WAITING);
  private readonly missed = new MissedCounts();
  /** Observations that were only counted, since the start of the process. */
  lostSoFar = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly trail: AuditTrail,
    private readonly clock: Clock,
  ) {}

  add(observation: Untimed<Observation>): void {
    const lost = this.waiting.add({ ...observation, at: this.clock.now() });
    if (lost !== undefined) this.miss(lost);
    this.flushIn(GATHER_MS);
  }

  /** Hands over what waits now. It never throws. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    return this.handing.run();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.flush();
  }

  /** Once more, for requests that were still being answered. */
  async onApplicationShutdown(): Promise<void> {
    await withinTime(BATCH_MS, 'The last flush', () => this.flush()).catch(() => undefined);
    clearTimeout(this.timer);
    const lost = this.waiting.size + this.missed.total;
    if (lost > 0) this.logger.error({ event: 'audit.observations_lost', lost });
  }

  /** How many wait. */
  get size(): number {
    return this.waiting.size;
  }

  private miss(lost: Owned): void {
    this.missed.add(lost);
    this.lostSoFar += 1;
  }

  private flushIn(ms: number): void {
    // Latchkey never keeps the process of its host alive.
    this.timer ??= setTimeout(() => void this.flush(), ms).unref();
  }

  private async handOver(): Promise<void> {
    while (this.waiting.size > 0 || !this.missed.isEmpty) {
      const batch = this.waiting.take(LARGEST_BATCH);
      if (!(await this.handBatch(batch, this.missed.take()))) return this.flushIn(RETRY_MS);
    }
  }

  private async handBatch(batch: readonly Owned[], missed: readonly MissedObservations[]): Promise<boolean> {
    const observations = batch.map(([, observation]) => observation);
    try {
      await withinTime(BATCH_MS, 'Recording observations', async () => this.trail.observe(observations, missed));
      return true;
    } catch (error) {
      for (const one of batch) this.miss(one);
      this.missed.addAll(missed);
      this.lost.warn({ event: 'audit.observations_lost', lost: batch.length, cause: loggable(error) });
      return false;
    }
  }
}
