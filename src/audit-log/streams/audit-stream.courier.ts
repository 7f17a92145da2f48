import { performance } from 'node:perf_hooks';
import { randomUUID } from 'node:crypto';
import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { CoalescedTask } from '../../common/async/coalesced-task';
import { withinTime } from '../../common/async/within-time';
import { loggable } from '../../common/errors/database-errors';
import { SafeLogger } from '../../common/safe-logger';
import { StandingFailureLog } from '../../common/standing-failure-log';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import { VerificationPools } from '../../database/connections/verification-pools';
import { sqlOn, type SqlRunner } from '../../database/sql-runner';
import { LatchkeySettings } from '../../latchkey.options';
import type { ClaimedStream } from './audit-stream';
import * as store from './audit-stream.store';
import { isGivenUp, pauseMs } from './delivery-faults';
import { type NextDelivery, StreamReader } from './stream.reader';
import { WebhookSender } from './webhook.sender';

/** How often a node looks for streams that have something to deliver. */
const POLL_MS = 1_000;
/** The most streams that a node delivers at the same time: of those that work, and of those that failed last time. */
const LANE = 16;
/** The most deliveries before other streams have their turn, and after which time no further one begins. */
const MOST_DELIVERIES = 100;
const TURN_MS = 10_000;
/** Letters that are tried again before new events are. */
const MOST_LETTERS = 10;
/** A lease outlasts one request by this. If a node dies, another one goes on after that time. */
const LEASE_MARGIN_MS = 10_000;
/** How long a shutdown waits for the deliveries under way. */
const LAST_MS = 5_000;

/**
 * Delivers the streams of the audit log, each by one node at a time and in the order of its chain. A stream moves on only after its
 * receiver has answered. So a node that dies loses no event, and at most one delivery is repeated. A receiver that does not answer
 * holds up no other stream.
 */
@Injectable()
export class AuditStreamCourier implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new SafeLogger(AuditStreamCourier.name);
  private readonly unavailable = new StandingFailureLog(this.logger);
  private readonly looks = new CoalescedTask(() => this.look());
  private readonly underWay = { healthy: new Set<Promise<void>>(), failing: new Set<Promise<void>>() };
  private readonly run: SqlRunner;
  private readonly leaseMs: number;
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) dataSource: DataSource,
    private readonly database: VerificationPools,
    private readonly settings: LatchkeySettings,
    private readonly sender: WebhookSender,
  ) {
    this.run = sqlOn(dataSource, dataSource);
    this.leaseMs = settings.outboundTimeoutMs + LEASE_MARGIN_MS;
  }

  onApplicationBootstrap(): void {
    if (!this.settings.maintenance) return;
    this.timer = setInterval(() => void this.tryLook(), POLL_MS);
    // Latchkey never keeps the process of its host alive.
    this.timer.unref();
  }

  /** The deliveries under way are finished. The rest is left to other nodes, or to the next start. */
  async beforeApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    await withinTime(LAST_MS, 'The last deliveries', () => this.finished()).catch(() => undefined);
  }

  /** Delivers what is due now, and waits for it. @throws what the database says. */
  async deliverDue(): Promise<void> {
    await this.looks.run();
    await this.finished();
  }

  private async tryLook(): Promise<void> {
    try {
      await this.looks.run();
      this.unavailable.succeeded();
    } catch (error) {
      this.unavailable.failed({ event: 'audit.streams_unavailable', cause: loggable(error) });
    }
  }

  private async finished(): Promise<void> {
    await Promise.all([...this.underWay.healthy, ...this.underWay.failing]);
  }

  /** Begins with streams that are due, and waits for none of them. */
  private async look(): Promise<void> {
    if (this.isStopped) return;
    const [healthy, failing] = [LANE - this.underWay.healthy.size, LANE - this.underWay.failing.size];
    const claim = { lease: randomUUID(), leaseMs: this.leaseMs, healthy, failing };
    for (const stream of await store.claimStreams(this.database.writer(), claim)) {
      const lane = stream.attempts > 0 ? this.underWay.failing : this.underWay.healthy;
      const delivering = this.deliver(stream).finally(() => lane.delete(delivering));
      lane.add(delivering);
    }
  }

  /** It never throws. */
  private async deliver(stream: ClaimedStream): Promise<void> {
    try {
      const reader = new StreamReader(this.run, stream);
      if (await this.deliverAgain(stream, reader)) await this.deliverNew(stream, reader);
      await store.release(this.run, stream);
    } catch (error) {
      // Its lease ends by itself. Then this node or another one goes on from the place that was noted last.
      this.unavailable.failed({ event: 'audit.streams_unavailable', cause: loggable(error) });
    }
  }

  /** Delivers dead letters that are due. @returns whether this node still holds the stream. */
  private async deliverAgain(stream: ClaimedStream, reader: StreamReader): Promise<boolean> {
    for (const letter of await store.dueDeadLetters(this.run, stream.id, MOST_LETTERS)) {
      const delivery = await reader.part(letter);
      const fault = delivery && (await this.sender.send(stream, delivery));
      if (fault === undefined) await store.removeDeadLetter(this.run, letter.id);
      else await store.keepDeadLetter(this.run, stream.id, letter.id, fault);
      const isHeld = await this.advance(stream, stream, false);
      if (!isHeld) return false;
      if (fault !== undefined) break;
    }
    return true;
  }

  private async deliverNew(claimed: ClaimedStream, reader: StreamReader): Promise<void> {
    let stream = claimed;
    const endsAt = performance.now() + TURN_MS;
    for (let made = 0; made < MOST_DELIVERIES && performance.now() < endsAt && !this.isStopped; made += 1) {
      const next = await reader.next(stream);
      if (next === undefined) return;
      const fault = next.delivery && (await this.sender.send(stream, next.delivery));
      if (fault !== undefined) return this.fail(stream, next, fault);
      const held = await this.advance(stream, next.behind, next.delivery !== undefined);
      if (held === undefined) return;
      stream = { ...stream, ...held, ...next.behind, attempts: 0 };
    }
  }

  private advance(stream: ClaimedStream, { batch, sent }: NextDelivery['behind'], isDelivered: boolean) {
    return store.advance(this.run, stream, { batch, sent }, { leaseMs: this.leaseMs, isDelivered });
  }

  private async fail(stream: ClaimedStream, { delivery, behind }: NextDelivery, fault: string): Promise<void> {
    const { id: streamId, organizationId } = stream;
    const attempts = stream.attempts + 1;
    if (!isGivenUp(fault, attempts)) {
      return store.noteFailure(this.run, stream, { fault, pauseMs: pauseMs(attempts) });
    }
    const { batch, first, count } = delivery!;
    await store.giveUp(this.run, stream, behind, { batch, first, count, attempts, lastFault: fault });
    this.logger.error({ event: 'audit.delivery_given_up', streamId, organizationId, batch, first, count, fault });
  }
}
