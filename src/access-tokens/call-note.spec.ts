import { noteOn } from './call-note';
import type { VerifiedAccessToken } from './verified-access-token';

const [someone, somebodyElse] = [{ tokenId: 'a' }, { tokenId: 'b' }] as VerifiedAccessToken[];

describe('the note about a call', () => {
  it('is begun once, and kept', () => {
    const call = {};

    expect(noteOn(call).caller).toBeUndefined();
    noteOn(call).caller = someone;
    noteOn(call).caller = somebodyElse;

    expect(noteOn(call).caller).toBe(somebodyElse);
  });

  it('cannot be seen on the object', () => {
    const call = { name: 'a' };

    noteOn(call).caller = someone;

    expect(Reflect.ownKeys(call)).toEqual(['name']);
    expect(JSON.stringify(call)).toBe('{"name":"a"}');
  });

  it('is not there for a copy, an heir, a proxy, or another call', () => {
    const call = { name: 'a' };

    noteOn(call).caller = someone;

    for (const other of [{ ...call }, structuredClone(call), Object.create(call) as object, new Proxy(call, {}), {}]) {
      expect(noteOn(other).caller).toBeUndefined();
    }
    expect(noteOn(call).caller).toBe(someone);
  });

  it('is kept about an object that cannot be changed, or stops being so', () => {
    const frozen = Object.freeze({});
    const open = {};

    noteOn(frozen).caller = someone;
    noteOn(open).caller = someone;
    Object.freeze(open);
    noteOn(open).caller = somebodyElse;

    expect([noteOn(frozen).caller, noteOn(open).caller]).toEqual([someone, somebodyElse]);
  });

  it('is kept about an object without a prototype, and about a function', () => {
    const bare = Object.create(null) as object;
    const call = () => undefined;

    noteOn(bare).caller = someone;
    noteOn(call).caller = somebodyElse;

    expect([noteOn(bare).caller, noteOn(call).caller]).toEqual([someone, somebodyElse]);
  });
});
