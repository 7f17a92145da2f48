import { RateLimitedError } from '../issuing/access-tokens.errors';
import { MOST_WINDOWS, RateLimiter } from './rate.limiter';

/** Numbers from 0 to 1, the same ones in every run. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

function refusalOf(act: () => unknown): RateLimitedError | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof RateLimitedError) return error;
    throw error;
  }
}

const retryAfterOf = (error: RateLimitedError) => Number(error.headers['Retry-After']);

describe('the rate limits of a key', () => {
  // Seen red: windows of 32 parts without the one that has just begun.
  it.each([1, 2, 3, 4, 5, 6])(
    'admit never more than the limit in any period, and all that an exact log with a little more time admits (%i)',
    (seed) => {
      const random = sequence(seed * 7_919);
      const limits = [
        { limit: 1 + Math.floor(random() * 5), perSeconds: 1 },
        { limit: 5 + Math.floor(random() * 20), perSeconds: 10 },
        { limit: 20 + Math.floor(random() * 60), perSeconds: 60 },
      ];
      const limiter = new RateLimiter();
      const admitted: number[] = [];
      const within = (moment: number, ms: number) => admitted.filter((at) => at > moment - ms).length;
      let moment = random() * 1e7;
      for (let request = 0; request < 3_000; request += 1) {
        moment += random() < 0.9 ? random() * 120 : random() * 20_000;
        const refusal = refusalOf(() => limiter.admit('a', limits, moment));
        const isFull = limits.some(({ limit, perSeconds }) => within(moment, perSeconds * 1_000) >= limit);
        const isNearlyFull = limits.some(({ limit, perSeconds }) => within(moment, perSeconds * 1_032) >= limit);
        if (isFull) expect(refusal).toBeDefined();
        if (!isNearlyFull) expect(refusal).toBeUndefined();
        if (refusal === undefined) admitted.push(moment);
      }
      expect(admitted.length).toBeGreaterThan(100);
    },
  );

  // Seen red: the wait of the first limit instead of the longest.
  it('have room again after Retry-After, and not a second before', () => {
    const limits = [
      { limit: 2, perSeconds: 1 },
      { limit: 3, perSeconds: 90 },
    ];
    const limiter = new RateLimiter();
    for (const moment of [10_000, 10_500, 12_000]) limiter.admit('a', limits, moment);
    const refusal = refusalOf(() => limiter.admit('a', limits, 12_100))!;
    expect(refusal).toMatchObject({ errorCode: 'access_token_rate_limited', status: 429 });
    const wait = retryAfterOf(refusal);
    expect(refusal.message).toBe(`Rate limit exceeded. Please try again in ${wait} seconds`);
    expect(wait).toBeGreaterThanOrEqual(88);
    expect(wait).toBeLessThanOrEqual(91);
    expect(refusalOf(() => limiter.admit('a', limits, 12_100 + (wait - 1) * 1_000))).toBeDefined();
    expect(refusalOf(() => limiter.admit('a', limits, 12_100 + wait * 1_000))).toBeUndefined();
  });

  // Seen red: one window emptied before the other refused.
  it('count no request that is refused', () => {
    const limits = [
      { limit: 3, perSeconds: 3_600 },
      { limit: 1, perSeconds: 1 },
    ];
    const limiter = new RateLimiter();
    for (let moment = 0; moment < 1_000; moment += 10) refusalOf(() => limiter.admit('a', limits, moment));
    expect(limiter.admit('a', limits, 2_000)).toMatchObject([{ remaining: 1 }, { remaining: 0 }]);
  });

  it('go on with what was counted when they change, and other keys have counts of their own', () => {
    const limiter = new RateLimiter();
    const of = (limit: number) => [{ limit, perSeconds: 60 }];
    for (let request = 0; request < 5; request += 1) limiter.admit('a', of(10), 1_000);
    const refusal = refusalOf(() => limiter.admit('a', of(3), 20_000))!;
    const wait = retryAfterOf(refusal);
    expect(refusalOf(() => limiter.admit('a', of(3), 20_000 + wait * 1_000))).toBeUndefined();
    expect(limiter.admit('b', of(3), 20_000)).toMatchObject([{ remaining: 2 }]);
  });

  // Seen red: a plain map, which has no bound.
  it('take bounded memory, and a flood of other keys does not make a key in use forget', () => {
    const limiter = new RateLimiter();
    const limits = [{ limit: 2, perSeconds: 3_600 }];
    for (const moment of [0, 1]) limiter.admit('victim', limits, moment);
    for (let key = 0; key < MOST_WINDOWS * 1.5; key += 1) {
      limiter.admit(`flood-${key}`, limits, 2);
      if (key % 20_000 === 0) expect(refusalOf(() => limiter.admit('victim', limits, 3))).toBeDefined();
    }
    expect(limiter.size).toBeLessThanOrEqual(MOST_WINDOWS);
    expect(refusalOf(() => limiter.admit('victim', limits, 4))).toBeDefined();
  });

  // Seen red: windows of other periods forgotten.
  it('count on where two keys that share a count have limits of different periods', () => {
    const limiter = new RateLimiter();
    const [hourly, daily] = [[{ limit: 2, perSeconds: 3_600 }], [{ limit: 9, perSeconds: 86_400 }]];
    for (const limits of [hourly, daily, hourly, daily]) limiter.admit('a', limits, 1e6);
    expect(refusalOf(() => limiter.admit('a', hourly, 1e6))).toBeInstanceOf(RateLimitedError);
  });
});
