import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import { isObject } from '../../common/option-rules';

/** So many requests in any period of that length. */
export interface RateLimit {
  /** 1 to 2147483647. */
  readonly limit: number;
  /** The length of the period in seconds, 1 to 86400. */
  readonly perSeconds: number;
}

export type RateLimits = readonly RateLimit[];

/** The most limits of one key. */
export const MOST_RATE_LIMITS = 5;
export const MOST_REQUESTS = 2_147_483_647;
/** Longer periods are for a use limit with a refill, which no restart forgets. */
export const LONGEST_PERIOD_SECONDS = 86_400;

/** Whether a value is 1 to 5 limits, each for a period of its own. */
export function isRateLimits(value: unknown): value is RateLimits {
  if (!Array.isArray(value) || value.length < 1 || value.length > MOST_RATE_LIMITS || !value.every(isRateLimit)) {
    return false;
  }
  return new Set(value.map(({ perSeconds }: RateLimit) => perSeconds)).size === value.length;
}

function isRateLimit(value: unknown): value is RateLimit {
  if (!isObject(value)) return false;
  const { limit, perSeconds, ...rest } = value;
  const isKnown = Object.keys(rest).length === 0;
  return isKnown && isWithin(limit, MOST_REQUESTS) && isWithin(perSeconds, LONGEST_PERIOD_SECONDS);
}

function isWithin(value: unknown, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
}

/**
 * Rate limits as the database has them, where a change by hand may have left anything. Limits that cannot be read are not taken
 * for no limit. @throws UnreadableValueError
 */
export function readRateLimits(limits: unknown): RateLimits | null {
  if (limits === null) return null;
  if (!isRateLimits(limits)) throw new UnreadableValueError('the rate limits of a token');
  return limits;
}
