import { performance } from 'node:perf_hooks';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';

/** A load balancer that checks readiness asks more often than this. */
const PROBED_WITHIN_MS = 60_000;

/**
 * Whether this node wants requests. A node that is shutting down says no while it still answers, so that a load balancer sends
 * the next requests elsewhere before connections are refused.
 */
@Injectable()
export class ReadinessService implements OnModuleDestroy {
  isDraining = false;
  private askedAt = -Infinity;
  private hurried: (() => void) | undefined;

  /** Records that a load balancer has asked. */
  noteAsked(): void {
    this.askedAt = performance.now();
  }

  /**
   * Wants no more requests from now on, and waits until a load balancer can have noticed. It does not wait if none has asked
   * lately.
   */
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

  /** Applies however the application is closed: its port may stay open for a while. */
  onModuleDestroy(): void {
    this.isDraining = true;
  }
}
