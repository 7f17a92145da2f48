import { Clock } from '../common/clock/clock';

/**
 * A clock that tests set: `overrideProvider(Clock).useValue(clock)`. It keeps ticking from the time that was set, unless it is
 * stopped.
 */
export class TestClock extends Clock {
  private aheadMs = 0;
  private stoppedAtMs: number | undefined;

  /** The application's time in milliseconds since the epoch. */
  override epochMs(moment?: number): number {
    return (this.stoppedAtMs ?? super.epochMs(moment)) + this.aheadMs;
  }

  /** A time that a test sets counts as correct. */
  override isSteady(): boolean {
    return true;
  }

  /** Sets the clock to a time. */
  set(at: Date): void {
    this.advance((at.getTime() - this.epochMs()) / 1000);
  }

  /** Moves the clock forward by a number of seconds. */
  advance(seconds: number): void {
    this.aheadMs += seconds * 1000;
  }

  /** Stops the clock: until `reset`, time passes only by `set` and `advance`. */
  stop(): void {
    this.stoppedAtMs = super.epochMs();
  }

  /** Sets the clock to the real time, and lets it tick. */
  reset(): void {
    this.aheadMs = 0;
    this.stoppedAtMs = undefined;
  }
}
