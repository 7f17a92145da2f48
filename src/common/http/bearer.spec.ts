import { bearerToken } from './bearer';

const read = (authorization: string | undefined) => bearerToken({ headers: { authorization } });

describe('the bearer token of a request', () => {
  it.each([
    ['Bearer abc.def.ghi', 'abc.def.ghi'],
    ['bearer abc', 'abc'],
    ['BEARER abc', 'abc'],
    ['Bearer    abc', 'abc'],
    ['  Bearer abc  ', 'abc'],
    ['Bearer abc\u00a0', 'abc'],
    ['Bearer a b', 'a b'],
  ])('of %j is %j', (header, token) => {
    expect(read(header)).toBe(token);
  });

  it.each([
    undefined,
    '',
    ' ',
    'Bearer',
    'Bearer ',
    'Bearer \t',
    'Bearerabc',
    'Basic abc',
    'Token abc',
    'abc',
    'x Bearer abc',
  ])('of %j is none at all', (header) => {
    expect(read(header)).toBeUndefined();
  });

  it('is found whatever the case of the name', () => {
    for (const name of ['Authorization', 'authorization', 'AUTHORIZATION']) {
      expect(bearerToken({ headers: {}, rawHeaders: ['X-Forwarded-Fo', 'x', name, 'Bearer a'] })).toBe('a');
    }
  });

  it('is none in a request without the header', () => {
    expect(bearerToken({ headers: {} })).toBeUndefined();
    expect(bearerToken({ headers: {}, rawHeaders: [] })).toBeUndefined();
  });

  it('is no token of either, when the header came twice', () => {
    const authorization = 'Bearer a';
    const rawHeaders = ['Host', 'x', 'Authorization', 'Bearer a', 'Accept', '*/*', 'authorization', 'Bearer b'];
    for (const request of [
      { headers: { authorization: ['Bearer a', 'Bearer b'] } },
      { headers: { authorization }, rawHeaders },
      { headers: { authorization }, raw: { rawHeaders } },
    ]) {
      expect(bearerToken(request)).toBe('a, Bearer b');
    }
  });
});
