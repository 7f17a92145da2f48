import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { LatchkeySettings } from '../../latchkey.options';
import { secretScanningRules } from '../../host-api/secret-scanning';
import { KeyChecksumError, KeyPrefixError } from './access-tokens.errors';
import type { KeyOptions } from './key-options';
import { checksumOf, isKeyPrefix } from './short-key';
import { ShortKeyring } from './short-key.keyring';

const secret = () => randomBytes(48).toString('base64');
const PRESENT = secret();
const FORMER = secret();

function keyring(keys: KeyOptions | undefined, authSecret = PRESENT, previousAuthSecrets: string[] = []): ShortKeyring {
  const database = { url: 'postgres://user@host/db' };
  return new ShortKeyring(new LatchkeySettings({ database, authSecret, previousAuthSecrets, keys }));
}

const ACME = keyring({ prefix: 'acme_live_', previousPrefixes: ['acme_'] });

describe('a short key', () => {
  it('has a prefix, 160 random bits and a checksum, and shows its first characters only', () => {
    const keys = Array.from({ length: 50 }, () => ACME.make());
    for (const { text, visibleStart, hash } of keys) {
      expect(text).toMatch(/^acme_live_[0-9A-Za-z]{36}$/);
      expect(visibleStart).toBe(text.slice(0, 14));
      expect(hash).toHaveLength(32);
      expect(ACME.isKey(text)).toBe(true);
    }
    expect(new Set(keys.map(({ text }) => text.slice(10, 37))).size).toBe(50);
    expect(62 ** 27).toBeGreaterThan(2 ** 160);
  });

  it("has GitHub's checksum", () => {
    // The example that GitHub published with the format.
    expect(checksumOf('zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ')).toBe(['0mL', 'q17'].join(''));
  });

  it('is told from whatever differs from it in one character, two that changed places, or its length', () => {
    const { text } = ACME.make();
    const start = 'acme_live_'.length;
    for (let at = start; at < text.length; at += 1) {
      const [before, letter, after] = [text.slice(0, at), text[at]!, text.slice(at + 1)];
      const others = [letter === 'a' ? 'b' : 'a', letter === '0' ? 'O' : '0', '_', '', `${letter}${letter}`, 'é', ' '];
      const swapped = before + after[0] + letter + after.slice(1);
      for (const typo of [...others.map((other) => before + other + after), swapped]) {
        if (typo !== text && !typo.includes('undefined')) expect(() => told(ACME, typo)).toThrow();
      }
    }
    expect(() => ACME.isKey(`${text}0`)).toThrow(KeyChecksumError);
  });

  /** A typo that makes another prefix is no text of this installation either. */
  function told(ring: ShortKeyring, text: string): void {
    if (!ring.isKey(text)) throw new KeyPrefixError();
  }

  it('of an earlier prefix is one still, and one of another service is told apart', () => {
    const earlier = keyring({ prefix: 'acme_' }).make().text;
    const foreign = keyring({ prefix: 'other_' }).make().text;
    expect(ACME.isKey(earlier)).toBe(true);
    expect(() => ACME.isKey(foreign)).toThrow(KeyPrefixError);
    expect(() => ACME.isKey(foreign.replace('other_', 'ghp_'))).toThrow(KeyPrefixError);
    expect(() => ACME.isKey(`acme_live_${'0'.repeat(36)}`)).toThrow(KeyChecksumError);
  });

  it('is no JWT and no other text, and there are none without a prefix', () => {
    for (const text of ['', 'x', 'eyJhbGciOiJIUzI1NiJ9.e30.c2ln', 'acme-live-1', 'no key', '_', 'x'.repeat(5_000)]) {
      expect(ACME.isKey(text)).toBe(false);
    }
    const none = keyring(undefined);
    expect(none.isKey(ACME.make().text)).toBe(false);
    expect(() => none.make()).toThrow('needs the option keys');
    expect([none.defaultFormat, ACME.defaultFormat]).toEqual(['jwt', 'key']);
  });

  it('is stored as a hash that needs the secret, and is found under earlier secrets', () => {
    const keys = { prefix: 'acme_live_' };
    const { text, hash } = keyring(keys, FORMER).make();
    const both = keyring(keys, PRESENT, [FORMER]).presented(text);
    expect(both.hashes[1]!.equals(hash)).toBe(true);
    expect(both.hashes[0].equals(hash)).toBe(false);
    expect(both.isMarked).toBe(true);
    const removed = keyring(keys, PRESENT).presented(text);
    expect(removed.hashes.map((other) => other.equals(hash))).toEqual([false]);
    expect(removed.isMarked).toBe(false);
  });

  it('is marked as made here, which others can only guess', () => {
    const forged = Array.from({ length: 300 }, () => keyring({ prefix: 'acme_live_' }, secret()).make().text);
    expect(forged.every((text) => ACME.isKey(text))).toBe(true);
    // One in 238,328 by chance.
    expect(forged.filter((text) => ACME.presented(text).isMarked).length).toBeLessThan(2);
    expect(ACME.presented(ACME.make().text).isMarked).toBe(true);
  });

  it('that was imported begins as the options say, and is hashed from its SHA-256', () => {
    const ring = keyring({ prefix: 'acme_live_', imported: ['sk_old_', 'acme_live_'] });
    expect(ring.isKey('sk_old_0123456789')).toBe(true);
    expect(ring.isKey(`acme_live_${'0'.repeat(36)}`)).toBe(true);
    expect(ring.isKey('sk_old_012345')).toBe(false);
    expect(() => ring.isKey('sk_new_0123456789abcdef')).toThrow(KeyPrefixError);
    const any = keyring({ prefix: 'acme_live_', imported: [''] });
    expect(any.isKey('d2f1c0b9-6a6c-4a5e-9f0e-3a4e7a1f5b6c')).toBe(true);
    expect(any.isKey('eyJhbGciOiJIUzI1NiJ9.e30.c2ln')).toBe(false);
  });

  it('never takes long to be told from a text that is none', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300, unit: 'binary' }), (text) => {
        try {
          expect(typeof ACME.isKey(`acme_live_${text}`)).toBe('boolean');
        } catch (error) {
          expect(error).toBeInstanceOf(KeyChecksumError);
        }
      }),
    );
  });
});

