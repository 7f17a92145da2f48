import { scryptSync } from 'node:crypto';
import { hashPassword } from './password-hash';

const FORMAT = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/;

describe('a hashed password', () => {
  it('is scrypt at the cost OWASP asks for, in PHC string format, and can be checked from that alone', async () => {
    const password = '  pässwörd with blanks 🔑 ';
    const hash = await hashPassword(password);
    const [, ln, r, p, salt, key] = FORMAT.exec(hash) ?? [];
    expect([ln, r, p]).toEqual(['17', '8', '1']);
    const cost = { N: 2 ** Number(ln), r: Number(r), p: Number(p), maxmem: 2 ** 28 };
    const again = (text: string) => scryptSync(text, Buffer.from(salt!, 'base64'), 32, cost).toString('base64');
    expect(again(password)).toBe(`${key}=`);
    expect(again(password.trim())).not.toBe(`${key}=`);
  });

  it('has a salt of its own each time', async () => {
    const [first, second] = await Promise.all([hashPassword('same'), hashPassword('same')]);
    expect(first).toMatch(FORMAT);
    expect(first).not.toBe(second);
  });
});
