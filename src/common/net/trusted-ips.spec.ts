import fc from 'fast-check';
import { EVERY_ADDRESS, isRestricted, isTrusted, parseTrustedIp, type TrustedIp } from './trusted-ips';

function listOf(...texts: string[]): TrustedIp[] {
  return texts.map((text) => parseTrustedIp(text)!);
}

describe('one entry of a trusted IP list', () => {
  it.each([
    ['203.0.113.7', { type: 'ipv4', ipAddress: '203.0.113.7' }],
    ['203.0.113.7/24', { type: 'ipv4', prefix: 24, ipAddress: '203.0.113.7' }],
    ['0.0.0.0/0', { type: 'ipv4', prefix: 0, ipAddress: '0.0.0.0' }],
    ['2001:DB8::1', { type: 'ipv6', ipAddress: '2001:DB8::1' }],
    ['::/0', { type: 'ipv6', prefix: 0, ipAddress: '::' }],
    ['::ffff:10.0.0.0/104', { type: 'ipv6', prefix: 104, ipAddress: '::ffff:10.0.0.0' }],
  ])('%s is kept split, spelled as it was sent', (text, entry) => {
    expect(parseTrustedIp(text)).toStrictEqual(entry);
  });

  it.each(['', '10.0.0.0/24abc', '10.0.0.0/24/8', '10.0.0.0/33', '::/129', '1.2.3.4:567', 'fe80::1%eth0', '01.2.3.4'])(
    'refuses %j',
    (text) => {
      expect(parseTrustedIp(text)).toBeUndefined();
    },
  );

  it('can be put together again to the text that was sent', () => {
    const texts = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map((parts) => parts.join('/')),
      fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })).map((parts) => parts.join('/')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const { ipAddress, prefix } = parseTrustedIp(text)!;
        expect(prefix === undefined ? ipAddress : `${ipAddress}/${prefix}`).toBe(text);
      }),
    );
  });
});

describe('a trusted IP list', () => {
  it('lets in whom any of its entries contains, and nobody else', () => {
    const list = listOf('10.0.0.0/8', '192.0.2.7', '2001:db8::/32');
    for (const address of ['10.1.2.3', '192.0.2.7', '2001:db8::9', '::ffff:10.1.2.3']) {
      expect(isTrusted(list, address)).toBe(true);
    }
    for (const address of ['11.0.0.0', '192.0.2.8', '2001:db9::', '', 'unknown', '10.1.2.3:80', '10.1.2.3, 10.1.2.3']) {
      expect(isTrusted(list, address)).toBe(false);
    }
  });

  it('lets nobody in when it is empty', () => {
    expect(isTrusted([], '10.0.0.1')).toBe(false);
  });

  it('lets an address that cannot be told in by no list, not even by the wildcard', () => {
    expect(isTrusted(EVERY_ADDRESS, undefined)).toBe(false);
    expect(isTrusted(EVERY_ADDRESS, 'unknown')).toBe(false);
  });

  it('excludes IPv6 clients when it only holds 0.0.0.0/0', () => {
    expect(isTrusted(listOf('0.0.0.0/0'), '::1')).toBe(false);
    expect(isTrusted(listOf('0.0.0.0/0'), '::ffff:192.0.2.1')).toBe(true);
  });

  it('lets everybody in by default', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => expect(isTrusted(EVERY_ADDRESS, address)).toBe(true)),
    );
  });

  it.each([
    [['0.0.0.0/0', '::/0'], false],
    [['10.0.0.0/0', '2001:db8::/0'], false],
    [['0.0.0.0/0'], true],
    [['::/0'], true],
    [['0.0.0.0', '::'], true],
    [['10.0.0.0/8', '::/0', '0.0.0.0/0'], false],
    [[], true],
  ])('%j is restricted: %s', (texts, expected) => {
    expect(isRestricted(listOf(...texts))).toBe(expected);
  });
});
