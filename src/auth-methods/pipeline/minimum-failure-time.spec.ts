import { MINIMUM_FAILURE_MS, withMinimumFailureTime } from './minimum-failure-time';

describe('a refusal', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  const refusal = new Error('refused');
  /** Work that fails after so long, and whether that has been told. */
  const failingAfter = (ms: number) => {
    const seen = { isTold: false };
    const work = () => new Promise<never>((_, reject) => setTimeout(() => reject(refusal), ms));
    withMinimumFailureTime(work).catch((error: unknown) => {
      expect(error).toBe(refusal);
      seen.isTold = true;
    });
    return seen;
  };

  it.each([0, 1, MINIMUM_FAILURE_MS - 1])(
    'is told no sooner than the floor, though it was found in %s ms',
    async (ms) => {
      const seen = failingAfter(ms);
      await jest.advanceTimersByTimeAsync(MINIMUM_FAILURE_MS - 1);
      expect(seen.isTold).toBe(false);
      await jest.advanceTimersByTimeAsync(1);
      expect(seen.isTold).toBe(true);
    },
  );

  it('that took longer is told at once', async () => {
    const seen = failingAfter(MINIMUM_FAILURE_MS + 5);
    await jest.advanceTimersByTimeAsync(MINIMUM_FAILURE_MS + 5);
    expect(seen.isTold).toBe(true);
  });

  it('is what waits, and nothing else: what works is answered at once, and leaves no timer behind', async () => {
    await expect(withMinimumFailureTime(() => Promise.resolve('a token'))).resolves.toBe('a token');
    expect(jest.getTimerCount()).toBe(0);
  });
});
