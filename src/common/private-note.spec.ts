import { privateNote } from './private-note';

describe('a private note', () => {
  it('is kept about an object, and can be replaced', () => {
    const note = privateNote<number>();
    const object = {};

    expect(note.get(object)).toBeUndefined();
    note.set(object, 1);
    note.set(object, 2);

    expect(note.get(object)).toBe(2);
  });

  it('cannot be seen on the object', () => {
    const object = { name: 'a' };

    privateNote<number>().set(object, 1);

    expect(Reflect.ownKeys(object)).toEqual(['name']);
    expect(JSON.stringify(object)).toBe('{"name":"a"}');
  });

  it('is not there for a copy, an heir, a proxy, or another note', () => {
    const note = privateNote<number>();
    const object = { name: 'a' };

    note.set(object, 1);

    for (const other of [
      { ...object },
      structuredClone(object),
      Object.create(object) as object,
      new Proxy(object, {}),
    ]) {
      expect(note.get(other)).toBeUndefined();
    }
    expect(privateNote<number>().get(object)).toBeUndefined();
  });

  it('is kept about an object that cannot be changed, or stops being so', () => {
    const note = privateNote<number>();
    const frozen = Object.freeze({});
    const open = {};

    note.set(frozen, 1);
    note.set(frozen, 2);
    note.set(open, 3);
    Object.freeze(open);
    note.set(open, 4);

    expect([note.get(frozen), note.get(open)]).toEqual([2, 4]);
  });

  it('is kept about an object without a prototype, and about a function', () => {
    const note = privateNote<number>();
    const bare = Object.create(null) as object;
    const call = () => undefined;

    note.set(bare, 1);
    note.set(call, 2);

    expect([note.get(bare), note.get(call)]).toEqual([1, 2]);
  });
});
