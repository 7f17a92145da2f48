import { performance } from 'node:perf_hooks';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';

/** Whoever asks for the readiness of nodes does so more often than this. */
const PROBED_WITHIN_MS = 60_000;

/**
 * Whether this node wants requests. One that is about to end says no while it still answers, so that a load balancer sends the
 * next requests elsewhere before connections are refused.
 */
@Injectable()
export class ReadinessService implements OnModuleDestroy {
  isDraining = false;
  private askedAt = -Infinity;
  private hurried: (() => void) | undefined;

  /** Somebody has asked for it. */
  noteAsked(): void {
    this.askedAt = performance.now();
  }

  /** Wants no more from now on, and waits until that may have been noticed: not at all where nobody has asked of late. */
  async drain(ms: number): Promise<void> {
    this.isDraining = true;
    if (ms === 0 || performance.now() - this.askedAt > PROBED_WITHIN_MS) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.hurried = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Ends the wait. */
  hurry(): void {
    this.hurried?.();
  }

  /** However the application is closed: its port may stay open for a while. */
  onModuleDestroy(): void {
    this.isDraining = true;
  }
}
