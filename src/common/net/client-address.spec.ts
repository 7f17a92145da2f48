import fc from 'fast-check';
import { clientAddress } from './client-address';
import { IpNetwork } from './ip-network';

const PROXIES = ['10.0.0.0/8', '2001:db8:ffff::/48'].map((text) => IpNetwork.parse(text)!);
const PEER = '198.51.100.7';
const LIE = '203.0.113.66';

const HEADERS_OF_OTHERS = [
  'cf-connecting-ip',
  'cf-pseudo-ipv4',
  'x-client-ip',
  'x-envoy-external-address',
  'fastly-client-ip',
  'true-client-ip',
  'x-real-ip',
  'x-cluser-client-ip',
  'x-cluster-client-ip',
  'forwarded-for',
  'x-forwarded',
  'forwarded',
  'x-appengine-user-ip',
];

function ask(remoteAddress: string | undefined, headers: Record<string, string | string[]>, proxies = PROXIES) {
  return clientAddress({ socket: { remoteAddress }, headers }, proxies);
}

describe("the client's address", () => {
  it.each(['x-forwarded-for', ...HEADERS_OF_OTHERS])('is never taken from %s when no proxy is trusted', (header) => {
    expect(ask(PEER, { [header]: LIE }, [])).toBe(PEER);
  });

  it.each(HEADERS_OF_OTHERS)('is not taken from %s even when a trusted proxy sends it', (header) => {
    expect(ask('10.0.0.1', { [header]: LIE })).toBe('10.0.0.1');
    expect(ask('10.0.0.1', { [header]: LIE, 'x-forwarded-for': PEER })).toBe(PEER);
  });

  it('is the socket when that is no trusted proxy, whatever the headers say', () => {
    expect(ask(PEER, { 'x-forwarded-for': LIE })).toBe(PEER);
    expect(ask(PEER, { 'x-forwarded-for': '10.0.0.1' })).toBe(PEER);
    expect(ask(PEER, { 'x-forwarded-for': 'garbage' })).toBe(PEER);
  });

  it.each([
    ['one hop', '198.51.100.7', '198.51.100.7'],
    ['a lie on the left', '203.0.113.66, 198.51.100.7', '198.51.100.7'],
    ['a lie that claims to be a proxy', '10.6.6.6, 198.51.100.7', '198.51.100.7'],
    ['a chain of trusted proxies', '203.0.113.66, 198.51.100.7, 10.0.0.2, 10.0.0.3', '198.51.100.7'],
    ['proxies of both families', '198.51.100.7, 2001:db8:ffff::1, 10.0.0.3', '198.51.100.7'],
    ['a mapped proxy', '198.51.100.7, ::ffff:10.0.0.3', '198.51.100.7'],
    ['an IPv6 client', '2001:db8::5, 10.0.0.3', '2001:db8::5'],
    ['proxies only: the leftmost', '10.0.0.4, 10.0.0.5', '10.0.0.4'],
    ['no blanks', '203.0.113.66,198.51.100.7,10.0.0.2', '198.51.100.7'],
    ['a port', '198.51.100.7:4711', '198.51.100.7'],
    ['a port, of a proxy too', '203.0.113.66:1, 198.51.100.7:4711, 10.0.0.2:443', '198.51.100.7'],
    ['a proxy of version 6 with a port', '198.51.100.7, [2001:db8:ffff::1]:443', '198.51.100.7'],
    ['a bracketed address', '[2001:db8::5]', '2001:db8::5'],
    ['a bracketed address with a port', '[2001:db8::5]:80', '2001:db8::5'],
    ['a quoted address', '"198.51.100.7"', '198.51.100.7'],
    ['a quoted address with a port', '"[2001:db8::5]:443"', '2001:db8::5'],
    ['empty elements', ', 198.51.100.7, ,', '198.51.100.7'],
    ['a name', 'unknown', undefined],
    ['a port without a number', '198.51.100.7:', undefined],
    ['a hidden port', '198.51.100.7:_p', undefined],
    ['two ports', '198.51.100.7:1:2', undefined],
    ['an open bracket', '[2001:db8::5', undefined],
    ['an open quote', '"198.51.100.7', undefined],
    ['an address of version 4 in brackets', '[198.51.100.7]:80', undefined],
    ['a zone', 'fe80::1%eth0', undefined],
    ['a zone in brackets', '[fe80::1%25eth0]:443', undefined],
    ['octal with a port', '010.0.0.1:80', undefined],
    ['a parameter of Forwarded', 'for=198.51.100.7', undefined],
    ['garbage to the right of an address', '198.51.100.7, garbage', undefined],
    ['garbage behind a trusted proxy', 'garbage, 10.0.0.2', undefined],
    ['garbage on the left of the client', 'garbage, 198.51.100.7', '198.51.100.7'],
    ['leading zeros', '0198.51.100.7', undefined],
    ['an obfuscated node', '_hidden, 10.0.0.2', undefined],
    ['script', "'; DROP TABLE users; --", undefined],
  ])('behind a trusted proxy, %s', (_, forwarded, expected) => {
    expect(ask('10.0.0.1', { 'x-forwarded-for': forwarded })).toBe(expected);
    expect(ask('::ffff:10.0.0.1', { 'x-forwarded-for': forwarded })).toBe(expected);
  });

  it('reads repeated headers as one list, in their order', () => {
    expect(ask('10.0.0.1', { 'x-forwarded-for': [LIE, PEER] })).toBe(PEER);
    expect(ask('10.0.0.1', { 'x-forwarded-for': [`${LIE}, ${PEER}`, '10.0.0.2'] })).toBe(PEER);
  });

  it('is the proxy itself when it forwards for nobody', () => {
    expect(ask('10.0.0.1', {})).toBe('10.0.0.1');
    expect(ask('10.0.0.1', { 'x-forwarded-for': '' })).toBe('10.0.0.1');
  });

  it('cannot be told when the socket is gone', () => {
    expect(ask(undefined, { 'x-forwarded-for': PEER })).toBeUndefined();
  });

  it('is not changed by anything to the left of the last hop that is no proxy', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (lies) => {
        const forwarded = [...lies.map((lie) => lie.replaceAll(',', '')), PEER, '10.0.0.2'].join(', ');
        expect(ask('10.0.0.1', { 'x-forwarded-for': forwarded })).toBe(PEER);
      }),
    );
  });

  it('is nobody behind a chain of more than 64 trusted proxies: it is not walked to its end', () => {
    const proxies = (count: number) => Array.from({ length: count }, () => '10.0.0.1').join(', ');
    const behind = (count: number) => ask('10.0.0.1', { 'x-forwarded-for': `203.0.113.7, ${proxies(count)}` });
    expect(behind(63)).toBe('203.0.113.7');
    expect(behind(64)).toBeUndefined();
    expect(ask('10.0.0.1', { 'x-forwarded-for': proxies(65) })).toBeUndefined();
    expect(ask('10.0.0.1', { 'x-forwarded-for': proxies(64) })).toBe('10.0.0.1');
  });
});
