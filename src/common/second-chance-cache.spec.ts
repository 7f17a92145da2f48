import * as fc from 'fast-check';
import { type CacheEntry, SecondChanceCache } from './second-chance-cache';

const entry = (weight = 1): CacheEntry => ({ weight, wasUsed: false });

function filled(capacity: number): SecondChanceCache<CacheEntry> {
  const cache = new SecondChanceCache(capacity);
  for (let index = 0; index < capacity; index += 1) cache.set(`k${index}`, entry());
  return cache;
}

describe('the second-chance cache', () => {
  it('answers with what was kept under exactly this key', () => {
    const cache = new SecondChanceCache<CacheEntry & { name: string }>(10);
    cache.set('a', { ...entry(), name: 'first' });
    cache.set('A', { ...entry(), name: 'second' });

    expect(cache.get('a')?.name).toBe('first');
    expect(cache.get('A')?.name).toBe('second');
    expect(cache.get('a ')).toBeUndefined();
  });

  it('evicts what was inserted first, unless it was used since', () => {
    const cache = filled(3);
    cache.get('k0');

    cache.set('new', entry());

    expect(['k0', 'k1', 'k2', 'new'].map((key) => cache.get(key) !== undefined)).toEqual([true, false, true, true]);
  });

  it('gives one second chance for one use', () => {
    const cache = filled(2);
    cache.get('k0');

    for (const key of ['a', 'b', 'c']) cache.set(key, entry());

    expect(cache.get('k0')).toBeUndefined();
  });

  it('makes room though everything was used, passing over a bounded number', () => {
    const cache = filled(10_000);
    for (let index = 0; index < 10_000; index += 1) cache.get(`k${index}`);

    cache.set('new', entry());

    expect(cache.size).toBe(10_000);
    expect(cache.get('k64')).toBeUndefined();
    expect(cache.get('k0')).toBeDefined();
  });

  it('never keeps more than its capacity, whatever is kept, reweighed and deleted', () => {
    const steps = fc.array(
      fc.tuple(fc.constantFrom('get', 'set', 'delete'), fc.constantFrom(...'abcdefgh'), fc.integer({ min: 1, max: 7 })),
    );
    fc.assert(
      fc.property(steps, (taken) => {
        const cache = new SecondChanceCache(6);
        const values = new Map<string, CacheEntry>();
        for (const [step, key, weight] of taken) {
          if (step === 'get') cache.get(key);
          if (step === 'delete') cache.delete(key);
          if (step !== 'set') continue;
          const value = values.get(key) ?? entry();
          values.set(key, value);
          cache.set(key, value, weight);
          if (weight <= 6) expect(cache.get(key)).toBe(value);
        }
        const kept = [...values].filter(([key, value]) => cache.get(key) === value);
        expect(kept.reduce((sum, [, value]) => sum + value.weight, 0)).toBeLessThanOrEqual(6);
        expect(cache.size).toBe(kept.length);
      }),
    );
  });

  it('does not keep what is heavier than all it may keep, and keeps the rest', () => {
    const cache = filled(3);

    cache.set('k1', cache.get('k1')!, 4);

    expect(cache.get('k1')).toBeUndefined();
    expect(cache.size).toBe(2);
  });
});
