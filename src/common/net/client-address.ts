import { isIP } from 'node:net';
import { IpNetwork } from './ip-network';

/** The parts of a request that say where it came from. Express, Fastify and Node requests all have them. */
export interface AddressedRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** No real chain of proxies is as long. To walk a made-up longer one would delay other requests. */
const MAX_HOPS = 64;

/**
 * The address that a request came from (decision 16): the socket's, unless that is a trusted proxy. Then X-Forwarded-For is
 * walked from the right, through at most 64 trusted proxies, to the first hop that is not one. Undefined when that hop is not
 * an address, or no such hop is found: no list of trusted addresses accepts it.
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

/** Each hop as an address where it can be read as one, otherwise as it was sent. Where there are too many, the last of them. */
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
 * The address in a hop, in the spellings of proxies: bare, or followed by a port; an IPv6 address with a port stands in
 * brackets (RFC 7239 section 6, and quoted as there). Undefined for a name, `unknown`, `_hidden`, a zone and anything else.
 */
function addressIn(hop: string): string | undefined {
  const text = /^"(.*)"$/.exec(hop)?.[1] ?? hop;
  const found = isIP(text)
    ? text
    : WITH_PORT.map((form) => form.exec(text)?.[1]).find((address) => address !== undefined);
  return found !== undefined && isIP(found) !== 0 ? found : undefined;
}

/** A text that is not an address, where the chain is too long; undefined where there is no hop. */
function clientOf(hops: string[], isProxy: (address: string) => boolean): string | undefined {
  const stranger = hops.slice(-MAX_HOPS).findLast((hop) => !isProxy(hop));
  if (stranger === undefined && hops.length > MAX_HOPS) return '';
  return stranger ?? hops[0];
}
