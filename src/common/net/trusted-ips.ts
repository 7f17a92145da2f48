import { isIP, isIPv4 } from 'node:net';
import { UnreadableValueError } from '../errors/unreadable-value.error';
import { IpNetwork } from './ip-network';

/** One entry of a list of trusted addresses, as it is stored and answered: split, and spelled as it was sent (decision 15). */
export interface TrustedIp {
  type: 'ipv4' | 'ipv6';
  /** Absent for a single address. */
  prefix?: number;
  ipAddress: string;
}

export const EVERY_ADDRESS: readonly TrustedIp[] = [
  { type: 'ipv4', prefix: 0, ipAddress: '0.0.0.0' },
  { type: 'ipv6', prefix: 0, ipAddress: '::' },
];

/** Undefined for text that is not an IPv4 or IPv6 address or CIDR block. */
export function parseTrustedIp(text: string): TrustedIp | undefined {
  if (IpNetwork.parse(text) === undefined) return undefined;
  const [ipAddress = '', prefix] = text.split('/');
  const type = isIPv4(ipAddress) ? 'ipv4' : 'ipv6';
  return prefix === undefined ? { type, ipAddress } : { type, prefix: Number(prefix), ipAddress };
}

interface ParsedList {
  readonly isRestricted: boolean;
  readonly networks: readonly IpNetwork[];
}

// Lists are remembered with the token facts they belong to, and checked on every request: each is parsed once.
const parsedLists = new WeakMap<readonly TrustedIp[], ParsedList>();

/** Whether a list accepts an address. No list accepts an unknown address, not even a wildcard. */
export function isTrusted(list: readonly TrustedIp[], address: string | undefined): boolean {
  if (address === undefined || isIP(address) === 0 || address.includes('%')) return false;
  const { isRestricted, networks } = parsedListOf(list);
  return !isRestricted || IpNetwork.anyContains(networks, address);
}

function parsedListOf(list: readonly TrustedIp[]): ParsedList {
  let parsed = parsedLists.get(list);
  if (parsed === undefined) {
    const networks = readTrustedIps(list).map((entry) => networkOf(entry)!);
    parsed = { isRestricted: isRestricted(list), networks };
    parsedLists.set(list, parsed);
  }
  return parsed;
}

/**
 * A list as the database has it, where a change by hand may have left anything. @throws UnreadableValueError for a list with an
 * entry that cannot be read: a skipped entry would refuse callers, and a misread one would accept too many.
 */
export function readTrustedIps(list: unknown): readonly TrustedIp[] {
  if (!Array.isArray(list) || !list.every(isTrustedIp)) throw new UnreadableValueError('a list of trusted addresses');
  return list;
}

function isTrustedIp(entry: unknown): entry is TrustedIp {
  if (typeof entry !== 'object' || entry === null) return false;
  const { type, ipAddress, prefix } = entry as Record<string, unknown>;
  if (typeof ipAddress !== 'string' || (prefix !== undefined && !Number.isInteger(prefix))) return false;
  return type === (isIPv4(ipAddress) ? 'ipv4' : 'ipv6') && networkOf(entry as TrustedIp) !== undefined;
}

function networkOf(entry: TrustedIp): IpNetwork | undefined {
  return IpNetwork.parse(textOf(entry));
}

/** Whether a list refuses any address at all. */
export function isRestricted(list: readonly TrustedIp[]): boolean {
  const entries = readTrustedIps(list);
  const isOpen = (type: TrustedIp['type']) => entries.some((entry) => entry.type === type && entry.prefix === 0);
  return !(isOpen('ipv4') && isOpen('ipv6'));
}

function textOf({ ipAddress, prefix }: TrustedIp): string {
  return prefix === undefined ? ipAddress : `${ipAddress}/${prefix}`;
}
