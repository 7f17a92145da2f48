import ipaddr from 'ipaddr.js';
import { IpNetwork } from './ip-network';

const networks = (...texts: string[]) => texts.map((text) => IpNetwork.parse(text)!);

/**
 * Reached by no request, whatever the operator allows: link-local networks, where clouds have their metadata services; metadata
 * services elsewhere (Alibaba, Oracle, Azure, Amazon and Google over IPv6); what names no single host.
 */
const NEVER = networks(
  ...['169.254.0.0/16', 'fe80::/10'],
  ...['100.100.100.200', '192.0.0.192', '168.63.129.16', 'fd00:ec2::/32', 'fd20:ce::254'],
  ...['0.0.0.0/8', '::/128', '224.0.0.0/4', 'ff00::/8', '255.255.255.255'],
);

/** Global unicast of IPv6 (RFC 4291 section 2.4). The registry of special purposes excepts parts of it, as ipaddr.js knows. */
const GLOBAL_IPV6 = networks('2000::/3');

type Translation = readonly [network: IpNetwork, firstByte: number];

/** Networks whose addresses stand for an IPv4 address, and the byte it begins at: NAT64 (RFC 6052) and 6to4 (RFC 3056). */
const TRANSLATED: readonly Translation[] = [
  [IpNetwork.parse('64:ff9b::/96')!, 12],
  [IpNetwork.parse('2002::/16')!, 2],
];
/** The same where an operator has such gateways of its own (RFC 8215, RFC 2765). Their addresses are not public. */
const TRANSLATED_LOCALLY: readonly Translation[] = [
  [IpNetwork.parse('64:ff9b:1::/48')!, 12],
  [IpNetwork.parse('::ffff:0:0:0/96')!, 12],
];

/** Which addresses a URL may lead to that a tenant has chosen. */
export class OutboundAddresses {
  /** @param allowed the private and loopback networks that may be reached. */
  constructor(private readonly allowed: readonly IpNetwork[]) {}

  isAllowed(address: string): boolean {
    if (targetsOf(address).some((end) => IpNetwork.anyContains(NEVER, end))) return false;
    const target = inside(address, TRANSLATED);
    return isPublic(target) || IpNetwork.anyContains(this.allowed, target);
  }
}

/** The addresses that may be connected to in the end: where a gateway translates, the IPv4 address within. */
export function targetsOf(address: string): string[] {
  return [inside(address, TRANSLATED), inside(address, TRANSLATED_LOCALLY)];
}

function inside(address: string, translations: readonly Translation[]): string {
  const translated = translations.find(([network]) => IpNetwork.anyContains([network], address));
  if (!translated) return address;
  const [, first] = translated;
  return ipaddr
    .parse(address)
    .toByteArray()
    .slice(first, first + 4)
    .join('.');
}

function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed.kind() === 'ipv4' || IpNetwork.anyContains(GLOBAL_IPV6, address);
}
