import { onBehalfOf } from '../common/async/query-context';
import { SetUpBusyError } from './installation.errors';
import { MAX_WAITING, BootstrapQueue } from './bootstrap.queue';

class Fatal extends Error {}

/** Work that ends when the test says so. */
function work() {
  let end!: (outcome: 'done' | Error) => void;
  const ended = new Promise<'done' | Error>((resolve) => (end = resolve));
  let hasBegun = false;
  const run = async () => {
    hasBegun = true;
    const outcome = await ended;
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
  return { run, end, hasBegun: () => hasBegun };
}

describe('the turns of a set-up', () => {
  const isForAll = (error: unknown) => error instanceof Fatal;
  const settled = () => new Promise(setImmediate);

  it('come one at a time, in order, however many want one', async () => {
    const queue = new BootstrapQueue();
    const works = Array.from({ length: 5 }, work);
    const results = works.map(({ run }) => queue.enqueue(run, isForAll));
    for (const [index, { end }] of works.entries()) {
      await settled();
      expect(works.map(({ hasBegun }) => hasBegun())).toEqual(works.map((_, other) => other <= index));
      end('done');
    }
    expect(await Promise.all(results)).toEqual(works.map(() => 'done'));
  });

  it('are not lost by one that fails', async () => {
    const queue = new BootstrapQueue();
    const [first, second] = [work(), work()];
    const results = [queue.enqueue(first.run, isForAll), queue.enqueue(second.run, isForAll)];
    first.end(new Error('its own'));
    second.end('done');
    expect(await Promise.allSettled(results)).toEqual([
      { status: 'rejected', reason: new Error('its own') },
      { status: 'fulfilled', value: 'done' },
    ]);
  });

  it('are over for everybody who waits when one learns that nobody can succeed, and come again for the next', async () => {
    const queue = new BootstrapQueue();
    const works = Array.from({ length: 4 }, work);
    const results = works.map(({ run }) => queue.enqueue(run, isForAll));
    const fatal = new Fatal();
    works[0]!.end(fatal);
    expect(await Promise.allSettled(results)).toEqual(works.map(() => ({ status: 'rejected', reason: fatal })));
    expect(works.map(({ hasBegun }) => hasBegun())).toEqual([true, false, false, false]);
    expect(await queue.enqueue(() => Promise.resolve('later'), isForAll)).toBe('later');
  });

  it('are waited for by so many and no more', async () => {
    const queue = new BootstrapQueue();
    const first = work();
    const waiting = Array.from({ length: MAX_WAITING }, () => Promise.resolve('done'));
    const results = [queue.enqueue(first.run, isForAll), ...waiting.map((one) => queue.enqueue(() => one, isForAll))];
    await expect(queue.enqueue(() => Promise.resolve('one too many'), isForAll)).rejects.toBeInstanceOf(SetUpBusyError);
    first.end('done');
    expect(new Set(await Promise.all(results))).toEqual(new Set(['done']));
    expect(await queue.enqueue(() => Promise.resolve('there is room again'), isForAll)).toBe('there is room again');
  });

  // Seen red: whoever came when the line was full was turned away, and whoever had most in it was served first.
  it('are had by whoever comes late, though an address has filled the line', async () => {
    const queue = new BootstrapQueue();
    const first = work();
    const order: string[] = [];
    const come = (address: string, how = () => Promise.resolve(void order.push(address))) =>
      onBehalfOf({ group: 'strangers', member: address, isCrowd: true }, () => queue.enqueue(how, isForAll)).catch(
        (error: unknown) => error,
      );
    const flood = [come('a', () => first.run().then(() => undefined))];
    flood.push(...Array.from({ length: MAX_WAITING }, () => come('a')));
    const late = come('b');
    expect(await flood.at(-1)).toBeInstanceOf(SetUpBusyError);
    first.end('done');
    expect(await late).toBeUndefined();
    await Promise.all(flood);
    expect(order.indexOf('b')).toBe(0);
  });
});
