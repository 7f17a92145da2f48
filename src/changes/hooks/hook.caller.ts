import { Injectable } from '@nestjs/common';
import { withinTime } from '../../common/async/within-time';
import { loggable } from '../../common/errors/database-errors';
import { SafeLogger } from '../../common/safe-logger';
import { SeldomLog } from '../../common/seldom-log';
import type { AccessTokenEvent } from './access-token-events';
import type { Hook } from './hook.registry';
import { OverdueCalls } from './overdue-calls';

/** How long a handler may take. Afterwards it counts as failed; JavaScript cannot end it. */
export const HANDLER_MS = 10_000;

/** The events of this process since it began. */
export interface HookCounts {
  /** Calls of handlers that succeeded. */
  readonly delivered: number;
  /** Calls that threw, or took longer than ten seconds, and those that were not made because three others still hang. */
  readonly failed: number;
  /** Events that were discarded, because too many waited in memory. */
  readonly lost: number;
  /** Events that became dead letters. */
  readonly givenUp: number;
}

/**
 * Calls the handlers of a host. A handler that throws or hangs stops nothing: others wait for it for ten seconds at most, once a
 * minute.
 */
@Injectable()
export class HookCaller {
  private readonly logger = new SafeLogger('AccessTokenHooks');
  private readonly failures = new SeldomLog(this.logger);
  private readonly losses = new SeldomLog(this.logger);
  private readonly overdue = new OverdueCalls();
  private readonly counted = { delivered: 0, failed: 0, lost: 0, givenUp: 0 };

  get counts(): HookCounts {
    return { ...this.counted };
  }

  /** @returns false if the handler failed. It never throws. */
  async call(hook: Hook, event: AccessTokenEvent): Promise<boolean> {
    try {
      await this.handle(hook, event);
      this.counted.delivered += 1;
      return true;
    } catch (error) {
      this.counted.failed += 1;
      const { id: eventId, type } = event;
      this.failures.warn({ event: 'hook.failed', hook: hook.name, type, eventId, cause: loggable(error) });
      return false;
    }
  }

  lose(events: number): void {
    this.counted.lost += events;
    this.losses.warn({ event: 'hook.events_lost', lost: events });
  }

  giveUp({ id: eventId, type }: AccessTokenEvent, attempts: number): void {
    this.counted.givenUp += 1;
    this.logger.error({ event: 'hook.given_up', type, eventId, attempts });
  }

  private async handle(hook: Hook, event: AccessTokenEvent): Promise<void> {
    if (this.overdue.areTooMany(hook.name)) throw new Error(`${hook.name} is not called while earlier calls hang`);
    const call = (async () => {
      await hook.handle(event);
    })();
    let hasEnded = false;
    const ended = () => (hasEnded = true);
    call.then(ended, ended);
    try {
      await withinTime(HANDLER_MS, hook.name, () => call);
    } finally {
      if (!hasEnded) this.overdue.note(hook.name, call);
    }
  }
}
