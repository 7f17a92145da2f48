import { performance } from 'node:perf_hooks';
import { Freshness, goneAfterMs } from './freshness';

const BOUND_MS = 1_000;
let freshness: Freshness;

beforeEach(() => {
  freshness = new Freshness(BOUND_MS);
  freshness.confirm(performance.now());
  freshness.synchronize(Date.now() - performance.now());
});

describe('what a node remembers', () => {
  const remembers = () => freshness.isFresh(performance.now());

  it('is not answered with before its first heartbeat is in the list of nodes', () => {
    expect(remembers()).toBe(false);
    freshness.list(performance.now());
    expect(remembers()).toBe(true);
  });

  it('is not answered with when other nodes may count this one as gone, nor a moment before', () => {
    const goneAt = (ageMs: number) => performance.now() - goneAfterMs(BOUND_MS) + ageMs;
    freshness.list(goneAt(900));
    expect(remembers()).toBe(false);
    freshness.list(goneAt(2_000));
    expect(remembers()).toBe(true);
  });

  it('is not answered with when the list may have been emptied since the heartbeat was sent', () => {
    const sentAt = performance.now();
    freshness.unlist(sentAt + 1);
    freshness.list(sentAt);
    expect(remembers()).toBe(false);
    freshness.list(sentAt + 2);
    expect(remembers()).toBe(true);
  });
});

it('every change can be known while no other node sees this one', () => {
  expect([freshness.isListed(), freshness.isConfirmed()]).toEqual([false, true]);
});

it('a node counts as gone only when it no longer answers from memory, whatever the bound', () => {
  expect([100, 1_000, 60_000].map(goneAfterMs)).toEqual([7_000, 7_000, 63_000]);
});
