import { isIP } from 'node:net';
import type { IpNetwork } from './ip-network';

/** The parts of a request that say where it came from; Express, Fastify and Node requests all have them. */
export interface AddressedRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/**
 * The address a request came from (decisions 16): the socket's, unless that is a trusted proxy. Then X-Forwarded-For is
 * walked from the right, through trusted proxies, to the first hop that is none. Undefined when that hop is not an address:
 * nobody can be let in from there.
 */
export function clientAddress(request: AddressedRequest, trustedProxies: readonly IpNetwork[]): string | undefined {
  const peer = request.socket.remoteAddress;
  if (peer === undefined || trustedProxies.length === 0) return peer;
  const isProxy = (address: string) => trustedProxies.some((network) => network.contains(address));
  if (!isProxy(peer)) return peer;
  const hops = [request.headers['x-forwarded-for'] ?? []]
    .flat()
    .join(',')
    .split(',')
    .map((hop) => hop.trim())
    .filter((hop) => hop !== '');
  const client = hops.findLast((hop) => !isProxy(hop)) ?? hops[0] ?? peer;
  return isIP(client) === 0 ? undefined : client;
}
