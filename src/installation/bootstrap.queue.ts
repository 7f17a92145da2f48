import { Injectable } from '@nestjs/common';
import { currentQueryContext } from '../common/async/query-context';
import { OverloadedError } from '../common/errors/common.errors';
import { FairQueue } from '../database/connections/fair-queue';
import { SetUpBusyError } from './installation.errors';

/** The most requests that wait; a further one is refused. */
export const MAX_WAITING = 1_000;

/**
 * Lets requests to set up the installation run one at a time. Every caller can send them, and a set-up is expensive: it hashes
 * a password and holds a connection while it waits for the lock. A request that waits here holds neither.
 */
@Injectable()
export class BootstrapQueue {
  private readonly queue = new FairQueue({ all: 1, group: 1, member: 1 }, { group: MAX_WAITING, all: MAX_WAITING });

  /**
   * @param isForAll whether a failure is the answer to all waiting requests: each would wait for the same failure, the last of
   * a thousand for very long.
   * @throws SetUpBusyError
   */
  async enqueue<Result>(work: () => Promise<Result>, isForAll: (error: unknown) => boolean): Promise<Result> {
    const leave = await this.enter();
    try {
      return await work();
    } catch (error) {
      if (isForAll(error)) this.queue.abandon(Infinity, error as Error);
      throw error;
    } finally {
      leave();
    }
  }

  private enter(): Promise<() => void> {
    return this.queue.take(currentQueryContext()?.party, Infinity, busy).catch((error: unknown) => {
      throw error instanceof OverloadedError ? busy() : error;
    });
  }
}

function busy(): SetUpBusyError {
  return new SetUpBusyError();
}
