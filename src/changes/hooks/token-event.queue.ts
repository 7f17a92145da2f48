import { type BeforeApplicationShutdown, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CoalescedTask } from '../../common/async/coalesced-task';
import { withinTime } from '../../common/async/within-time';
import { VerificationPools } from '../../database/connections/verification-pools';
import { eventOf, type ToldEvent, type UntoldEvent } from './access-token-events';
import { type Call, HookLane, MAX_WAITING } from './hook-lane';
import { HookCaller } from './hook.caller';
import { HookRegistry } from './hook.registry';
import { TokenEventStore } from './token-event.store';

/** How many events the database is asked about at once. */
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
  /** By the name of the handler. */
  private readonly lanes = new Map<string, HookLane>();
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

  /** Hands over what waits now, and waits for the handlers. It never throws. */
  async flush(): Promise<void> {
    await this.handOverNow();
    await Promise.all([...this.lanes.values()].map((lane) => lane.add([])));
  }

  /** Delivers events that the database has told. Settles when every handler has heard them. It never throws. */
  async deliver(told: readonly ToldEvent[]): Promise<void> {
    const byName = new Map<string, Call[]>();
    for (const event of told.map(eventOf)) {
      for (const hook of this.registry.hooksFor(event.type, false)) {
        byName.set(hook.name, [...(byName.get(hook.name) ?? []), { hook, event }]);
      }
    }
    await Promise.all([...byName].map(([name, calls]) => this.laneOf(name).add(calls)));
  }

  async beforeApplicationShutdown(): Promise<void> {
    await withinTime(LAST_MS, 'The last events', () => this.flush()).catch(() => undefined);
  }

  onApplicationShutdown(): void {
    clearTimeout(this.timer);
    const unheard = [...this.lanes.values()].map((lane) => lane.clear());
    const lost = unheard.reduce((sum, one) => sum + one, this.waiting.splice(0).length);
    if (lost > 0) this.caller.lose(lost);
  }

  private handOverIn(ms: number): void {
    // Latchkey never keeps the process of its host alive.
    this.timer ??= setTimeout(() => void this.handOverNow(), ms).unref();
  }

  private handOverNow(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    return this.handing.run();
  }

  private async handOver(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.slice(0, LARGEST_BATCH);
      const told = await this.told(batch);
      if (told === undefined) return this.handOverIn(RETRY_MS);
      this.waiting.splice(0, batch.length);
      void this.deliver(told);
    }
  }

  /** Undefined while the database cannot be asked. */
  private told(batch: readonly UntoldEvent[]): Promise<ToldEvent[] | undefined> {
    return this.store.tell(this.database.reader(), batch).catch(() => undefined);
  }

  private laneOf(name: string): HookLane {
    const lane = this.lanes.get(name) ?? new HookLane(this.caller);
    this.lanes.set(name, lane);
    return lane;
  }
}
