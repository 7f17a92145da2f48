import { OverloadedError } from '../common/errors/common.errors';
import { FairTurns } from './fair-turns';

const LIMITS = { atOnce: 2, atOnceOfOne: 1, waitingOfOne: 3, waiting: 5, waitMs: 5_000 };

/** Work that ends when it is told to. */
function held() {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const work = (name: string) => () => {
    begun.push(name);
    return new Promise<string>((resolve) => ends.push(() => resolve(name)));
  };
  const end = async () => {
    // Whoever is next begins some microtasks later.
    await new Promise(setImmediate);
    ends.shift()!();
  };
  return { begun, work, end };
}

describe('turns', () => {
  it('are taken in rotation, however many one caller asks for', async () => {
    const turns = new FairTurns({ ...LIMITS, atOnce: 1, waitingOfOne: 100, waiting: 100 });
    const { begun, work, end } = held();
    const all = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1'].map((name) => turns.run(name[0]!, work(name)));
    for (let n = 0; n < all.length; n += 1) await end();
    expect(begun).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4']);
    expect(await Promise.all(all)).toEqual(['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1']);
  });

  it('are left for others by one caller', async () => {
    const turns = new FairTurns(LIMITS);
    const { begun, work, end } = held();
    const all = ['a1', 'a2', 'b1'].map((name) => turns.run(name[0]!, work(name)));
    await new Promise(setImmediate);
    expect(begun).toEqual(['a1', 'b1']);
    for (let n = 0; n < all.length; n += 1) await end();
    await Promise.all(all);
  });

  it('are given back by work that fails', async () => {
    const turns = new FairTurns(LIMITS);
    for (let n = 0; n < 5; n += 1) {
      await expect(turns.run('a', () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    }
  });

  it('are refused at once to whoever has too many waiting, and to all when too many are', async () => {
    const turns = new FairTurns(LIMITS);
    const { work, end } = held();
    const waiting = ['a', 'a', 'a', 'a', 'b', 'b', 'b'].map((name) => turns.run(name, work(name)));
    await expect(turns.run('a', work('a'))).rejects.toThrow(OverloadedError);
    await expect(turns.run('b', work('b'))).rejects.toThrow(OverloadedError);
    for (let n = 0; n < waiting.length; n += 1) await end();
    await Promise.all(waiting);
  });

  it('are waited for no longer than said, and whoever has given up is passed over', async () => {
    const turns = new FairTurns({ ...LIMITS, waitMs: 20 });
    const { begun, work, end } = held();
    const first = turns.run('a', work('first'));
    await expect(turns.run('a', work('late'))).rejects.toThrow(OverloadedError);
    await end();
    await first;
    const second = turns.run('a', work('second'));
    await end();
    await second;
    expect(begun).toEqual(['first', 'second']);
  });
});
