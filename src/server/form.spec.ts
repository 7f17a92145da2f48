import fc from 'fast-check';
import { RefusedRequestError, TooManyFieldsError } from '../common/errors/common.errors';
import { parseForm } from './form';

describe('a form', () => {
  it.each([
    ['', {}],
    ['&&&', {}],
    ['a=1', { a: '1' }],
    ['a=1&b=2', { a: '1', b: '2' }],
    ['a=1&a=2&a=3', { a: ['1', '2', '3'] }],
    ['a', { a: '' }],
    ['a=', { a: '' }],
    ['=1', { '': '1' }],
    ['a=b=c', { a: 'b=c' }],
    ['a+b=c+d%2B', { 'a b': 'c d+' }],
    ['a=%C3%A4%0A', { a: 'ä\n' }],
    ['a[]=1&b[c]=2', { 'a[]': '1', 'b[c]': '2' }],
    ['a.b=1', { 'a.b': '1' }],
  ])('%j is %j', (text, fields) => {
    expect(parseForm(text)).toEqual(fields);
  });

  it.each(['a=%', 'a=%z', '%ff=1', 'a=%ED%A0%80', 'a=%C0%AF', 'a=1&b=%E2%82'])('%j is refused', (text) => {
    expect(() => parseForm(text)).toThrow(RefusedRequestError);
  });

  it('of more than a thousand fields is refused', () => {
    expect(Object.keys(parseForm(Array.from({ length: 1_000 }, (_, n) => `k${n}`).join('&')))).toHaveLength(1_000);
    expect(() => parseForm('&'.repeat(1_000))).toThrow(TooManyFieldsError);
    expect(() => parseForm('a=1&'.repeat(1_001))).toThrow(TooManyFieldsError);
  });

  it('is read as the standard has it, whatever text is in it', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, minLength: 1 }), (fields) => {
        const parsed = parseForm(new URLSearchParams(fields).toString());
        expect(Object.entries(parsed).sort()).toEqual(Object.entries(Object.fromEntries(fields)).sort());
      }),
    );
  });

  it.each(['__proto__', 'constructor', 'toString'])('keeps %s as a field like any other', (name) => {
    const parsed = parseForm(`${name}=1&${name}.polluted=2`);
    expect(Object.keys(parsed)).toEqual([name, `${name}.polluted`]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});
