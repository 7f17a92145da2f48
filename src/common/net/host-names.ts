import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

/** All addresses of a host name. It ends with the signal at the latest. @throws an error with the code of the fault */
export type Resolve = (hostname: string, signal: AbortSignal) => Promise<readonly string[]>;

export interface HostNameSettings {
  /** @default the name servers of the system */
  readonly servers?: readonly string[];
  /** @default /etc/hosts */
  readonly hostsFile?: string;
  /** Where the search list is read: not the servers. @default /etc/resolv.conf */
  readonly resolverFile?: string;
}

/** For one question to one name server, before it is asked a second time. */
const QUERY_MS = 2_000;
const TRIES = 2;
/** As many as glibc reads. */
const MAX_SEARCH = 6;

/**
 * Looks a name up in the hosts file, then asks the name servers for it, then for the name with each domain of the search list.
 *
 * `getaddrinfo` is not used: it occupies one of the few threads of the process, and nothing can end it, so that slow names of one
 * tenant would stop the others. These questions use sockets, and end with their signal.
 */
export function hostNames(settings: HostNameSettings = {}): Resolve {
  const { servers, hostsFile = '/etc/hosts', resolverFile = '/etc/resolv.conf' } = settings;
  return async (hostname, signal) => {
    const [name, isWhole] = hostname.endsWith('.') ? [hostname.slice(0, -1), true] : [hostname, false];
    const known = addressesIn(await textOf(hostsFile), name);
    if (known.length > 0) return known;
    const search = isWhole ? [] : searchListOf(await textOf(resolverFile));
    return ask([name, ...search.map((domain) => `${name}.${domain}`)], servers, signal);
  };
}

/** A file that is not there, or is not readable, says nothing. */
function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}

function linesOf(text: string): string[][] {
  return text.split('\n').map((line) =>
    line
      .replace(/[#;].*/, '')
      .trim()
      .toLowerCase()
      .split(/\s+/),
  );
}

function addressesIn(hosts: string, name: string): string[] {
  const lines = linesOf(hosts).filter(([address = '', ...names]) => isIP(address) !== 0 && names.includes(name));
  return lines.map(([address]) => address!);
}

/** The last line counts (resolv.conf(5)). */
function searchListOf(resolver: string): string[] {
  const [, ...domains] = linesOf(resolver).findLast(([word]) => word === 'search' || word === 'domain') ?? [];
  return domains.filter((domain) => domain !== '.').slice(0, MAX_SEARCH);
}

/** The addresses of the first of the names that has any. */
async function ask(
  names: readonly string[],
  servers: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<readonly string[]> {
  signal.throwIfAborted();
  // A resolver for each look-up: one look-up is cancelled without the others.
  const resolver = new Resolver({ timeout: QUERY_MS, tries: TRIES });
  if (servers) resolver.setServers(servers);
  const cancel = () => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await firstOf(names, resolver, signal);
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

async function firstOf(names: readonly string[], resolver: Resolver, signal: AbortSignal): Promise<readonly string[]> {
  let fault: unknown;
  for (const name of names) {
    const found = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    signal.throwIfAborted();
    const addresses = found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    if (addresses.length > 0) return addresses;
    const [ofName] = found as PromiseRejectedResult[];
    fault ??= ofName!.reason;
    // A server that does not answer says nothing about the name, and does not answer for the next one either.
    if (!isAbsence(ofName!.reason)) break;
  }
  throw fault;
}

function isAbsence(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === 'ENOTFOUND' || code === 'ENODATA';
}
