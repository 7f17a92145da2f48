import { constants } from 'node:crypto';
import * as http from 'node:http';
import type { IncomingMessage } from 'node:http';
import * as https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { performance } from 'node:perf_hooks';
import { NamedCounts } from '../named-counts';
import { hostNames, type Resolve } from './host-names';
import { HostBusyError, HostSlots } from './host-slots';
import type { IpNetwork } from './ip-network';
import { OutboundAddresses } from './outbound-addresses';
import { requireOperatorUrl, requireUrl } from './outbound-url';
import { OutboundError } from './outbound.errors';
import { type Endpoint, OwnEndpoints } from './own-endpoints';

export interface OutboundRequest {
  readonly url: string;
  /** @default GET, or POST with a body */
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /**
   * The certificate authorities that may have signed the server's certificate, in PEM.
   * @default those of the system
   */
  readonly ca?: string;
  /**
   * Sends it whoever the server is: only where a configuration says so in as many words.
   * @default false
   */
  readonly isUnverified?: boolean;
  /** A longer answer is refused. */
  readonly maxBytes: number;
  /**
   * The party on whose behalf it is sent, such as an organization: others do not wait for its requests.
   * @default one party for all requests that name none
   */
  readonly party?: string;
  /**
   * The name that its slots are counted under, where callers can make hosts up.
   * @default the host of the URL
   */
  readonly slots?: string;
}

export interface OutboundAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** The places for all requests that are on their way out. Each waits for one, and gives it back. */
export interface OutboundQueue {
  /** @returns a function that gives the place back. @throws any error if there is no place in time */
  take(party: string, waitMs: number): Promise<() => void>;
}

export interface OutboundSettings {
  /** Private and loopback networks that may be reached all the same. */
  readonly allow: readonly IpNetwork[];
  /** The most time that one request may take, from the resolution of its name to the last byte. */
  readonly timeoutMs: number;
  /**
   * Services of Latchkey's own, such as its database, which are reached by no request, whatever the operator allows.
   * @default []
   */
  readonly own?: readonly Endpoint[];
  /** @default the hosts file and the name servers of the system */
  readonly resolve?: Resolve;
  /**
   * Whether the operator has set the URLs, and no tenant: then http and every port are allowed too.
   * @default false
   */
  readonly isOperators?: boolean;
  /**
   * Bounds the requests of all parties together.
   * @default no bound
   */
  readonly queue?: OutboundQueue;
}

/** The most requests of one party to one host at the same time, and the most that wait for one of these slots. */
const SLOTS_PER_HOST = 8;
const MOST_WAITING = 256;

/** The most addresses of one name that are tried. A hostile name server could list thousands. */
const MOST_ADDRESSES = 16;

/** Explicit, so that neither `NODE_TLS_REJECT_UNAUTHORIZED` nor `--tls-min-v1.0` changes them. */
const tlsOf = ({ ca, isUnverified = false }: OutboundRequest, { hostname }: URL) =>
  ({
    ca,
    rejectUnauthorized: !isUnverified,
    minVersion: 'TLSv1.2',
    // A server could otherwise have one greeting after the other computed until the time is up.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    // The certificate must be that of the host in the URL, also where the request names another host in its header.
    servername: isIP(addressIn(hostname)) === 0 ? hostname : '',
  }) as const;

/**
 * Sends requests to URLs that a tenant has chosen. All such requests go through this class. Only https is allowed, unless the
 * operator has chosen the URLs. The name is resolved once, every address is checked, and the connection goes to a checked address only, so that a name cannot resolve to
 * another address in between. No redirect is followed. Time, size and connections per host are bounded.
 */
export class OutboundHttp {
  /** Requests by outcome, and the time they took, for metrics. */
  readonly outcomes = new NamedCounts();
  totalMs = 0;
  private readonly addresses: OutboundAddresses;
  private readonly own: OwnEndpoints;
  private readonly slots: HostSlots;
  private readonly queue: OutboundQueue | undefined;
  private readonly resolving = new Map<string, Promise<readonly string[]>>();
  private readonly timeoutMs: number;
  private readonly resolve: Resolve;
  private readonly urlOf: (text: string) => URL;

  constructor(settings: OutboundSettings) {
    const { allow, timeoutMs, own = [], resolve = hostNames(), isOperators = false, queue } = settings;
    this.addresses = new OutboundAddresses(allow);
    this.own = new OwnEndpoints(own, (host, signal) => this.resolvedIn(host, signal));
    this.timeoutMs = timeoutMs;
    // The other half of the time is the host's: a request that never got a slot says nothing about its host.
    this.slots = new HostSlots(SLOTS_PER_HOST, MOST_WAITING, timeoutMs / 2);
    this.queue = queue;
    this.resolve = resolve;
    this.urlOf = isOperators ? requireOperatorUrl : requireUrl;
  }

  /** @throws OutboundError */
  async send(request: OutboundRequest): Promise<OutboundAnswer> {
    const startedAt = performance.now();
    try {
      const answer = await this.sendOne(request);
      this.outcomes.add('answered');
      return answer;
    } catch (error) {
      this.outcomes.add(error instanceof OutboundError ? error.fault : 'unexpected');
      throw error;
    } finally {
      this.totalMs += performance.now() - startedAt;
    }
  }

