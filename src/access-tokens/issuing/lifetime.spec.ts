import fc from 'fast-check';
import { type LifetimePolicy, lifetimeSeconds, tighter } from './lifetime';

const CEILING = 7_776_000;
const HOUR = 3_600;
const DAY = 86_400;
const TEN_YEARS = 315_360_000;

function policy(accessTokenTTL: number, accessTokenMaxTTL: number, accessTokenPeriod = 0): LifetimePolicy {
  return { accessTokenTTL, accessTokenMaxTTL, accessTokenPeriod };
}

const limit = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: TEN_YEARS }));
const policies = fc.tuple(limit, limit, fc.oneof(fc.constant(0), limit)).map((numbers) => policy(...numbers));
const ages = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 2 * TEN_YEARS }));

/** Not 0, which stands for no limit. */
const limited = (seconds: number) => (seconds === 0 ? Infinity : seconds);

describe('the lifetime of a JWT', () => {
  it.each([
    ['nothing configured: the ceiling', policy(0, 0), CEILING],
    ['a TTL within the max TTL', policy(600, 3600), 600],
    ['a TTL above the max TTL', policy(3600, 600), 600],
    ['a TTL above the ceiling', policy(CEILING + 10_000, 0), CEILING],
    ['a max TTL above the ceiling', policy(0, CEILING + 50_000), CEILING],
    ['the defaults of token auth', policy(2_592_000, 2_592_000), 2_592_000],
    ['one second', policy(1, 1), 1],
    ['ten years under the ceiling', policy(TEN_YEARS, TEN_YEARS), CEILING],
    ['a period, whatever TTL and max TTL say', policy(10, 20, 600), 600],
    ['a period above the ceiling', policy(0, 0, CEILING + 1), CEILING],
  ])('at issue: %s', (_, configured, seconds) => {
    expect(lifetimeSeconds(configured, CEILING, 0)).toBe(seconds);
  });

  it.each([
    ['after an hour of a day, TTL 5 h', policy(5 * HOUR, DAY), HOUR, 5 * HOUR],
    ['after 23 of 24 hours, what is left', policy(5 * HOUR, DAY), 23 * HOUR, HOUR],
    ['in the last second, one second', policy(5 * HOUR, DAY), DAY - 1, 1],
    ['at the max TTL, none', policy(5 * HOUR, DAY), DAY, undefined],
    ['beyond the max TTL, none', policy(5 * HOUR, DAY), DAY + 1, undefined],
    ['30 days into 180, TTL 0, the ceiling', policy(0, 180 * DAY), 30 * DAY, 90 * DAY],
    ['170 days into 180, TTL 0, ten days', policy(0, 180 * DAY), 170 * DAY, 10 * DAY],
    ['without a max TTL, for ever', policy(HOUR, 0), 10 * TEN_YEARS, HOUR],
    ['periodic, for ever', policy(10, 20, 600), 10 * TEN_YEARS, 600],
  ])('at renewal: %s', (_, configured, age, seconds) => {
    expect(lifetimeSeconds(configured, CEILING, age)).toBe(seconds);
  });

  it('has no end when neither TTL, max TTL nor a ceiling set one', () => {
    expect(lifetimeSeconds(policy(0, 0), 0, 1_000)).toBe(Infinity);
    expect(lifetimeSeconds(policy(0, 100), 0, 0)).toBe(100);
    expect(lifetimeSeconds(policy(100, 0), 0, 0)).toBe(100);
  });

  it('is never 0, negative or a fraction, and never above a limit that is set', () => {
    fc.assert(
      fc.property(policies, limit, ages, (configured, ceiling, age) => {
        const seconds = lifetimeSeconds(configured, ceiling, age);
        if (seconds === undefined) return;
        expect(seconds).toBeGreaterThanOrEqual(1);
        expect(seconds === Infinity || Number.isInteger(seconds)).toBe(true);
        expect(seconds).toBeLessThanOrEqual(limited(ceiling));
        const { accessTokenTTL: ttl, accessTokenMaxTTL: max, accessTokenPeriod: period } = configured;
        expect(seconds).toBeLessThanOrEqual(limited(period > 0 ? period : ttl));
        if (period === 0) expect(age + seconds).toBeLessThanOrEqual(limited(max));
      }),
    );
  });

  it('ends no later than the first second of the max TTL that is over, and no earlier', () => {
    fc.assert(
      fc.property(policies, limit, ages, (configured, ceiling, age) => {
        const { accessTokenMaxTTL: max, accessTokenPeriod: period } = configured;
        const isUsedUp = period === 0 && max > 0 && age >= max;
        expect(lifetimeSeconds(configured, ceiling, age) === undefined).toBe(isUsedUp);
      }),
    );
  });

  it('never grows as the token gets older', () => {
    fc.assert(
      fc.property(policies, limit, ages, ages, (configured, ceiling, a, b) => {
        const younger = lifetimeSeconds(configured, ceiling, Math.min(a, b)) ?? 0;
        const older = lifetimeSeconds(configured, ceiling, Math.max(a, b)) ?? 0;
        expect(older).toBeLessThanOrEqual(younger);
      }),
    );
  });

  it('is not lengthened by a clock that was set back', () => {
    fc.assert(
      fc.property(policies, limit, fc.integer({ min: -TEN_YEARS, max: -1 }), (configured, ceiling, age) => {
        expect(lifetimeSeconds(configured, ceiling, age)).toBe(lifetimeSeconds(configured, ceiling, 0));
      }),
    );
  });
});

describe('the tighter of two policies', () => {
  it.each([
    [policy(600, 3600), policy(300, 7200), policy(300, 3600)],
    [policy(0, 0), policy(300, 7200), policy(300, 7200)],
    [policy(300, 7200), policy(0, 0), policy(300, 7200)],
    [policy(0, 0), policy(0, 0), policy(0, 0)],
    [policy(0, 0, 60), policy(0, 0, 30), policy(0, 0, 30)],
    [policy(600, 3600), policy(0, 0, 60), policy(60, 3600)],
    [policy(0, 0), policy(900, 1800, 60), policy(60, 0)],
  ])('of %o and %o is %o', (granted, present, expected) => {
    expect(tighter(granted, present)).toEqual(expected);
  });

  it('does not depend on which comes first, and changes nothing when taken with itself', () => {
    fc.assert(
      fc.property(policies, policies, (a, b) => {
        expect(tighter(a, b)).toEqual(tighter(b, a));
        expect(tighter(a, a)).toEqual(a);
      }),
    );
  });

  it('never lets a token live longer than either policy would, periodic or not', () => {
    fc.assert(
      fc.property(policies, policies, limit, ages, (a, b, ceiling, age) => {
        const seconds = lifetimeSeconds(tighter(a, b), ceiling, age) ?? 0;
        expect(seconds).toBeLessThanOrEqual(lifetimeSeconds(a, ceiling, age) ?? 0);
        expect(seconds).toBeLessThanOrEqual(lifetimeSeconds(b, ceiling, age) ?? 0);
      }),
    );
  });
});
