import { type BeforeApplicationShutdown, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CoalescedTask } from '../../common/async/coalesced-task';
import { withinTime } from '../../common/async/within-time';
import { VerificationPools } from '../../database/connections/verification-pools';
import { type AccessTokenEvent, eventOf, type ToldEvent, type UntoldEvent } from './access-token-events';
import { HookCaller } from './hook.caller';
import { HookRegistry } from './hook.registry';
import { TokenEventStore } from './token-event.store';

/** The most events that wait in memory. Further ones are only counted. */
export const MAX_WAITING = 10_000;
const LARGEST_BATCH = 100;
const GATHER_MS = 10;
/** The pause after a read that failed. */
const RETRY_MS = 1_000;
/** How long the end of the application waits for handlers. */
const LAST_MS = 5_000;

/** Delivers events from memory, after the answers and in batches. To add an event can neither fail nor wait. */
@Injectable()
export class TokenEventQueue implements BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly waiting: UntoldEvent[] = [];
  private readonly handing = new CoalescedTask(() => this.handOver());
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly registry: HookRegistry,
    private readonly caller: HookCaller,
    private readonly store: TokenEventStore,
    private readonly database: VerificationPools,
  ) {}

  /** Events of which nothing is known but their ids. */
  add(events: readonly UntoldEvent[]): void {
    const heard = events.filter(({ type }) => this.registry.hooksFor(type, false).length > 0);
    const fitting = heard.slice(0, MAX_WAITING - this.waiting.length);
    this.waiting.push(...fitting);
    if (heard.length > fitting.length) this.caller.lose(heard.length - fitting.length);
    if (fitting.length > 0) this.handOverIn(GATHER_MS);
  }

  /** Hands over what waits now. It never throws. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    return this.handing.run();
  }

  /** Delivers events that the database has told. It never throws. */
  async deliver(told: readonly ToldEvent[]): Promise<void> {
    const lanes = new Map<string | null, AccessTokenEvent[]>();
    for (const event of told.map(eventOf)) lanes.set(event.tokenId, [...(lanes.get(event.tokenId) ?? []), event]);
    await Promise.all([...lanes.values()].map((events) => this.deliverInOrder(events)));
  }

  async beforeApplicationShutdown(): Promise<void> {
    await withinTime(LAST_MS, 'The last events', () => this.flush()).catch(() => undefined);
  }

  onApplicationShutdown(): void {
    clearTimeout(this.timer);
    if (this.waiting.length > 0) this.caller.lose(this.waiting.splice(0).length);
  }

  private handOverIn(ms: number): void {
    // Latchkey never keeps the process of its host alive.
    this.timer ??= setTimeout(() => void this.flush(), ms).unref();
  }

  private async handOver(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.slice(0, LARGEST_BATCH);
      const told = await this.told(batch);
      if (told === undefined) return this.handOverIn(RETRY_MS);
      this.waiting.splice(0, batch.length);
      await this.deliver(told);
    }
  }

  /** Undefined while the database cannot be asked. */
  private told(batch: readonly UntoldEvent[]): Promise<ToldEvent[] | undefined> {
    return this.store.tell(this.database.reader(), batch).catch(() => undefined);
  }

  private async deliverInOrder(events: readonly AccessTokenEvent[]): Promise<void> {
    for (const event of events) {
      const hooks = this.registry.hooksFor(event.type, false);
      await Promise.all(hooks.map((hook) => this.caller.call(hook, event)));
    }
  }
}
