import { OverloadedError } from '../common/errors/common.errors';

export interface TurnLimits {
  /** How many work at once. */
  readonly atOnce: number;
  /** How many of one caller's work at once. */
  readonly atOnceOfOne: number;
  /** How many of one caller's wait at most. */
  readonly waitingOfOne: number;
  /** How many wait in all. */
  readonly waiting: number;
  readonly waitMs: number;
}

interface Waiting {
  readonly begin: () => void;
}

/**
 * Turns that are given out fairly: callers take them in rotation, however many requests each of them has waiting. Whoever
 * waits for too long, or in too long a queue, is turned away.
 */
export class FairTurns {
  private readonly working = new Map<string, number>();
  /** In the order in which the callers are served next. */
  private readonly queues = new Map<string, Set<Waiting>>();
  private taken = 0;
  private waiting = 0;

  constructor(private readonly limits: TurnLimits) {}

  /** @throws OverloadedError */
  async run<Result>(caller: string, work: () => Promise<Result>): Promise<Result> {
    await this.turnOf(caller);
    try {
      return await work();
    } finally {
      this.end(caller);
    }
  }

  private async turnOf(caller: string): Promise<void> {
    if (this.isFreeFor(caller)) return this.begin(caller);
    const queue = this.queues.get(caller) ?? new Set();
    const { waiting, waitingOfOne } = this.limits;
    if (this.waiting >= waiting || queue.size >= waitingOfOne) throw new OverloadedError();
    return this.wait(caller, queue);
  }

  private wait(caller: string, queue: Set<Waiting>): Promise<void> {
    this.queues.set(caller, queue);
    this.waiting += 1;
    return new Promise((resolve, reject) => {
      const request = {
        begin: () => {
          clearTimeout(timer);
          this.leave(caller, request);
          this.begin(caller);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.leave(caller, request);
        reject(new OverloadedError());
      }, this.limits.waitMs);
      // Latchkey never keeps its host's process alive.
      timer.unref();
      queue.add(request);
    });
  }

  private leave(caller: string, request: Waiting): void {
    const queue = this.queues.get(caller)!;
    queue.delete(request);
    this.waiting -= 1;
    if (queue.size === 0) this.queues.delete(caller);
  }

  private isFreeFor(caller: string): boolean {
    return this.taken < this.limits.atOnce && (this.working.get(caller) ?? 0) < this.limits.atOnceOfOne;
  }

  private begin(caller: string): void {
    this.taken += 1;
    this.working.set(caller, (this.working.get(caller) ?? 0) + 1);
  }

  private end(caller: string): void {
    this.taken -= 1;
    const left = this.working.get(caller)! - 1;
    if (left === 0) this.working.delete(caller);
    else this.working.set(caller, left);
    this.next();
  }

  private next(): void {
    for (const [caller, queue] of this.queues) {
      if (!this.isFreeFor(caller)) continue;
      // Served, a caller goes to the end of the rotation.
      this.queues.delete(caller);
      this.queues.set(caller, queue);
      const [request] = queue;
      request!.begin();
      return;
    }
  }
}
