import { onePerTick } from './one-per-tick';

describe('work that takes long', () => {
  it('is done one piece in a turn of the event loop, in order, also what is asked for meanwhile', async () => {
    const inNextTick = onePerTick();
    const seen: string[] = [];
    for (const name of ['a', 'b']) {
      inNextTick(() => {
        seen.push(name);
        if (name === 'a') inNextTick(() => seen.push('c'));
      });
    }
    for (let turn = 1; turn <= 4; turn += 1) {
      await new Promise(setImmediate);
      seen.push(`turn ${turn}`);
    }
    inNextTick(() => seen.push('d'));
    await new Promise(setImmediate);
    expect(seen.filter((name) => !name.startsWith('turn'))).toEqual(['a', 'b', 'c', 'd']);
    const turns = ['a', 'b', 'c'].map((name) =>
      seen.slice(0, seen.indexOf(name)).filter((one) => one.startsWith('turn')),
    );
    expect(new Set(turns.map(({ length }) => length)).size).toBe(3);
  });
});