describe('a prefix', () => {
  it('has 2 to 20 lower-case letters, digits and underscores', () => {
    for (const good of ['a_', 'acme_live_', 'a1_', `${'a'.repeat(19)}_`]) expect(isKeyPrefix(good)).toBe(true);
    const bad = ['', '_', 'acme', 'Acme_', '1a_', 'ac-me_', `${'a'.repeat(20)}_`, 'acme_ ', 'ächt_', 3, undefined];
    for (const text of bad) expect(isKeyPrefix(text)).toBe(false);
  });
});

describe('the rules for scanners', () => {
  it('find keys in text, and neither cut ones nor those of another prefix', () => {
    const { pattern, gitleaks, trufflehog } = secretScanningRules('acme_live_');
    const { text } = ACME.make();
    // Both are for RE2, which reads this as JavaScript does.
    const inGitleaks = /regex = '''(.*)'''/.exec(gitleaks)![1]!;
    const inTrufflehog = /key: '(.*)'/.exec(trufflehog)![1]!;
    expect(inTrufflehog).toBe(inGitleaks);
    for (const source of [inGitleaks, `(${pattern})`]) {
      const found = (line: string) => new RegExp(source).exec(line)?.[1];
      expect(found(`API_KEY="${text}"`)).toBe(text);
      expect(found(`Authorization: Bearer ${text}`)).toBe(text);
      expect(found(text.slice(0, -1))).toBeUndefined();
      expect(found(text.replace('live', 'test'))).toBeUndefined();
    }
    expect(new RegExp(inGitleaks).test(`${text}0`)).toBe(false);
    expect(() => secretScanningRules('acme')).toThrow(TypeError);
  });
});
