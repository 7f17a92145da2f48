import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { CoalescedTask } from '../../common/async/coalesced-task';
import { withinTime } from '../../common/async/within-time';
import { loggable } from '../../common/errors/database-errors';
import { SafeLogger } from '../../common/safe-logger';
import { StandingFailureLog } from '../../common/standing-failure-log';
import { VerificationPools } from '../../database/connections/verification-pools';
import { eventOf } from './access-token-events';
import { HANDLER_MS, HookCaller } from './hook.caller';
import { HookRegistry } from './hook.registry';
import { type ClaimedEvent, type SettledEvent, TokenEventStore } from './token-event.store';

/** How often a node looks for events of other nodes, of transactions of a host and of former processes. */
const POLL_MS = 1_000;
/** How many events are delivered at once. They are events of as many tokens. */
const BATCH = 20;
/** After that many attempts, in over an hour, an event is a dead letter. */
export const MAX_ATTEMPTS = 16;

/**
 * Delivers the events of the outbox, each by one node at a time. If a process ends before it has noted a delivery, another one
 * delivers the event again after thirty seconds. A handler that has heard an event does not hear it again because another one failed.
 */
@Injectable()
export class OutboxCourier implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly failures = new StandingFailureLog(new SafeLogger('AccessTokenHooks'));
  private readonly rounds = new CoalescedTask(() => this.round());
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    private readonly registry: HookRegistry,
    private readonly caller: HookCaller,
    private readonly store: TokenEventStore,
    private readonly database: VerificationPools,
  ) {}

  /** A node without handlers asks the database for nothing. */
  onApplicationBootstrap(): void {
    if (this.registry.keptTypes().length === 0) return;
    this.timer = setInterval(() => this.wake(), POLL_MS);
    // Latchkey never keeps the process of its host alive.
    this.timer.unref();
  }

  /** Says that there may be an event. */
  wake(): void {
    if (this.timer !== undefined && !this.isStopped) void this.rounds.run();
  }

  /** The deliveries that are under way are finished. The rest is left to other nodes, or to the next start. */
  async beforeApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    await withinTime(HANDLER_MS / 2, 'The last delivery', () => this.rounds.run()).catch(() => undefined);
  }

  private async round(): Promise<void> {
    try {
      while (!this.isStopped && (await this.deliverBatch()));
      this.failures.succeeded();
    } catch (error) {
      this.failures.failed({ event: 'hook.outbox_unavailable', cause: loggable(error) });
    }
  }

  /** Whether there may be more. */
  private async deliverBatch(): Promise<boolean> {
    const run = this.database.writer();
    const claimed = await this.store.claim(run, this.registry.keptTypes(), BATCH);
    if (claimed.length === 0) return false;
    await this.store.settle(run, await Promise.all(claimed.map((event) => this.attempt(event))));
    return true;
  }

  private async attempt({ told, attempts, heardBy }: ClaimedEvent): Promise<SettledEvent> {
    const event = eventOf(told);
    const hooks = this.registry.hooksFor(event.type, true).filter(({ name }) => !heardBy.includes(name));
    // An event whose handlers end the process must not end it for ever.
    const isTooOften = attempts > MAX_ATTEMPTS;
    const heard = isTooOften ? [] : await Promise.all(hooks.map((hook) => this.caller.call(hook, event)));
    const isHeard = !isTooOften && heard.every(Boolean);
    const isDead = !isHeard && attempts >= MAX_ATTEMPTS;
    if (isDead) this.caller.giveUp(event, attempts);
    const now = hooks.filter((_, index) => heard[index]).map(({ name }) => name);
    return { id: event.id, attempts, heardBy: [...heardBy, ...now], isSettled: isHeard || isDead, isDead };
  }
}
