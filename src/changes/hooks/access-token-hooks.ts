import { Injectable } from '@nestjs/common';
import { isId } from '../../common/ids';
import { VerificationPools } from '../../database/connections/verification-pools';
import { type AccessTokenEvent, eventOf } from './access-token-events';
import { HookCaller, type HookCounts } from './hook.caller';
import { OutboxCourier } from './outbox.courier';
import { TokenEventStore } from './token-event.store';

/** An event that no attempt could deliver. */
export interface DeadLetter {
  readonly event: AccessTokenEvent;
  readonly attempts: number;
}

/** Tells a host which events its `@OnAccessToken()` handlers have heard, and which they have not. */
@Injectable()
export class AccessTokenHooks {
  constructor(
    private readonly caller: HookCaller,
    private readonly courier: OutboxCourier,
    private readonly store: TokenEventStore,
    private readonly database: VerificationPools,
  ) {}

  /** The numbers of this process, since it began. */
  get counts(): HookCounts {
    return this.caller.counts;
  }

  /**
   * Events that were given up after 16 attempts, oldest first. They are kept for 30 days.
   *
   * @param limit how many at most, 1 to 1000.
   * @throws DatabaseUnavailableError; TypeError for another limit.
   */
  async deadLetters(limit = 100): Promise<DeadLetter[]> {
    if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) throw new TypeError('limit must be 1 to 1000');
    const letters = await this.store.deadLetters(this.database.reader(), limit);
    return letters.map(({ told, attempts }) => ({ event: eventOf(told), attempts }));
  }

  /**
   * Delivers a dead letter again, to the handlers that have not heard it.
   *
   * @returns false where there is no dead letter with this id.
   * @throws DatabaseUnavailableError
   */
  async redeliver(eventId: string): Promise<boolean> {
    if (!isId(eventId)) return false;
    const isDue = await this.store.revive(this.database.writer(), eventId);
    if (isDue) this.courier.wake();
    return isDue;
  }
}
