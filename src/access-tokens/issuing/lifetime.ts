/** Limits on the lifetime of tokens, in seconds. 0 means no limit. */
export interface LifetimePolicy {
  readonly accessTokenTTL: number;
  readonly accessTokenMaxTTL: number;
  /** Above 0: a periodic token, which can be renewed for ever, each time for this number of seconds. */
  readonly accessTokenPeriod: number;
}

/** On login and renew, this number means "no limit": a 0 sends clients into a login loop (decision 3). */
export const FOREVER_SECONDS = 1_000_000_000;

/**
 * The lifetime of the next JWT of a token (contract 3.2).
 *
 * @param ageSeconds since the token was issued; 0 at issue.
 * @param ceilingSeconds the longest lifetime of a single JWT; 0 for no ceiling.
 * @returns seconds, at least 1; Infinity when nothing limits it; undefined when the max TTL is used up.
 */
export function lifetimeSeconds(
  policy: LifetimePolicy,
  ceilingSeconds: number,
  ageSeconds: number,
): number | undefined {
  const isPeriodic = policy.accessTokenPeriod > 0;
  const ttl = unlessZero(isPeriodic ? policy.accessTokenPeriod : policy.accessTokenTTL);
  // A clock that was set back must not lengthen the budget.
  const budget = isPeriodic ? Infinity : unlessZero(policy.accessTokenMaxTTL) - Math.max(0, ageSeconds);
  if (budget < 1) return undefined;
  return Math.min(ttl, budget, unlessZero(ceilingSeconds));
}

/**
 * The tighter of two policies, limit by limit (decision 4). A periodic policy beside one that is not periodic counts as a TTL
 * without a max TTL: a method that became periodic meanwhile does not lift a max TTL that was granted.
 */
export function tighter(granted: LifetimePolicy, present: LifetimePolicy): LifetimePolicy {
  const isMixed = granted.accessTokenPeriod > 0 !== present.accessTokenPeriod > 0;
  const [a, b] = isMixed ? [withoutPeriod(granted), withoutPeriod(present)] : [granted, present];
  const least = (one: number, other: number) => orZero(Math.min(unlessZero(one), unlessZero(other)));
  return {
    accessTokenTTL: least(a.accessTokenTTL, b.accessTokenTTL),
    accessTokenMaxTTL: least(a.accessTokenMaxTTL, b.accessTokenMaxTTL),
    accessTokenPeriod: least(a.accessTokenPeriod, b.accessTokenPeriod),
  };
}

function withoutPeriod(policy: LifetimePolicy): LifetimePolicy {
  const { accessTokenPeriod } = policy;
  return accessTokenPeriod > 0
    ? { accessTokenTTL: accessTokenPeriod, accessTokenMaxTTL: 0, accessTokenPeriod: 0 }
    : policy;
}

function unlessZero(limit: number): number {
  return limit === 0 ? Infinity : limit;
}

function orZero(limit: number): number {
  return limit === Infinity ? 0 : limit;
}
