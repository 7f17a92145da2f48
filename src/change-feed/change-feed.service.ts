import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { SafeLogger } from '../common/safe-logger';
import { CoalescedTask } from '../common/async/coalesced-task';
import { Clock } from '../common/clock/clock';
import { loggable } from '../common/errors/database-errors';
import { VerificationPools } from '../database/connections/verification-pools';
import { LatchkeySettings } from '../latchkey.options';
import { ChangedSubjects } from './changed-subjects';
import { type Answer, type AnswerRow, READ_CHANGES, readAnswer } from './change-feed-answer';
import { DatabaseIncarnation } from './database-incarnation';
import { Freshness } from './freshness';
import { NodeMarkService } from './node-mark.service';

/** Reads per bound: after a failed read, or a pause of the event loop, there is time for another. */
const READS_PER_BOUND = 4;
/** Longer than a connection waits. A read that took so long means that this process was paused. */
const LONGEST_READ_MS = 1_000;
const NOTABLE_FAILURES = 2;
/** The share of a read's time, from which on this process was too busy with other work to blame the database. */
const BUSY = 0.5;
const NOTABLE_SKEW_MS = 5_000;

/** The state that a node has confirmed, as other nodes see it. */
export interface Confirmed {
  /** The snapshot of the read: PostgreSQL's own record of the transactions that it has seen. */
  readonly snapshot: string;
  /**
   * The applied revision: the transaction id below which the node has missed no change, because all those transactions had
   * ended.
   */
  readonly revision: number;
}

/**
 * Reads the changes that this node must know, and keeps the time as of which it knows them all. The bound on the life of a revoked
 * token rests on it (guarantees P1 to P5).
 *
 * A node may answer from memory only while its own read of the primary has confirmed, less than the bound ago, that the node
 * knows every committed change (`Freshness`). Each change carries the id of its transaction. A read asks for all changes that
 * the snapshot of the last read did not see, so a change that commits late or out of order is not missed. A push makes a node
 * read sooner, but no guarantee rests on pushes.
 */
@Injectable()
export class ChangeFeedService implements OnModuleInit, OnApplicationShutdown {
  readonly changes = new ChangedSubjects();
  readonly freshness: Freshness;
  readonly incarnation: DatabaseIncarnation;
  private readonly logger = new SafeLogger(ChangeFeedService.name);
  private readonly intervalMs: number;
  private readonly listeners: ((confirmed: Confirmed) => void)[] = [];
  private readonly reads = new CoalescedTask(() => this.readOnce());
  private confirmed: Confirmed | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;
  /** Reads in a row that have failed while this process had time for them. */
  private failures = 0;
  private isSkewed = false;
  private isBehind = false;

  constructor(
    private readonly database: VerificationPools,
    private readonly clock: Clock,
    private readonly mark: NodeMarkService,
    { revocationBoundMs }: LatchkeySettings,
  ) {
    this.freshness = new Freshness(revocationBoundMs);
    this.incarnation = new DatabaseIncarnation(database, mark);
    this.intervalMs = revocationBoundMs / READS_PER_BOUND;
  }

  async onModuleInit(): Promise<void> {
    // If the database is not available now, the node reads again soon. Until then it answers nothing from memory.
    await this.catchUp().catch(() => undefined);
    this.schedule();
  }

  /** Called last, because requests are still being answered while other parts stop. */
  onApplicationShutdown(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  get revision(): number {
    return this.confirmed?.revision ?? 0;
  }

  /** From now on, the node answers nothing from memory that is older than this call. */
  invalidate(): void {
    this.freshness.invalidate();
    this.confirmed = undefined;
    this.changes.addEverything();
  }

  /** Calls a listener after the first read, and after every read that found changes. */
  onProgress(listener: (confirmed: Confirmed) => void): void {
    this.listeners.push(listener);
    if (this.confirmed) listener(this.confirmed);
  }

  /**
   * Reads every change that was committed before this call. Calls made during a read share the next read.
   *
   * @throws DatabaseUnavailableError when the primary cannot be asked.
   */
  catchUp(): Promise<void> {
    return this.reads.run();
  }

  private async readOnce(): Promise<void> {
    const before = performance.eventLoopUtilization();
    try {
      await this.read();
    } catch (error) {
      this.noteFailure(error, performance.eventLoopUtilization(before));
      throw error;
    }
    this.noteSuccess();
  }

  private async read(): Promise<void> {
    const sentAt = performance.now();
    const wallAheadMs = Date.now() - sentAt;
    const known = this.freshness.isLost(sentAt) ? null : (this.confirmed?.snapshot ?? null);
    const mark = this.mark.expected();
    const answer = readAnswer(await this.database.readChanges<AnswerRow>(READ_CHANGES, [known, this.mark.nodeId]));
    this.incarnation.requireLatest(answer);
    this.apply(answer, known === null, this.mark.isLost(answer.mark, mark));
    const receivedAt = performance.now();
    this.freshness.confirm(sentAt);
    // If this process was paused, it is unknown when the database read its clock.
    if (receivedAt - sentAt >= LONGEST_READ_MS) return;
    this.clock.synchronize(answer.now, sentAt, receivedAt, answer.reachedMs);
    this.freshness.synchronize(wallAheadMs);
  }

  private apply(answer: Answer, isFirst: boolean, isMarkLost: boolean): void {
    const { snapshot, subjects } = answer;
    const isVoid = this.incarnation.observe(answer, this.confirmed?.snapshot, isMarkLost) || isFirst;
    if (isVoid) this.changes.addEverything();
    else if (subjects.length > 0) this.changes.add(subjects);
    this.confirmed = { snapshot, revision: lastBefore(snapshot) };
    if (isVoid || subjects.length > 0) this.tell(this.confirmed);
  }

  private tell(confirmed: Confirmed): void {
    for (const listener of this.listeners) listener(confirmed);
  }

  private noteSuccess(): void {
    if (this.failures >= NOTABLE_FAILURES) this.logger.log({ event: 'change_feed.confirmed' });
    this.failures = 0;
    const skewMs = Math.round(this.clock.skewMs());
    const behindMs = Math.round(this.clock.databaseBehindMs());
    const isSkewed = Math.abs(skewMs) > NOTABLE_SKEW_MS;
    if (isSkewed && !this.isSkewed) this.logger.warn({ event: 'clock.skewed', skewMs });
    this.isSkewed = isSkewed;
    const isBehind = behindMs > NOTABLE_SKEW_MS;
    if (isBehind && !this.isBehind) this.logger.error({ event: 'clock.database_set_back', behindMs });
    this.isBehind = isBehind;
  }

  private noteFailure(error: unknown, { utilization }: EventLoopUtilization): void {
    // If this process was busy itself, the failure says nothing about the database: its answer may have come in time.
    if (utilization >= BUSY) return;
    this.failures += 1;
    // Logged once per outage. After a single failure, the next read comes before the bound.
    if (this.failures === NOTABLE_FAILURES && !this.isStopped)
      this.logger.warn({ event: 'change_feed.unconfirmed', cause: loggable(error) });
  }

  private schedule(): void {
    if (this.isStopped) return;
    this.timer = setTimeout(() => {
      void this.catchUp()
        .catch(() => undefined)
        .then(() => this.schedule());
    }, this.intervalMs);
    // Latchkey never keeps its host's process alive.
    this.timer.unref();
  }
}

/** The last transaction before the oldest that was open when a snapshot (`xmin:xmax:open`) was taken. */
function lastBefore(snapshot: string): number {
  return Number.parseInt(snapshot, 10) - 1;
}
