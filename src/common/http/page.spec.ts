import fc from 'fast-check';
import { ValidationFailureError } from '../errors/common.errors';
import { decodeCursor, encodeCursor, pageOf } from './page';

const ID = '0b8f4b1c-3a44-4a5e-9d0e-7a0f4f7f8a02';
const encoded = (text: string) => Buffer.from(text).toString('base64url');

describe('a cursor', () => {
  it('leads back to the very place it was made for', () => {
    const times = fc.date({ min: new Date(0), max: new Date('2286-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(times, fc.uuid(), (createdAt, id) => {
        expect(decodeCursor(encodeCursor({ createdAt, id }))).toEqual({ createdAt, id });
      }),
    );
  });

  it.each([
    '',
    'garbage',
    '%',
    encoded(''),
    encoded(':'),
    encoded(`:${ID}`),
    encoded(`1e3:${ID}`),
    encoded(`-1:${ID}`),
    encoded(`1.5:${ID}`),
    encoded(`9999999999999999:${ID}`),
    encoded(`1700000000000:`),
    encoded(`1700000000000:${ID}'; DROP TABLE users; --`),
    encoded(`1700000000000:{${ID}}`),
    encoded(`1700000000000:${ID}\n`),
    encoded(`1700000000000\0:${ID}`),
    encoded(`1700000000000:${ID}:${ID}`),
  ])('that is %j is refused as invalid input, named by its path', (text) => {
    expect(() => decodeCursor(text)).toThrow(
      expect.objectContaining({
        response: {
          statusCode: 422,
          error: 'ValidationFailure',
          message: [{ code: 'invalid_string', path: ['cursor'], message: 'Not a cursor of this list' }],
        },
      }),
    );
  });

  it('made of anything is either a place with a real time and id, or refused', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string().map(encoded)), (text) => {
        try {
          const { createdAt, id } = decodeCursor(text);
          expect(Number.isNaN(createdAt.getTime())).toBe(false);
          expect(id).toMatch(/^[0-9a-f-]{36}$/i);
        } catch (error) {
          expect(error).toBeInstanceOf(ValidationFailureError);
        }
      }),
    );
  });
});

describe('a page', () => {
  const items = Array.from({ length: 5 }, (_, index) => ({ createdAt: new Date(index), id: ID }));

  it.each([
    [4, 4, true],
    [5, 5, false],
    [6, 5, false],
    [1, 1, true],
  ])('of at most %s of five items has %s, and says whether more follow: %s', (limit, length, hasMore) => {
    const { page, nextCursor } = pageOf(items, limit);
    expect(page).toEqual(items.slice(0, length));
    expect(nextCursor).toBe(hasMore ? encodeCursor(items[length - 1]!) : null);
  });

  it('of nothing is empty and the last', () => {
    expect(pageOf([], 20)).toEqual({ page: [], nextCursor: null });
  });
});
