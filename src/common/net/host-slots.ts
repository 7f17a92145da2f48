/** Too many requests wait for the same host. */
export class HostBusyError extends Error {
  override readonly name = 'HostBusyError';
}

const TOO_MANY = 'Too many requests wait for the same host';

interface HostQueue {
  busy: number;
  readonly waiting: (() => void)[];
}

/**
 * Bounds the work of each party for each host: so much at the same time, and so much waiting. A host that does not answer holds the slots of
 * those who ask it, and nothing of any other host or party.
 */
export class HostSlots {
  private readonly queues = new Map<string, HostQueue>();

  /** @param patienceMs how long a request waits for a slot. */
  constructor(
    private readonly slots: number,
    private readonly mostWaiting: number,
    private readonly patienceMs: number,
  ) {}

  /** @param name of the party and the host. @throws HostBusyError */
  async within<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const queue = this.queues.get(name) ?? { busy: 0, waiting: [] };
    this.queues.set(name, queue);
    if (queue.busy < this.slots) queue.busy += 1;
    else await this.waitForSlot(queue);
    try {
      return await work();
    } finally {
      this.release(name, queue);
    }
  }

  /** Settles once another request has handed its slot over. */
  private waitForSlot({ waiting }: HostQueue): Promise<void> {
    if (waiting.length >= this.mostWaiting) throw new HostBusyError(TOO_MANY);
    return new Promise((resolve, reject) => {
      const enter = () => {
        clearTimeout(timer);
        resolve();
      };
      const leave = () => {
        waiting.splice(waiting.indexOf(enter), 1);
        reject(new HostBusyError(TOO_MANY));
      };
      const timer = setTimeout(leave, this.patienceMs);
      waiting.push(enter);
    });
  }

  private release(name: string, queue: HostQueue): void {
    const next = queue.waiting.shift();
    if (next) return next();
    queue.busy -= 1;
    if (queue.busy === 0) this.queues.delete(name);
  }
}
