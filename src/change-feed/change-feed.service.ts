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
/** Longer than a connection waits: this process was stopped meanwhile. */
const LONGEST_READ_MS = 1_000;
const NOTABLE_FAILURES = 2;
/** The part of a read's time that this process spent on other work. */
const BUSY = 0.5;
const NOTABLE_SKEW_MS = 5_000;

/** The state that a node has confirmed, as other nodes see it. */
export interface Confirmed {
  /** The snapshot of the read: PostgreSQL's own record of the transactions that it has seen. */
  readonly snapshot: string;
  /** The last revision up to which none is missing. Revisions are transaction ids; all smaller ones have ended. */
  readonly revision: number;
}

/**
 * What this node knows, and as of when: the bound on how long a revoked token can live (guarantees P1 to P5).
 *
 * A node may answer from memory only while it has confirmed, by its own read of the primary, that it knows every change
 * committed up to less than the bound ago (`Freshness`). Changes carry the id of their transaction, and a read asks for all those
 * that the snapshot of the last read did not see: so a change that commits late or out of order is not missed. A push makes a read
 * happen sooner; nothing rests on it.
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
    // A database that is away now is asked again soon. Until then nothing is answered from memory.
    await this.catchUp().catch(() => undefined);
    this.schedule();
  }

  /** Stopped last: requests are still being answered while other parts stop. */
  onApplicationShutdown(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  get revision(): number {
    return this.confirmed?.revision ?? 0;
  }

  /** From now on, nothing older is answered from memory. */
  invalidate(): void {
    this.freshness.invalidate();
    this.confirmed = undefined;
    this.changes.addEverything();
  }

  /**
   * Notes that a heartbeat of this node is in the list of nodes. While it was not there, a caller may have been told that a change
   * is known to all nodes: so what was read before counts as changed.
   *
   * @param sentAt when the heartbeat was sent, as `performance.now()` counts.
   */
  noteListed(sentAt: number): void {
    if (!this.freshness.isListed()) this.changes.addEverything();
    this.freshness.list(sentAt);
  }

  /** Calls a listener whenever the node has read changes, and after the first read. */
  onProgress(listener: (confirmed: Confirmed) => void): void {
    this.listeners.push(listener);
    if (this.confirmed) listener(this.confirmed);
  }

  /**
   * Learns of every change that was committed before this call. Calls made during a read share the next one.
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
    // After a pause of this process it is unknown when in between the database looked at its clock.
    if (receivedAt - sentAt >= LONGEST_READ_MS) return;
    this.clock.synchronize(answer.now, sentAt, receivedAt, answer.reachedMs);
    this.freshness.synchronize(wallAheadMs);
  }

  private apply(answer: Answer, isFirst: boolean, isMarkLost: boolean): void {
    const { snapshot, subjects } = answer;
    const isVoid = this.incarnation.observe(answer, this.confirmed?.snapshot, isMarkLost) || isFirst;
    if (isVoid) this.forgetEverything();
    else if (subjects.length > 0) this.changes.add(subjects);
    this.confirmed = { snapshot, revision: lastBefore(snapshot) };
    if (isVoid || subjects.length > 0) this.tell(this.confirmed);
  }

  /** A crash of the database has emptied the list of nodes, too. */
  private forgetEverything(): void {
    this.changes.addEverything();
    this.freshness.unlist();
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
    // A process that was busy itself has learnt nothing about the database: the answer may have been there in time.
    if (utilization >= BUSY) return;
    this.failures += 1;
    // Once per outage. The next read makes up for a single failure, before the bound.
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
