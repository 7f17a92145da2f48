/** Too many requests wait for the same host. */
export class HostBusyError extends Error {
  override readonly name = 'HostBusyError';
}

interface HostQueue {
  busy: number;
  readonly waiting: (() => void)[];
}

/**
 * Bounds the work for each host: so much at the same time, and so much waiting. A host that does not answer holds its own slots,
 * and nothing of any other host.
 */
export class HostSlots {
  private readonly hosts = new Map<string, HostQueue>();

  constructor(
    private readonly slots: number,
    private readonly mostWaiting: number,
  ) {}

  /** @throws HostBusyError, or the reason of the signal */
  async within<Result>(host: string, signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    const queue = this.hosts.get(host) ?? { busy: 0, waiting: [] };
    this.hosts.set(host, queue);
    if (queue.busy < this.slots) queue.busy += 1;
    else await this.waitForSlot(queue, signal);
    try {
      return await work();
    } finally {
      this.release(host, queue);
    }
  }

  /** Settles once another request has handed its slot over. */
  private waitForSlot({ waiting }: HostQueue, signal: AbortSignal): Promise<void> {
    if (waiting.length >= this.mostWaiting) throw new HostBusyError('Too many requests wait for the same host');
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        waiting.splice(waiting.indexOf(enter), 1);
        reject(signal.reason as Error);
      };
      waiting.push(enter);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  private release(host: string, queue: HostQueue): void {
    const next = queue.waiting.shift();
    if (next) return next();
    queue.busy -= 1;
    if (queue.busy === 0) this.hosts.delete(host);
  }
}
