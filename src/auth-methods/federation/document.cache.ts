import { createHash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { type CacheEntry, SecondChanceCache } from '../../common/second-chance-cache';
import type { OutboundAnswer, OutboundHttp } from '../../common/net/outbound-http';
import { OutboundError } from '../../common/net/outbound.errors';

/** The address of an issuer's document. */
export interface DocumentSource {
  readonly url: string;
  /** The certificate authorities that may have signed the server's certificate, in PEM; undefined for those of the system. */
  readonly ca: string | undefined;
  /** The party that asks: see `OutboundRequest`. Parties share what was fetched. */
  readonly party: string;
}

export interface DocumentSettings {
  /** The longest time for which a document is kept. Its issuer may set a shorter one. */
  readonly maxAgeMs: number;
  /** The shortest time between two successful fetches, and the longest for which a failed fetch is remembered. */
  readonly cooldownMs: number;
}

/** A kind of document, and how it is read. */
export interface DocumentKind<Content> {
  /** The beginning of the reasons for its failures. */
  readonly prefix: string;
  /** Reads a document. @returns undefined for a text of another kind. */
  readonly read: (text: string) => Content | undefined;
  /** The reason for a failure if `read` returns undefined. */
  readonly unreadable: string;
  /** The weight of a document, in addition to the 1 that every document weighs. */
  readonly weightOf: (content: Content) => number;
}

/** The document is not available now. The fault lies with the issuer or the network, not with the caller. */
export class DocumentUnavailableError extends Error {
  override readonly name = 'DocumentUnavailableError';

  /** @param reason in snake case, for logs: `timed_out`. */
  constructor(
    readonly reason: string,
    cause?: unknown,
  ) {
    super(`The document of the issuer is not available: ${reason}`, { cause });
  }
}

/** The longest document that is read. */
const MAX_BYTES = 1_048_576;
/** The most weight of all documents that are kept. */
const MAX_WEIGHT = 10_000;
/** The pause after the first failure. It doubles with every further failure, up to the cooldown. */
const FIRST_PAUSE_MS = 1_000;

interface Kept<Content> {
  readonly content: Content;
  /** When its fetch began. */
  readonly from: number;
  /** From then on the document is fetched again, while it is still in use. */
  readonly refreshAt: number;
  /** From then on the document is no longer used, even if the issuer cannot be reached. */
  readonly expiresAt: number;
}

interface Failure {
  readonly error: DocumentUnavailableError;
  readonly until: number;
  /** How many fetches have failed in a row. */
  readonly count: number;
}

interface Entry<Content> extends CacheEntry {
  readonly id: string;
  kept: Kept<Content> | undefined;
  /** By the party that asks: no party waits for slots of another. */
  readonly fetching: Map<string, Promise<Kept<Content>>>;
  /** When the last fetch began that the issuer has answered, or failed to answer. */
  fetchedAt: number;
  failure: Failure | undefined;
}

/**
 * The documents of issuers. All logins of a party that wait for a document share one fetch. A document is used until it expires, also
 * while the issuer is down. In the second half of that time it is fetched again in the background, so that a short outage has
 * no effect.
 */
export class DocumentCache<Content> {
  private readonly entries = new SecondChanceCache<Entry<Content>>(MAX_WEIGHT);

  /** @param now in milliseconds, by a clock that only goes forward. */
  constructor(
    private readonly kind: DocumentKind<Content>,
    private readonly http: Pick<OutboundHttp, 'send'>,
    private readonly settings: DocumentSettings,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The document. A kept one is used until it expires. @throws DocumentUnavailableError */
  async get(source: DocumentSource): Promise<Content> {
    const entry = this.entryOf(source);
    const { content } = this.serving(source, entry) ?? (await this.fetchUnlessFailed(source, entry));
    return content;
  }

  /**
   * The newest document that the cooldown allows, for a caller that did not find something in the kept one.
   *
   * @throws DocumentUnavailableError if its fetch failed, because the missing part may exist.
   */
  async getAgain(source: DocumentSource): Promise<Content> {
    const entry = this.entryOf(source);
    const mayFetch = entry.fetching.has(source.party) || this.now() >= entry.fetchedAt + this.settings.cooldownMs;
    if (mayFetch) return (await this.fetchUnlessFailed(source, entry)).content;
    if (entry.failure) throw entry.failure.error;
    return this.get(source);
  }

  private entryOf(source: DocumentSource): Entry<Content> {
    const id = createHash('sha256')
      .update(JSON.stringify([source.url, source.ca]))
      .digest('base64');
    const known = this.entries.get(id);
    if (known) return known;
    const empty = { kept: undefined, fetching: new Map<never, never>(), fetchedAt: -Infinity, failure: undefined };
    const entry: Entry<Content> = { id, ...empty, weight: 1, wasUsed: false };
    this.entries.set(id, entry);
    return entry;
  }

  /** The kept document, if it may still be used without another fetch. */
  private serving(source: DocumentSource, entry: Entry<Content>): Kept<Content> | undefined {
    const now = this.now();
    const { kept } = entry;
    if (!kept || now >= kept.expiresAt) return undefined;
    // The login does not wait for this fetch. If it fails, the kept document is used until it expires.
    if (now >= kept.refreshAt) void this.fetchUnlessFailed(source, entry).catch(() => undefined);
    return kept;
  }

  /** Fetches a document, unless a fetch has just failed: not every login asks an issuer that is down. */
  private async fetchUnlessFailed(source: DocumentSource, entry: Entry<Content>): Promise<Kept<Content>> {
    const { failure } = entry;
    if (failure && this.now() < failure.until) throw failure.error;
    return this.fetch(source, entry);
  }

  private fetch(source: DocumentSource, entry: Entry<Content>): Promise<Kept<Content>> {
    const { party } = source;
    const underWay = entry.fetching.get(party);
    if (underWay) return underWay;
    const fetching = this.load(source, entry).finally(() => entry.fetching.delete(party));
    entry.fetching.set(party, fetching);
    return fetching;
  }

  private async load({ url, ca, party }: DocumentSource, entry: Entry<Content>): Promise<Kept<Content>> {
    // The age counts from before the request, because the issuer may change the document while it answers.
    const from = this.now();
    try {
      const kept = this.keptOf(await this.http.send({ url, ca, party, maxBytes: MAX_BYTES }), from);
      return this.noted(entry, kept);
    } catch (error) {
      if (isOurs(error)) throw this.unavailable(error.fault, error);
      throw this.failed(entry, error, from);
    }
  }

  /** @returns the newest document, which another party may have fetched meanwhile. */
  private noted(entry: Entry<Content>, kept: Kept<Content>): Kept<Content> {
    if (entry.kept && kept.from < entry.kept.from) return entry.kept;
    entry.kept = kept;
    entry.failure = undefined;
    entry.fetchedAt = Math.max(entry.fetchedAt, kept.from);
    this.entries.set(entry.id, entry, 1 + this.kind.weightOf(kept.content));
    return kept;
  }

  /** A failure is remembered, unless another party has asked later and was answered already. */
  private failed(entry: Entry<Content>, cause: unknown, from: number): DocumentUnavailableError {
    const failure = this.failureOf(cause, (entry.failure?.count ?? 0) + 1);
    if (from < entry.fetchedAt) return failure.error;
    entry.failure = failure;
    entry.fetchedAt = from;
    return failure.error;
  }

  private keptOf({ status, headers, body }: OutboundAnswer, from: number): Kept<Content> {
    if (status !== 200) throw this.unavailable(`status_${status}`);
    const content = this.kind.read(body.toString());
    if (content === undefined) throw this.unavailable(this.kind.unreadable);
    return { content, from, ...this.termOf(headers, from) };
  }

  /** A document is kept for a cooldown at least, even if the issuer sets a shorter time: otherwise every login would fetch it. */
  private termOf(headers: OutboundAnswer['headers'], from: number): Pick<Kept<Content>, 'refreshAt' | 'expiresAt'> {
    const { maxAgeMs, cooldownMs } = this.settings;
    const age = Math.min(maxAgeMs, Math.max(cooldownMs, maxAgeMsOf(headers)));
    return { refreshAt: from + Math.max(age / 2, cooldownMs), expiresAt: from + age };
  }

  private failureOf(cause: unknown, count: number): Failure {
    const fault = cause instanceof OutboundError ? cause.fault : 'unreachable';
    const error = cause instanceof DocumentUnavailableError ? cause : this.unavailable(fault, cause);
    const pause = Math.min(this.settings.cooldownMs, FIRST_PAUSE_MS * 2 ** Math.min(count - 1, 20));
    return { error, until: this.now() + pause, count };
  }

  private unavailable(reason: string, cause?: unknown): DocumentUnavailableError {
    return new DocumentUnavailableError(`${this.kind.prefix}${reason}`, cause);
  }
}

/** Whether nothing was asked, because the party asks too much at once. The issuer did not fail, and others may ask it. */
function isOurs(error: unknown): error is OutboundError {
  return error instanceof OutboundError && error.fault === 'busy';
}

/** The remaining time for which the issuer allows its answer to be kept (RFC 9111 section 4.2); Infinity if it sets none. */
function maxAgeMsOf(headers: OutboundAnswer['headers']): number {
  const [, seconds] = /(?:^|[\s,])max-age="?(\d{1,10})/i.exec(headers['cache-control'] ?? '') ?? [];
  if (seconds === undefined) return Infinity;
  const spent = /^\d{1,10}$/.exec(headers.age ?? '')?.[0] ?? '0';
  return Math.max(0, Number(seconds) - Number(spent)) * 1_000;
}
