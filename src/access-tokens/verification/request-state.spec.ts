import { stateOf } from './request-state';
import type { VerifiedAccessToken } from './verified-access-token';

const [someone, somebodyElse] = [{ tokenId: 'a' }, { tokenId: 'b' }] as VerifiedAccessToken[];

describe('the note about a call', () => {
  it('is begun once, and kept', () => {
    const call = {};

    expect(stateOf(call).caller).toBeUndefined();
    stateOf(call).caller = someone;
    stateOf(call).caller = somebodyElse;

    expect(stateOf(call).caller).toBe(somebodyElse);
  });

  it('cannot be seen on the object', () => {
    const call = { name: 'a' };

    stateOf(call).caller = someone;

    expect(Reflect.ownKeys(call)).toEqual(['name']);
    expect(JSON.stringify(call)).toBe('{"name":"a"}');
  });

  it('is not there for a copy, an heir, a proxy, or another call', () => {
    const call = { name: 'a' };

    stateOf(call).caller = someone;

    for (const other of [{ ...call }, structuredClone(call), Object.create(call) as object, new Proxy(call, {}), {}]) {
      expect(stateOf(other).caller).toBeUndefined();
    }
    expect(stateOf(call).caller).toBe(someone);
  });

  it('is kept about an object that cannot be changed, or stops being so', () => {
    const frozen = Object.freeze({});
    const open = {};

    stateOf(frozen).caller = someone;
    stateOf(open).caller = someone;
    Object.freeze(open);
    stateOf(open).caller = somebodyElse;

    expect([stateOf(frozen).caller, stateOf(open).caller]).toEqual([someone, somebodyElse]);
  });

  it('is kept about an object without a prototype, and about a function', () => {
    const bare = Object.create(null) as object;
    const call = () => undefined;

    stateOf(bare).caller = someone;
    stateOf(call).caller = somebodyElse;

    expect([stateOf(bare).caller, stateOf(call).caller]).toEqual([someone, somebodyElse]);
  });
});
