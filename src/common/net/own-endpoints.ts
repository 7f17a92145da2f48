import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { IpNetwork } from './ip-network';
import type { Resolve } from './host-names';
import { targetsOf } from './outbound-addresses';

/** Where a service of Latchkey's own listens. */
export interface Endpoint {
  /** A name, an address, or the directory of a socket. */
  readonly host: string;
  readonly port: number;
}

const LOOPBACK = ['127.0.0.0/8', '::1/128'].map((text) => IpNetwork.parse(text)!);
const HTTPS_PORT = '443';

/** The services that no request may reach, by whatever name or address it asks for them. */
export class OwnEndpoints {
  constructor(
    private readonly endpoints: readonly Endpoint[],
    private readonly resolve: Resolve,
  ) {}

  /** Whether one of the addresses, at the port of the URL, is such a service. @throws where a service's own name cannot be resolved */
  async include({ port }: URL, addresses: readonly string[], signal: AbortSignal): Promise<boolean> {
    const atPort = this.endpoints.filter((endpoint) => String(endpoint.port) === (port || HTTPS_PORT));
    const targets = addresses.flatMap(targetsOf);
    for (const { host } of atPort) {
      const own = networksOf(await this.addressesOf(host, signal));
      if (targets.some((target) => IpNetwork.anyContains(own, target))) return true;
    }
    return false;
  }

  /** A service on this machine can be reached by each address of the machine. */
  private async addressesOf(host: string, signal: AbortSignal): Promise<readonly string[]> {
    if (host.startsWith('/')) return ofThisMachine();
    const addresses = isIP(host) === 0 ? await this.resolve(host.toLowerCase(), signal) : [host];
    const isHere = addresses.some((address) => IpNetwork.anyContains(LOOPBACK, address));
    return isHere ? [...addresses, ...ofThisMachine()] : addresses;
  }
}

function ofThisMachine(): string[] {
  const interfaces = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return ['127.0.0.0/8', '::1', ...interfaces.map(({ address }) => address)];
}

function networksOf(texts: readonly string[]): IpNetwork[] {
  return texts.map(IpNetwork.parse).filter((network) => network !== undefined);
}
