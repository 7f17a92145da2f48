import fc from 'fast-check';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import { VALUE_TYPES } from './value-types';

const read = (oid: number, text: string) => VALUE_TYPES.getTypeParser(oid)(text);
const [BOOL, BYTEA, INT8, JSONB, TIMESTAMPTZ, UUIDS] = [16, 17, 20, 3802, 1184, 2951];

describe('what the database answers', () => {
  it.each([
    ['2026-11-28 17:00:00+00', '2026-11-28T17:00:00.000Z'],
    ['2026-11-28 17:00:00.1239+00', '2026-11-28T17:00:00.123Z'],
    ['2026-11-28 17:00:00.5-03:30', '2026-11-28T20:30:00.500Z'],
    ['1890-01-01 00:53:28+00:53:28', '1890-01-01T00:00:00.000Z'],
    ['0044-03-15 00:00:00+00 BC', '0001-01-01T00:00:00.000Z'],
    ['12026-11-28 17:00:00+00', '9999-12-31T23:59:59.999Z'],
    ['294276-12-31 23:59:59+00', '9999-12-31T23:59:59.999Z'],
    ['infinity', '9999-12-31T23:59:59.999Z'],
    ['-infinity', '0001-01-01T00:00:00.000Z'],
  ])('as the time %s is a time', (text, iso) => {
    expect((read(TIMESTAMPTZ, text) as Date).toISOString()).toBe(iso);
  });

  it('as a time is the same moment that any Date was written as', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (date) => {
          const text = date.toISOString().replace('T', ' ').replace('Z', '+00');
          expect((read(TIMESTAMPTZ, text) as Date).getTime()).toBe(date.getTime());
        },
      ),
    );
  });

  it.each([
    ['a time in German', TIMESTAMPTZ, '28.11.2026 17:00:00 UTC'],
    ['a time in SQL', TIMESTAMPTZ, '11/28/2026 17:00:00 UTC'],
    ['a time as PostgreSQL once wrote it', TIMESTAMPTZ, 'Sat Nov 28 17:00:00 2026 UTC'],
    ['no time at all', TIMESTAMPTZ, ''],
    ['another word for yes', BOOL, 'true'],
    ['no number', INT8, '1e3'],
    ['half a JSON text', JSONB, '{"a":'],
    ['bytes of no known form', BYTEA, '\\xabc'],
    ['an array of two dimensions', UUIDS, '{{a},{b}}'],
    ['an array that does not end', UUIDS, '{a,b'],
  ])('is refused where it is %s', (_, oid, text) => {
    expect(() => read(oid, text)).toThrow(UnreadableValueError);
  });

  it('is read in either form of bytes, and with every character that an array can hold', () => {
    expect(read(BYTEA, '\\x00ff5c')).toEqual(Buffer.from([0, 255, 92]));
    expect(read(BYTEA, '\\000\\377\\\\')).toEqual(Buffer.from([0, 255, 92]));
    expect(read(1009, '{a,"b, \\"c\\" \\\\ {}",NULL,"NULL",""}')).toEqual(['a', 'b, "c" \\ {}', null, 'NULL', '']);
    expect(read(UUIDS, '{}')).toEqual([]);
    expect(read(1016, '{1,-2}')).toEqual(['1', '-2']);
  });
});
