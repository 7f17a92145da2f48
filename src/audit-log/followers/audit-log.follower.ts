import { randomUUID } from 'node:crypto';
import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { CoalescedTask } from '../../common/async/coalesced-task';
import { withinTime } from '../../common/async/within-time';
import { loggable } from '../../common/errors/database-errors';
import { SafeLogger } from '../../common/safe-logger';
import { SeldomLog } from '../../common/seldom-log';
import { StandingFailureLog } from '../../common/standing-failure-log';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import { sqlOn, type SqlRunner } from '../../database/sql-runner';
import { readEvents } from '../chain/batch-reads.store';
import { type LoggedEvent, loggedEvent } from '../logged-event';
import { pauseMs } from '../streams/delivery-faults';
import * as store from './audit-follower.store';

const POLL_MS = 1_000;
/** How long a handler may take. Afterwards it counts as failed; JavaScript cannot end it. */
const HANDLER_MS = 10_000;
const MOST_EVENTS = 100;
/** How long a shutdown waits for the handlers. */
const LAST_MS = 5_000;

/** Takes events of any organization, in the order in which they were sealed. */
export type EventHandler = (events: readonly LoggedEvent[]) => unknown;

/**
 * Hands sealed events to programs of this process. The place of each is kept under its name, and one node at a time hands events over.
 * A follower moves on after its handler has succeeded: so no event is lost, and events that come twice have the same ids.
 */
@Injectable()
export class AuditLogFollower implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new SafeLogger(AuditLogFollower.name);
  private readonly unavailable = new StandingFailureLog(this.logger);
  private readonly failures = new SeldomLog(this.logger);
  private readonly handlers = new Map<string, { readonly round: CoalescedTask<void> }>();
  /** Names whose place is kept in the database. */
  private readonly kept = new Set<string>();
  private readonly run: SqlRunner;
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(@InjectDataSource(LATCHKEY_DATA_SOURCE) dataSource: DataSource) {
    this.run = sqlOn(dataSource, dataSource);
  }

  /** A node without followers asks the database for nothing. */
  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.followAll(), POLL_MS);
    // Latchkey never keeps the process of its host alive.
    this.timer.unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    await withinTime(LAST_MS, 'The last handlers', () => this.followAll()).catch(() => undefined);
  }

  /** Hands events over from now on, or from where the name stopped. @returns a function that ends it. @throws TypeError */
  follow(name: string, handler: EventHandler): () => void {
    if (this.handlers.has(name)) throw new TypeError(`${name} follows the audit log already`);
    this.handlers.set(name, { round: new CoalescedTask(() => this.take(name, handler)) });
    return () => void this.handlers.delete(name);
  }

  /** Hands over what is sealed now. It never throws. */
  async followAll(): Promise<void> {
    await Promise.all([...this.handlers.values()].map(({ round }) => round.run()));
  }

  private async take(name: string, handler: EventHandler): Promise<void> {
    try {
      if (!this.kept.has(name)) await store.addFollower(this.run, name);
      this.kept.add(name);
      const held = this.isStopped ? undefined : await store.claimFollower(this.run, name, randomUUID());
      if (held !== undefined) await this.handOver(held, handler);
      this.unavailable.succeeded();
    } catch (error) {
      // Its lease ends by itself. Then this node or another one goes on from the place that was noted last.
      this.unavailable.failed({ event: 'audit.followers_unavailable', cause: loggable(error) });
    }
  }

  private async handOver(held: store.HeldFollower, handler: EventHandler): Promise<void> {
    let place: store.FollowerPlace = held;
    while (!this.isStopped) {
      const batch = await store.batchBehind(this.run, place.position);
      if (batch === undefined) break;
      const events = await this.eventsOf(batch, place.sent);
      if (!(await this.call(held, handler, events))) {
        return store.releaseFollower(this.run, held, pauseMs(held.attempts + 1));
      }
      place = placeBehind(batch, place);
      if (!(await store.moveFollower(this.run, held, place))) return;
    }
    await store.releaseFollower(this.run, held);
  }

  private async eventsOf(batch: store.FollowedBatch, sent: number): Promise<LoggedEvent[]> {
    const ids = batch.eventIds.slice(sent, sent + MOST_EVENTS);
    return (await readEvents(this.run, batch, ids)).map(loggedEvent);
  }

  /** @returns false if the handler failed. */
  private async call({ name }: store.HeldFollower, handler: EventHandler, events: LoggedEvent[]): Promise<boolean> {
    if (events.length === 0) return true;
    try {
      await withinTime(HANDLER_MS, name, async () => {
        await handler(events);
      });
      return true;
    } catch (error) {
      this.failures.warn({ event: 'audit.follower_failed', follower: name, cause: loggable(error) });
      return false;
    }
  }
}

function placeBehind({ position, eventIds }: store.FollowedBatch, before: store.FollowerPlace): store.FollowerPlace {
  const sent = before.sent + MOST_EVENTS;
  return sent >= eventIds.length ? { position, sent: 0 } : { position: before.position, sent };
}
