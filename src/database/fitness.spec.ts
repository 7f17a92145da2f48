import { type DatabaseTraits, faultOfTraits } from './fitness';

describe('a database', () => {
  const GOOD: DatabaseTraits = {
    version: 150_000,
    encoding: 'UTF8',
    database: 'd',
    user: 'u',
    exists: false,
    mayCreate: true,
  };

  it.each([
    [{}, undefined],
    [{ version: 180_004 }, undefined],
    [{ exists: true, mayCreate: false }, undefined],
    [{ version: 149_999 }, /runs PostgreSQL 14, and Latchkey needs 15 or later/],
    [{ version: 90_624 }, /runs PostgreSQL 9, /],
    [{ encoding: 'LATIN1' }, /encoded in LATIN1, and Latchkey needs UTF8/],
    [{ encoding: 'SQL_ASCII' }, /encoded in SQL_ASCII/],
    [{ mayCreate: false }, /GRANT CREATE ON DATABASE "d" TO "u"/],
  ])('with %j is fit, or what to do is said', (traits, fault) => {
    const said = faultOfTraits({ ...GOOD, ...traits }, true);
    if (fault === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(fault);
  });
});
