import { performance } from 'node:perf_hooks';

/** After so long without an answer a node does not ask what happened in between: everything counts as changed. Changes are kept longer. */
const LOST_AFTER_MS = 60_000;
const SUSPENDED_MS = 1_000;

/** After three missed heartbeats a node counts as gone, but not while it may still answer from memory. */
export function goneAfterMs(boundMs: number): number {
  return Math.max(7_000, boundMs + 3_000);
}

/**
 * Whether this node may answer from memory. It may while a read of its own has confirmed, less than the bound ago, that it knows every
 * change, and while the machine has not been suspended since. Every moment is one of `performance.now()`.
 */
export class Freshness {
  private confirmedAt = -Infinity;
  /** How far the wall clock was ahead of the monotonic clock, which stands still while a machine is suspended. */
  private wallAheadMs = NaN;

  /** @param boundMs how long a revoked token may still be accepted. */
  constructor(private readonly boundMs: number) {}

  /**
   * Whether facts that were read at a moment may still be answered with, unless they have changed: either they were read less than
   * the bound ago, or everything that happened since is known up to less than that ago.
   */
  isFresh(readAt: number, now = performance.now()): boolean {
    return (now - this.confirmedAt < this.boundMs || now - readAt < this.boundMs) && this.isAwake(now);
  }

  /** Whether every change is known up to less than the bound ago. */
  isConfirmed(): boolean {
    return this.isFresh(-Infinity);
  }

  /**
   * False when the two clocks have parted since the last read: the machine was suspended, or its wall clock was set. False before the
   * first read, too. The node must then ask for the time before it compares anything with it.
   */
  isAwake(now = performance.now()): boolean {
    return Math.abs(Date.now() - now - this.wallAheadMs) < SUSPENDED_MS;
  }

  /** Whether so much may have happened by a moment that a read must count as the first. */
  isLost(now: number): boolean {
    return now - this.confirmedAt > LOST_AFTER_MS || !this.isAwake(now);
  }

  /** Milliseconds since the moment up to which every change is known; Infinity before the first read. */
  ageMs(): number {
    return performance.now() - this.confirmedAt;
  }

  /** Every change that was committed before a moment is known. */
  confirm(sentAt: number): void {
    this.confirmedAt = sentAt;
  }

  /** Takes the distance of the two clocks for right: the read that went with it told the time. */
  synchronize(wallAheadMs: number): void {
    this.wallAheadMs = wallAheadMs;
  }

  /** From now on nothing older is answered from memory. */
  invalidate(): void {
    this.confirmedAt = -Infinity;
  }
}
