import fc from 'fast-check';
import { IpNetwork } from './ip-network';

function contains(network: IpNetwork | undefined, address: string): boolean {
  return network !== undefined && IpNetwork.anyContains([network], address);
}

const NOT_NETWORKS = [
  '',
  ' ',
  '/',
  '/24',
  '10.0.0.0/',
  '10.0.0.0/ 24',
  '10.0.0.0 /24',
  ' 10.0.0.0',
  '10.0.0.0\n',
  '10.0.0.0/24\n',
  '10.0.0.0/24abc',
  '10.0.0.0/24/8',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/+8',
  '10.0.0.0/08',
  '10.0.0.0/00',
  '10.0.0.0/8.0',
  '10.0.0.0/1e1',
  '10.0.0.0/0x8',
  '10.0.0.0/٣',
  '10.0.0.0/255.0.0.0',
  '010.0.0.1',
  '10.0.0.01',
  '0x0a.0.0.1',
  '0xa000001',
  '167772161',
  '10.1',
  '10.0.0',
  '10.0.0.0.0',
  '10.0.0.256',
  '10.0.0.1:80',
  '[::1]',
  '[::1]:80',
  '::1:80:',
  'fe80::1%eth0',
  'fe80::1%1/64',
  '::/129',
  '::/1280',
  '1::2::3',
  ':::',
  'g::1',
  '12345::',
  '::ffff:1.2.3',
  '::ffff:01.2.3.4',
  'localhost',
  'unknown',
  '*',
  '١.1.1.1',
  '1.1.1.1\0',
];

describe('reading a network', () => {
  it.each(NOT_NETWORKS)('refuses %j', (text) => {
    expect(IpNetwork.parse(text)).toBeUndefined();
  });

  it.each([
    ['10.0.0.0', '10.0.0.0', true],
    ['10.0.0.0', '10.0.0.1', false],
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.1.2.3/8', '10.200.0.1', true],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', 'ffff:ffff::1', true],
    ['::/0', '10.0.0.1', false],
    ['::/0', '::ffff:10.0.0.1', false],
    ['10.0.0.0/31', '10.0.0.1', true],
    ['10.0.0.0/31', '10.0.0.2', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::', false],
    ['2001:DB8::1', '2001:0db8:0:0:0:0:0:1', true],
    ['::ffff:10.0.0.1', '10.0.0.1', true],
    ['::ffff:a00:1', '10.0.0.1', true],
    ['::ffff:10.0.0.0/104', '10.9.9.9', true],
    ['::ffff:10.0.0.0/104', '11.0.0.0', false],
    ['::ffff:0.0.0.0/96', '192.0.2.7', true],
    ['10.0.0.1', '::ffff:10.0.0.1', true],
    ['10.0.0.1', '::ffff:0a00:0001', true],
    ['10.0.0.1', '::10.0.0.1', false],
    ['127.0.0.1', '::1', false],
  ])('%s and %s: %s', (network, address, isWithin) => {
    expect(contains(IpNetwork.parse(network), address)).toBe(isWithin);
  });

  it.each(NOT_NETWORKS.filter((text) => !text.includes('/')))('never counts %j as an address within', (text) => {
    expect(contains(IpNetwork.parse('0.0.0.0/0'), text)).toBe(false);
    expect(contains(IpNetwork.parse('::/0'), text)).toBe(false);
  });

  it('finds every IPv4 address in each of its own networks, spelled as IPv6 too', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), (address, prefix) => {
        for (const text of [`${address}/${prefix}`, `::ffff:${address}/${prefix + 96}`]) {
          const network = IpNetwork.parse(text);
          expect(contains(network, address)).toBe(true);
          expect(contains(network, `::ffff:${address}`)).toBe(true);
        }
      }),
    );
  });

  it('finds every IPv6 address in each of its own networks', () => {
    const plain = fc.ipV6().filter((address) => !/^(::|0:.*:)f{4}:/i.test(address));
    fc.assert(
      fc.property(plain, fc.integer({ min: 0, max: 128 }), (address, prefix) => {
        expect(contains(IpNetwork.parse(`${address}/${prefix}`), address)).toBe(true);
      }),
    );
  });

  it('leaves out an address that differs within the prefix', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 1, max: 32 }), (number, prefix) => {
        const spelled = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
        const network = IpNetwork.parse(`${spelled(number)}/${prefix}`);
        expect(contains(network, spelled(number ^ (1 << (32 - prefix))))).toBe(false);
      }),
    );
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (network, address) => {
        contains(IpNetwork.parse(network), address);
        contains(IpNetwork.parse('::/0'), network);
      }),
    );
  });
});
