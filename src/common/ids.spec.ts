import fc from 'fast-check';
import { isId } from './ids';

const ID = '0b8f4b1c-3a44-4a5e-9d0e-7a0f4f7f8a02';

describe('an id', () => {
  it('is any uuid, in either case', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(isId(id)).toBe(true);
        expect(isId(id.toUpperCase())).toBe(true);
      }),
    );
  });

  it.each([
    '',
    ID.slice(1),
    `${ID}0`,
    ` ${ID}`,
    `${ID}\n`,
    `${ID}\0`,
    `{${ID}}`,
    `urn:uuid:${ID}`,
    ID.replaceAll('-', ''),
    ID.replace('-', '_'),
    ID.replace('0', 'g'),
    ID.replace('0', '٠'),
    `${ID}\n${ID}`,
    "' OR 1=1 --",
  ])('is not %j, though PostgreSQL might read it', (text) => {
    expect(isId(text)).toBe(false);
  });
});
