import { randomUUID } from 'node:crypto';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Clock } from '../../common/clock/clock';
import type { SqlRunner } from '../../database/sql-runner';
import type { Change } from '../change';
import type { AccessTokenEventName, UntoldEvent } from './access-token-events';
import { eventsOf, SYSTEM } from './events-of-change';
import { HookCaller } from './hook.caller';
import { HookRegistry } from './hook.registry';
import { OutboxCourier } from './outbox.courier';
import { type RefusedUse, RefusedUses } from './refused-uses';
import { TokenEventQueue } from './token-event.queue';
import { TokenEventStore } from './token-event.store';

/** For how long refusals are summed. */
const REFUSALS_MS = 1_000;

/** Where an event is wanted. */
export interface Wanted {
  readonly inMemory: boolean;
  readonly inOutbox: boolean;
}

/** Tells handlers of events. Where no handler listens, it does nothing. */
@Injectable()
export class TokenEvents implements OnApplicationShutdown {
  private readonly refusals = new RefusedUses();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly registry: HookRegistry,
    private readonly queue: TokenEventQueue,
    private readonly courier: OutboxCourier,
    private readonly store: TokenEventStore,
    private readonly caller: HookCaller,
    private readonly clock: Clock,
  ) {}

  wanted(type: AccessTokenEventName): Wanted {
    const has = (atLeastOnce: boolean) => this.registry.hooksFor(type, atLeastOnce).length > 0;
    return { inMemory: has(false), inOutbox: has(true) };
  }

  /** Keeps the events of a change in its transaction, where a handler wants them at least once. */
  async keep(run: SqlRunner, change: Change): Promise<void> {
    const types = this.registry.keptTypes();
    if (types.length === 0) return;
    const events = eventsOf(change, this.clock.now()).filter(({ type }) => types.includes(type));
    if (events.length > 0) await this.store.keep(run, events);
  }

  /** Tells of a change after its commit. */
  tell(change: Change): void {
    this.queue.add(eventsOf(change, this.clock.now()));
    this.courier.wake();
  }

  /** Tells of first uses after they were written. */
  tellFirstUses(tokenIds: readonly string[]): void {
    if (tokenIds.length === 0) return;
    this.queue.add(tokenIds.map((tokenId) => this.firstUse(tokenId)));
    this.courier.wake();
  }

  /** Notes that a genuine token was refused. It costs no query, and can neither fail nor wait. */
  noteRefused(use: RefusedUse): void {
    if (this.registry.hooksFor('refused', false).length === 0) return;
    if (this.refusals.note(use)) this.timer ??= setTimeout(() => this.tellRefusals(), REFUSALS_MS).unref();
  }

  onApplicationShutdown(): void {
    clearTimeout(this.timer);
  }

  private tellRefusals(): void {
    this.timer = undefined;
    if (this.refusals.missed > 0) this.caller.lose(this.refusals.missed);
    this.queue.add(this.refusals.take(this.clock.now()));
  }

  private firstUse(tokenId: string): UntoldEvent {
    const about = { tokenId, identityId: null, organizationId: null, requestId: null, address: null };
    return { id: randomUUID(), type: 'firstUsed', at: this.clock.now().getTime(), ...about, actor: SYSTEM };
  }
}
