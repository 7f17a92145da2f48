import { performance } from 'node:perf_hooks';
import type { Logger } from '@nestjs/common';

/** A task that is tried again by itself is late, rather than failed, before this time has passed. */
const STANDING_MS = 10_000;

/**
 * Logs the failures of a task that is tried again by itself: one line when no try has succeeded for ten seconds. A failure that
 * the next try mends is no news, because the process may only have been too busy to read an answer in time.
 */
export class StandingFailureLog {
  private failingSince: number | undefined;
  private isSaid = false;

  constructor(
    private readonly logger: Logger,
    private readonly level: 'warn' | 'error' = 'warn',
  ) {}

  succeeded(): void {
    this.failingSince = undefined;
    this.isSaid = false;
  }

  failed(entry: object): void {
    const now = performance.now();
    this.failingSince ??= now;
    if (this.isSaid || now - this.failingSince < STANDING_MS) return;
    this.isSaid = true;
    this.logger[this.level](entry);
  }
}
