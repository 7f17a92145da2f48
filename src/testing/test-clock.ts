import { Clock } from '../common/clock/clock';

/**
 * A clock that tests set: `overrideProvider(Clock).useValue(clock)`. It goes on ticking from where it was put, unless it is
 * stopped.
 */
export class TestClock extends Clock {
  private aheadMs = 0;
  private stoppedAtMs: number | undefined;

  /** Milliseconds since the epoch, as the application has it. */
  override epochMs(moment?: number): number {
    return (this.stoppedAtMs ?? super.epochMs(moment)) + this.aheadMs;
  }

  /** What a test sets is right. */
  override isSteady(): boolean {
    return true;
  }

  /** Puts it to a time. */
  set(at: Date): void {
    this.advance((at.getTime() - this.epochMs()) / 1000);
  }

  /** Puts it forward. */
  advance(seconds: number): void {
    this.aheadMs += seconds * 1000;
  }

  /** Time passes only by `set` and `advance` from now on, until `reset`. */
  stop(): void {
    this.stoppedAtMs = super.epochMs();
  }

  /** Puts it right, and lets it tick. */
  reset(): void {
    this.aheadMs = 0;
    this.stoppedAtMs = undefined;
  }
}
