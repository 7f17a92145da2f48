import { Clock } from '../../src/common/clock/clock';

/** A clock that can be put forward. */
export class TestClock extends Clock {
  private aheadMs = 0;
  private stoppedAtMs: number | undefined;

  override epochMs(): number {
    return (this.stoppedAtMs ?? super.epochMs()) + this.aheadMs;
  }

  /** Time passes only by `advance` from now on, until `reset`. */
  stop(): void {
    this.stoppedAtMs = super.epochMs();
  }

  advance(seconds: number): void {
    this.aheadMs += seconds * 1000;
  }

  reset(): void {
    this.aheadMs = 0;
    this.stoppedAtMs = undefined;
  }
}
