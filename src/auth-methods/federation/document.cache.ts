import { createHash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { type CacheEntry, SecondChanceCache } from '../../common/second-chance-cache';
import type { OutboundAnswer, OutboundHttp } from '../../common/net/outbound-http';
import { OutboundError } from '../../common/net/outbound.errors';

/** Where an issuer publishes a document. */
export interface DocumentSource {
  readonly url: string;
  /** The certificates that the server's must come from, in PEM; undefined for those of the system. */
  readonly ca: string | undefined;
}

export interface DocumentSettings {
  /** How long a document is kept at most. Its issuer may say less. */
  readonly maxAgeMs: number;
  /** The least time between two fetches that go well, and the most for which a failed fetch is remembered. */
  readonly cooldownMs: number;
}

/** A kind of document, and how it is read. */
export interface DocumentKind<Content> {
  /** The reasons of its failures begin with it. */
  readonly prefix: string;
  /** Undefined for a text that is something else. */
  readonly read: (text: string) => Content | undefined;
  /** The reason in that case. */
  readonly unreadable: string;
  /** The cost of keeping it, beside the one that every document costs. */
  readonly weightOf: (content: Content) => number;
}

/** A document cannot be had now: the issuer is to blame, or the way to it, and not the caller. */
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
/** The weight of all documents that are kept. */
const MAX_WEIGHT = 10_000;
/** After the first failure. It doubles up to the cooldown. */
const FIRST_PAUSE_MS = 1_000;

interface Kept<Content> {
  readonly content: Content;
  /** From then on it is fetched again while it still serves. */
  readonly refreshAt: number;
  /** From then on it serves no more, whatever becomes of its issuer. */
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
  fetching: Promise<Kept<Content>> | undefined;
  /** When the last fetch began. */
  fetchedAt: number;
  failure: Failure | undefined;
}

/**
 * The documents of issuers. Each is fetched once at a time, however many logins wait for it. It serves for its age at most, also
 * while the issuer is down. In the second half of that age it is fetched again in the background, so that a short outage goes
 * unnoticed.
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

  /** The document, as old as it may be. @throws DocumentUnavailableError */
  async get(source: DocumentSource): Promise<Content> {
    const entry = this.entryOf(source);
    const { content } = this.serving(source, entry) ?? (await this.fetchUnlessFailed(source, entry));
    return content;
  }

  /**
   * The document as of the last time that was allowed, for a caller who misses something in it: its issuer is asked once in a
   * cooldown. @throws DocumentUnavailableError when that failed: what is missing may exist.
   */
  async getAgain(source: DocumentSource): Promise<Content> {
    const entry = this.entryOf(source);
    const mayFetch = entry.fetching !== undefined || this.now() >= entry.fetchedAt + this.settings.cooldownMs;
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
    const empty = { kept: undefined, fetching: undefined, fetchedAt: -Infinity, failure: undefined };
    const entry: Entry<Content> = { id, ...empty, weight: 1, wasUsed: false };
    this.entries.set(id, entry);
    return entry;
  }

  /** The document, if it need not be fetched first. */
  private serving(source: DocumentSource, entry: Entry<Content>): Kept<Content> | undefined {
    const now = this.now();
    const { kept } = entry;
    if (!kept || now >= kept.expiresAt) return undefined;
    // Nothing waits for it: should it fail, what is kept serves until its time is over.
    if (now >= kept.refreshAt) void this.fetchUnlessFailed(source, entry).catch(() => undefined);
    return kept;
  }

  /** Remembers a failure for a while: an issuer that is down is not asked by every login. */
  private async fetchUnlessFailed(source: DocumentSource, entry: Entry<Content>): Promise<Kept<Content>> {
    const { failure } = entry;
    if (failure && this.now() < failure.until) throw failure.error;
    return this.fetch(source, entry);
  }

  private fetch(source: DocumentSource, entry: Entry<Content>): Promise<Kept<Content>> {
    entry.fetching ??= this.load(source, entry).finally(() => (entry.fetching = undefined));
    return entry.fetching;
  }

  private async load({ url, ca }: DocumentSource, entry: Entry<Content>): Promise<Kept<Content>> {
    // The age counts from before the request: what the issuer removes later than that is not in doubt.
    entry.fetchedAt = this.now();
    try {
      const kept = this.keptOf(await this.http.send({ url, ca, maxBytes: MAX_BYTES }), entry.fetchedAt);
      entry.kept = kept;
      entry.failure = undefined;
      this.entries.set(entry.id, entry, 1 + this.kind.weightOf(kept.content));
      return kept;
    } catch (error) {
      entry.failure = this.failureOf(error, (entry.failure?.count ?? 0) + 1);
      throw entry.failure.error;
    }
  }

  private keptOf({ status, headers, body }: OutboundAnswer, from: number): Kept<Content> {
    if (status !== 200) throw this.unavailable(`status_${status}`);
    const content = this.kind.read(body.toString());
    if (content === undefined) throw this.unavailable(this.kind.unreadable);
    return { content, ...this.termOf(headers, from) };
  }

  /** An issuer that wants less kept than a cooldown would be asked by every login. */
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

/** The rest of the time for which the issuer says that its answer is good (RFC 9111 section 4.2); Infinity if it does not. */
function maxAgeMsOf(headers: OutboundAnswer['headers']): number {
  const [, seconds] = /(?:^|[\s,])max-age="?(\d{1,10})/i.exec(headers['cache-control'] ?? '') ?? [];
  if (seconds === undefined) return Infinity;
  const spent = /^\d{1,10}$/.exec(headers.age ?? '')?.[0] ?? '0';
  return Math.max(0, Number(seconds) - Number(spent)) * 1_000;
}
