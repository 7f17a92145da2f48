import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';

/**
 * The one source of time. Everything that compares or stores a time asks it, so that tests can set it.
 *
 * The database's clock is the truth (promise P20): once `synchronize` has been told what it says, this clock follows it, and
 * between two tellings the monotonic clock of the machine. A node whose wall clock is wrong, or jumps, judges right.
 */
@Injectable()
export class Clock {
  private offsetMs = Date.now() - performance.now();

  now(): Date {
    return new Date(this.epochMs());
  }

  /**
   * Milliseconds since the epoch.
   *
   * @param moment as `performance.now()` counts, for who has asked that already.
   */
  epochMs(moment = performance.now()): number {
    return this.offsetMs + moment;
  }

  /** Whole seconds since the epoch, as JWT claims count them (RFC 7519 section 2, NumericDate). */
  epochSeconds(): number {
    return Math.floor(this.epochMs() / 1000);
  }

  /**
   * Takes over the database's time. The answer was made between sending and receiving: half the way is at most half of it wrong.
   *
   * @param sentAt, receivedAt as `performance.now()` counts.
   */
  synchronize(databaseTime: Date, sentAt: number, receivedAt: number): void {
    this.offsetMs = databaseTime.getTime() - (sentAt + receivedAt) / 2;
  }

  /** How far the machine's wall clock is ahead of this one, in milliseconds. */
  skewMs(): number {
    return Date.now() - this.epochMs();
  }
}
