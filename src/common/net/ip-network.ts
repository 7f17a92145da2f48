import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

const MAPPED_PREFIX = 96;

/** A network of addresses. IPv4-mapped IPv6 addresses count as IPv4 addresses, on both sides of a match (decision 15). */
export class IpNetwork {
  private readonly kind: 'ipv4' | 'ipv6';

  private constructor(
    private readonly address: Address,
    private readonly prefix: number,
  ) {
    this.kind = address.kind();
  }

  /**
   * Reads `192.0.2.1`, `192.0.2.0/24`, `2001:db8::1` or `2001:db8::/32`. Undefined for anything else, including zones, ports,
   * leading zeros and prefixes out of range.
   */
  static parse(text: string): IpNetwork | undefined {
    const [host = '', prefix, ...rest] = text.split('/');
    const address = parseAddress(host);
    if (address === undefined || rest.length > 0) return undefined;
    const bits = address.kind() === 'ipv4' ? 32 : 128;
    if (prefix === undefined) return IpNetwork.unmapped(address, bits);
    if (!/^(0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > bits) return undefined;
    return IpNetwork.unmapped(address, Number(prefix));
  }

  private static unmapped(address: Address, prefix: number): IpNetwork {
    if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && prefix >= MAPPED_PREFIX) {
      return new IpNetwork(address.toIPv4Address(), prefix - MAPPED_PREFIX);
    }
    return new IpNetwork(address, prefix);
  }

  /**
   * Whether an address lies within one of the networks. It is read once, however many networks there are. False for text that is
   * not an address.
   */
  static anyContains(networks: readonly IpNetwork[], text: string): boolean {
    const address = parseAddress(text);
    if (address === undefined) return false;
    const plain = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
    const kind = plain.kind();
    return networks.some((network) => network.kind === kind && plain.match(network.address, network.prefix));
  }
}

/** Strict: `isIP` refuses the octal, hexadecimal and short forms that ipaddr.js reads; zones name an interface, not a host. */
function parseAddress(text: string): Address | undefined {
  if (isIP(text) === 0 || text.includes('%')) return undefined;
  // ipaddr.js reads ::192.0.2.1 (RFC 4291 section 2.5.5.1, IPv4-compatible) as a mapped address, which it is not.
  return ipaddr.parse(text.replace(/^::(?=\d+\.)/, '::0:'));
}
