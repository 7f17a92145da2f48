import { goneAfterMs } from './freshness';

it('a node counts as gone only when it no longer answers from memory, whatever the bound', () => {
  expect([100, 1_000, 60_000].map(goneAfterMs)).toEqual([7_000, 7_000, 63_000]);
});
