import { performance } from 'node:perf_hooks';
import type { Logger } from '@nestjs/common';

/** Logs a warning that could occur on every request: once in a while, with the number of times it occurred meanwhile. */
export class SeldomLog {
  private saidAt = -Infinity;
  private unsaid = 0;

  constructor(
    private readonly logger: Logger,
    private readonly everyMs = 10_000,
  ) {}

  warn(entry: object): void {
    const now = performance.now();
    if (now - this.saidAt < this.everyMs) {
      this.unsaid += 1;
      return;
    }
    this.logger.warn({ ...entry, alikeBefore: this.unsaid });
    this.saidAt = now;
    this.unsaid = 0;
  }
}