  private sendOne(request: OutboundRequest): Promise<OutboundAnswer> {
    const { party = '' } = request;
    const patienceEnds = performance.now() + this.timeoutMs / 2;
    return this.inTime(async (signal) => {
      const url = this.urlOf(request.url);
      return this.slots.within(`${party} ${request.slots ?? url.host}`, () =>
        this.inPlace(party, patienceEnds - performance.now(), async () => {
          const addresses = await this.addressesOf(url, signal);
          // A connection that is closed without an error settles nothing by itself.
          return unlessAborted(exchange(url, request, addresses, signal), signal);
        }),
      );
    });
  }

  /** Whether a URL may be asked: for a configuration that is about to be written. @throws OutboundError where `isRefused` */
  async requireAllowed(text: string): Promise<void> {
    const check = (signal: AbortSignal) =>
      this.inPlace('', this.timeoutMs / 2, () => this.addressesOf(this.urlOf(text), signal));
    await this.inTime(check).catch((error: unknown) => {
      // The name may exist later.
      if (!(error instanceof OutboundError) || error.isRefused) throw error;
    });
  }

  /** Does work in one of the places of all parties. @throws OutboundError `busy`, or what the work throws */
  private async inPlace<Result>(party: string, waitMs: number, work: () => Promise<Result>): Promise<Result> {
    const leave = await this.queue?.take(party, Math.max(0, waitMs)).catch(() => {
      throw new OutboundError('busy');
    });
    try {
      return await work();
    } finally {
      leave?.();
    }
  }

  /** @throws OutboundError if one of the addresses must not be reached, even if others may be. */
  private async addressesOf(url: URL, signal: AbortSignal): Promise<readonly string[]> {
    const addresses = await this.resolvedIn(addressIn(url.hostname), signal);
    const mayBeReached = addresses.every((address) => this.addresses.isAllowed(address));
    if (mayBeReached && !(await this.own.include(url, addresses, signal))) return addresses;
    throw new OutboundError('address_refused');
  }

  /** At least one address. @throws OutboundError, or the reason of the signal */
  private async resolvedIn(host: string, signal: AbortSignal): Promise<readonly string[]> {
    const addresses = isIP(host) === 0 ? await unlessAborted(this.resolved(host), signal) : [host];
    if (addresses.length === 0) throw new OutboundError('unresolved');
    return addresses.slice(0, MOST_ADDRESSES);
  }

  /** Resolves a name once, however many ask. Names do not wait for each other. */
  private resolved(host: string): Promise<readonly string[]> {
    const known = this.resolving.get(host);
    if (known) return known;
    const patience = AbortSignal.timeout(this.timeoutMs);
    const resolving = unlessAborted(this.resolve(host, patience), patience)
      .catch((error: unknown) => {
        throw new OutboundError('unresolved', codeOf(error));
      })
      .finally(() => this.resolving.delete(host));
    this.resolving.set(host, resolving);
    return resolving;
  }

  private async inTime<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(new OutboundError('timed_out')), this.timeoutMs);
    try {
      return await work(deadline.signal);
    } catch (error) {
      throw deadline.signal.aborted ? deadline.signal.reason : asOutboundError(error);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A host without the brackets that an IPv6 address has in a URL. */
function addressIn(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** Sends a request to one of the addresses, and reads the whole answer. */
function exchange(
  url: URL,
  request: OutboundRequest,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<OutboundAnswer> {
  const { method, headers, body, maxBytes } = request;
  return new Promise((resolve, reject) => {
    const options: https.RequestOptions = {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: { accept: 'application/json', 'accept-encoding': 'identity', ...headers },
      // Each request has an agent of its own, so that it shares no connection with a request that was checked at another time.
      agent: false,
      lookup: pinnedTo(addresses),
      ...tlsOf(request, url),
      signal,
    };
    const sent = (url.protocol === 'http:' ? http : https).request(url, options, (response) => {
      read(response, maxBytes).then(resolve, reject);
    });
    // Node closes the connection of an answer with 101 without a word, where this event is not listened to.
    sent.once('upgrade', (_response, socket) => {
      socket.destroy();
      reject(new OutboundError('unreachable'));
    });
    sent.on('error', reject).end(body);
  });
}

/** A look-up that returns the checked addresses, whatever the name would resolve to now. */
function pinnedTo(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_hostname, options, callback) => {
    const [first] = all;
    if (options.all) callback(null, all);
    else callback(null, first!.address, first!.family);
  };
}

/** @throws OutboundError for a redirect or another answer that is not the document, and for one that is too long. */
async function read(response: IncomingMessage, maxBytes: number): Promise<OutboundAnswer> {
  const { statusCode: status = 0, headers } = response;
  try {
    requireUsable(response, maxBytes);
    return { status, headers, body: await bodyOf(response, maxBytes) };
  } catch (error) {
    // Closes the connection, because the rest of the answer is not needed.
    response.destroy();
    throw error;
  }
}

function requireUsable({ statusCode: status = 0, headers }: IncomingMessage, maxBytes: number): void {
  if (status >= 300 && status < 400) throw new OutboundError('redirected');
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') throw new OutboundError('encoded');
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw new OutboundError('too_large');
}

async function bodyOf(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new OutboundError('too_large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** The error codes of OpenSSL and Node for a certificate that is not accepted. */
const CERTIFICATE_CODE = /CERT|SELF_SIGNED|ISSUER|SIGNATURE|ERR_TLS_|ERR_SSL|CRL/;

function asOutboundError(error: unknown): OutboundError {
  if (error instanceof OutboundError) return error;
  if (error instanceof HostBusyError) return new OutboundError('busy');
  const code = codeOf(error);
  return new OutboundError(CERTIFICATE_CODE.test(code ?? '') ? 'certificate_refused' : 'unreachable', code);
}

function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
