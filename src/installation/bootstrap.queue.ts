import { Injectable } from '@nestjs/common';
import { SetUpBusyError } from './installation.errors';

/** The most requests that wait; a further one is refused. */
export const MAX_WAITING = 1_000;

interface Waiting {
  readonly proceed: () => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * Lets requests to set up the installation run one at a time. Every caller can send them, and a set-up is expensive: it hashes
 * a password and holds a connection while it waits for the lock. A request that waits here holds neither.
 */
@Injectable()
export class BootstrapQueue {
  private waiting: Waiting[] = [];
  private isTaken = false;

  /**
   * @param isForAll whether a failure is the answer to all waiting requests: each would wait for the same failure, the last of
   * a thousand for very long.
   * @throws SetUpBusyError
   */
  async enqueue<Result>(work: () => Promise<Result>, isForAll: (error: unknown) => boolean): Promise<Result> {
    if (this.isTaken) await this.wait();
    this.isTaken = true;
    try {
      return await work();
    } catch (error) {
      if (isForAll(error)) for (const { refuse } of this.waiting.splice(0)) refuse(error);
      throw error;
    } finally {
      this.handOver();
    }
  }

  private wait(): Promise<void> {
    if (this.waiting.length >= MAX_WAITING) throw new SetUpBusyError();
    return new Promise((resolve, reject) => this.waiting.push({ proceed: resolve, refuse: reject }));
  }

  /** No other request can come in between: the turn stays taken until no request is left to get it. */
  private handOver(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.isTaken = false;
    else next.proceed();
  }
}
