import { Injectable } from '@nestjs/common';
import { SetUpBusyError } from './installation.errors';

/** So many may wait; whoever comes then is told to come again. */
export const MAX_WAITING = 1_000;

interface Waiting {
  readonly proceed: () => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * Lets those who want to set the installation up do so one at a time. Anybody may call, and a set-up is dear: it hashes a
 * password and holds a connection while it waits for the lock. Those who wait here hold neither.
 */
@Injectable()
export class BootstrapQueue {
  private waiting: Waiting[] = [];
  private isTaken = false;

  /**
   * @param isForAll whether a failure is the answer to everybody who waits: each would wait for the same one, the last
   * of a thousand for very long.
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

  /** Nobody can come in between: the turn stays taken until there is nobody to hand it to. */
  private handOver(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.isTaken = false;
    else next.proceed();
  }
}
