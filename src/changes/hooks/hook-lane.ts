import { CoalescedTask } from '../../common/async/coalesced-task';
import type { AccessTokenEvent } from './access-token-events';
import type { HookCaller } from './hook.caller';
import type { Hook } from './hook.registry';

/** The most events that wait for one handler, or for the database. Further ones are only counted. */
export const MAX_WAITING = 10_000;
/** How many events a handler hears at once, those of one token one after another. */
const LARGEST_BATCH = 100;

/** An event that a handler is to hear. */
export interface Call {
  readonly hook: Hook;
  readonly event: AccessTokenEvent;
}

/** The calls that wait for one handler. Handlers do not wait for each other: one that hangs holds up its own events only. */
export class HookLane {
  private readonly waiting: Call[] = [];
  private readonly calling = new CoalescedTask(() => this.callAll());

  constructor(private readonly caller: HookCaller) {}

  /** Settles when the handler has heard these. It never throws. */
  add(calls: readonly Call[]): Promise<void> {
    const fitting = calls.slice(0, MAX_WAITING - this.waiting.length);
    this.waiting.push(...fitting);
    if (calls.length > fitting.length) this.caller.lose(calls.length - fitting.length);
    return this.calling.run();
  }

  /** Discards what waits. @returns how many. */
  clear(): number {
    return this.waiting.splice(0).length;
  }

  private async callAll(): Promise<void> {
    while (this.waiting.length > 0) {
      const byToken = new Map<string | null, Call[]>();
      for (const call of this.waiting.splice(0, LARGEST_BATCH)) {
        const { tokenId } = call.event;
        byToken.set(tokenId, [...(byToken.get(tokenId) ?? []), call]);
      }
      await Promise.all([...byToken.values()].map((calls) => this.callInOrder(calls)));
    }
  }

  private async callInOrder(calls: readonly Call[]): Promise<void> {
    for (const { hook, event } of calls) await this.caller.call(hook, event);
  }
}
