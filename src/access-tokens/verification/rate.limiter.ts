import { type CacheEntry, SecondChanceCache } from '../../common/second-chance-cache';
import { RateLimitedError } from '../issuing/access-tokens.errors';
import { MOST_RATE_LIMITS, type RateLimit, type RateLimits } from '../issuing/rate-limits';
import type { RateStanding } from '../issuing/rate-standing';
import { RateWindow } from '../usage/rate-window';

/** The most windows in memory: of about 300 bytes each. */
export const MOST_WINDOWS = 100_000;

type Refusal = (standings: readonly RateStanding[]) => Error;

/** The windows of one key, in the order of its limits. */
interface KeyWindows extends CacheEntry {
  limits: RateLimits;
  windows: readonly RateWindow[];
  /** Windows of periods that these limits do not have: a key and the one it has replaced may have different ones. */
  others: readonly RateWindow[];
}

/**
 * Holds keys to their rate limits: on one node never more requests than the limit in any period of that length, whatever the
 * clocks do. Each node counts for itself, in memory: over several nodes the factor is their number, and a node that was restarted
 * counts as another one. No request writes or waits.
 *
 * Only a request with a usable key that has a limit makes a window, so texts that are no keys evict none. Where more windows are
 * in use than are kept, those without a recent use go first. To be rid of one key's count, a caller would have to use tens of
 * thousands of other limited keys, each within its own limit.
 */
export class RateLimiter {
  private readonly keys = new SecondChanceCache<KeyWindows>(MOST_WINDOWS);

  /** @param refusal the error for a request beyond the limits. */
  constructor(private readonly refusal: Refusal = (standings) => new RateLimitedError(standings)) {}

  /** How many keys have windows. */
  get size(): number {
    return this.keys.size;
  }

  /**
   * Counts a request, and says how much is left by each limit. A refused request does not count.
   *
   * @param key what is counted: the first key of a chain of rotations.
   * @param moment as `performance.now()` counts.
   * @throws RateLimitedError, or the error that the limiter was made with
   */
  admit(key: string, limits: RateLimits, moment: number): readonly RateStanding[] {
    const { windows } = this.windowsOf(key, limits);
    const isFull = limits.some(({ limit }, index) => windows[index]!.countAt(moment) >= limit);
    if (isFull) throw this.refusal(standingsOf(limits, windows, moment));
    for (const window of windows) window.add();
    return standingsOf(limits, windows, moment);
  }

  private windowsOf(key: string, limits: RateLimits): KeyWindows {
    const known = this.keys.get(key);
    // Facts that were read again have limits of their own, mostly equal ones.
    if (known?.limits === limits) return known;
    const before = known === undefined ? [] : [...known.windows, ...known.others];
    const windows = limits.map((limit) => sameIn(before, limit) ?? new RateWindow(limit.perSeconds));
    const others = before.filter((window) => !windows.includes(window)).slice(0, MOST_RATE_LIMITS);
    const kept = { limits, windows, others, weight: windows.length + others.length, wasUsed: false };
    this.keys.set(key, kept);
    return kept;
  }
}

/** A changed limit goes on with what was counted in the same period. */
function sameIn(before: readonly RateWindow[], { perSeconds }: RateLimit): RateWindow | undefined {
  return before.find((window) => window.perSeconds === perSeconds);
}

function standingsOf(limits: RateLimits, windows: readonly RateWindow[], moment: number): RateStanding[] {
  return limits.map(({ limit, perSeconds }, index) => {
    const window = windows[index]!;
    const count = window.countAt(moment);
    // When it is full, the wait for room; else the time until the oldest requests are forgotten.
    const moreAt = window.belowAt(Math.min(limit, Math.max(count, 1)));
    return { limit, perSeconds, remaining: Math.max(0, limit - count), moreInMs: Math.max(0, moreAt - moment) };
  });
}
