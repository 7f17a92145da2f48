import { isIP } from 'node:net';
import { IpNetwork } from './ip-network';

/** The parts of a request that say where it came from; Express, Fastify and Node requests all have them. */
export interface AddressedRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** No chain of proxies is as long: whoever makes one up keeps the others waiting while it is walked. */
const MAX_HOPS = 64;

/**
 * The address a request came from (decisions 16): the socket's, unless that is a trusted proxy. Then X-Forwarded-For is
 * walked from the right, through 64 trusted proxies at most, to the first hop that is none. Undefined when that hop is not an
 * address, or none is found: nobody can be let in from there.
 */
export function clientAddress(request: AddressedRequest, trustedProxies: readonly IpNetwork[]): string | undefined {
  const peer = request.socket.remoteAddress;
  if (peer === undefined || trustedProxies.length === 0) return peer;
  const isProxy = (address: string) => IpNetwork.anyContains(trustedProxies, address);
  if (!isProxy(peer)) return peer;
  const hops = hopsIn(request.headers['x-forwarded-for']);
  const client = clientOf(hops, isProxy) ?? peer;
  return isIP(client) === 0 || client.includes('%') ? undefined : client;
}

/** Each as an address where it is one, and as it was sent where it is none; the last of them where there are too many. */
function hopsIn(header: string | string[] = []): string[] {
  const hops = [header].flat().join(',').split(',');
  return hops
    .map((hop) => hop.trim())
    .filter((hop) => hop !== '')
    .map((hop, index, all) => (index < all.length - MAX_HOPS ? hop : (addressIn(hop) ?? hop)));
}

const PORT = String.raw`(?::\d{1,5})?`;
const WITH_PORT = [
  new RegExp(String.raw`^(\d+\.\d+\.\d+\.\d+)${PORT}$`),
  new RegExp(String.raw`^\[([\da-f:.]*:[\da-f:.]*)\]${PORT}$`, 'i'),
];

/**
 * The address in a hop as proxies write it: bare, or with a port behind it, one of version 6 in brackets then (RFC 7239
 * section 6, and quoted as there). Undefined for a name, `unknown`, `_hidden`, a zone and anything else.
 */
function addressIn(hop: string): string | undefined {
  const text = /^"(.*)"$/.exec(hop)?.[1] ?? hop;
  const found = isIP(text)
    ? text
    : WITH_PORT.map((form) => form.exec(text)?.[1]).find((address) => address !== undefined);
  return found !== undefined && isIP(found) !== 0 ? found : undefined;
}

/** The text of no address, where the chain is too long; undefined where there is none. */
function clientOf(hops: string[], isProxy: (address: string) => boolean): string | undefined {
  const stranger = hops.slice(-MAX_HOPS).findLast((hop) => !isProxy(hop));
  if (stranger === undefined && hops.length > MAX_HOPS) return '';
  return stranger ?? hops[0];
}
