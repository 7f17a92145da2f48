import { Injectable } from '@nestjs/common';
import { currentErrand } from '../common/async/errand';
import { OverloadedError } from '../common/errors/common.errors';
import { Turnstile } from '../database/connections/turnstile';
import { SetUpBusyError } from './installation.errors';

/** The most requests that wait; a further one is refused. */
export const MAX_WAITING = 1_000;

/**
 * Lets requests to set up the installation run one at a time. Every caller can send them, and a set-up is expensive: it hashes
 * a password and holds a connection while it waits for the lock. A request that waits here holds neither.
 */
@Injectable()
export class BootstrapQueue {
  private readonly turns = new Turnstile({ all: 1, group: 1, member: 1 }, { group: MAX_WAITING, all: MAX_WAITING });

  /**
   * @param isForAll whether a failure is the answer to all waiting requests: each would wait for the same failure, the last of
   * a thousand for very long.
   * @throws SetUpBusyError
   */
  async enqueue<Result>(work: () => Promise<Result>, isForAll: (error: unknown) => boolean): Promise<Result> {
    const leave = await this.turn();
    try {
      return await work();
    } catch (error) {
      if (isForAll(error)) this.turns.abandon(Infinity, error as Error);
      throw error;
    } finally {
      leave();
    }
  }

  private turn(): Promise<() => void> {
    return this.turns.take(currentErrand()?.party, Infinity, busy).catch((error: unknown) => {
      throw error instanceof OverloadedError ? busy() : error;
    });
  }
}

function busy(): SetUpBusyError {
  return new SetUpBusyError();
}
