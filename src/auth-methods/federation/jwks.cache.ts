import { createHash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { type CacheEntry, SecondChanceCache } from '../../common/second-chance-cache';
import type { OutboundAnswer, OutboundHttp } from '../../common/net/outbound-http';
import { OutboundError } from '../../common/net/outbound.errors';
import { readKeySet, type VerificationKey } from './key-set';

/** Where the keys of an issuer are. */
export interface KeySetSource {
  readonly url: string;
  /** The certificates that the server's must come from, in PEM; undefined for those of the system. */
  readonly ca: string | undefined;
}

export interface KeySetSettings {
  /** How long keys are kept at most. Their issuer may say less. */
  readonly maxAgeMs: number;
  /** The least time between two fetches that go well, and the most for which a failed fetch is remembered. */
  readonly cooldownMs: number;
}

/** The keys cannot be had now: the issuer is to blame, or the way to it, and not the caller. */
export class KeySetUnavailableError extends Error {
  override readonly name = 'KeySetUnavailableError';

  /** @param reason in snake case, for logs: `timed_out`. */
  constructor(
    readonly reason: string,
    cause?: unknown,
  ) {
    super(`The key set is not available: ${reason}`, { cause });
  }
}

/** The longest set that is read. */
const MAX_BYTES = 1_048_576;
/** Keys that are kept, of all sets together. A set costs as much as one key besides. */
const MAX_KEYS = 10_000;
/** After the first failure. It doubles up to the cooldown. */
const FIRST_PAUSE_MS = 1_000;

interface KeptKeys {
  readonly keys: readonly VerificationKey[];
  /** From then on they are fetched again while they still serve. */
  readonly refreshAt: number;
  /** From then on they serve no more, whatever becomes of their issuer. */
  readonly expiresAt: number;
}

interface Failure {
  readonly error: KeySetUnavailableError;
  readonly until: number;
  /** How many fetches have failed in a row. */
  readonly count: number;
}

interface KeySet extends CacheEntry {
  readonly id: string;
  kept: KeptKeys | undefined;
  fetching: Promise<KeptKeys> | undefined;
  /** When the last fetch began. */
  fetchedAt: number;
  failure: Failure | undefined;
}

/**
 * The key sets of issuers. Each set is fetched once at a time, however many logins wait for it. A key that its issuer removes
 * works for the age of the set at most, and so do all keys while the issuer is down. In the second half of that age a set is
 * fetched again in the background, so that a short outage goes unnoticed.
 */
export class JwksCache {
  private readonly sets = new SecondChanceCache<KeySet>(MAX_KEYS);

  /** @param now in milliseconds, by a clock that only goes forward. */
  constructor(
    private readonly http: Pick<OutboundHttp, 'send'>,
    private readonly settings: KeySetSettings,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * The keys of a set that a token may be signed with: those of its key id, or all where it names none. None when the issuer does
   * not have such a key, as far as is known: for an unknown key it is asked once in a cooldown.
   *
   * @throws KeySetUnavailableError
   */
  async keysFor(source: KeySetSource, kid: string | undefined): Promise<readonly VerificationKey[]> {
    const set = this.setOf(source);
    const { keys } = this.serving(source, set) ?? (await this.fetchUnlessFailed(source, set));
    const found = of(keys, kid);
    if (found.length > 0 || kid === undefined) return found;
    const fresh = await this.fetchForUnknown(source, set);
    return of(fresh, kid);
  }

  private setOf(source: KeySetSource): KeySet {
    const id = createHash('sha256')
      .update(JSON.stringify([source.url, source.ca]))
      .digest('base64');
    const known = this.sets.get(id);
    if (known) return known;
    const empty = { kept: undefined, fetching: undefined, fetchedAt: -Infinity, failure: undefined };
    const set: KeySet = { id, ...empty, weight: 1, wasUsed: false };
    this.sets.set(id, set);
    return set;
  }

  /** The keys that need not be fetched first. */
  private serving(source: KeySetSource, set: KeySet): KeptKeys | undefined {
    const now = this.now();
    const { kept } = set;
    if (!kept || now >= kept.expiresAt) return undefined;
    // Nothing waits for it: should it fail, the kept keys serve until their time is over.
    if (now >= kept.refreshAt) void this.fetchUnlessFailed(source, set).catch(() => undefined);
    return kept;
  }

  /** Remembers a failure for a while: an issuer that is down is not asked by every login. */
  private async fetchUnlessFailed(source: KeySetSource, set: KeySet): Promise<KeptKeys> {
    const { failure } = set;
    if (failure && this.now() < failure.until) throw failure.error;
    return this.fetch(source, set);
  }

  /** The keys as of the last time that was allowed. @throws KeySetUnavailableError when that failed: the key may exist. */
  private async fetchForUnknown(source: KeySetSource, set: KeySet): Promise<readonly VerificationKey[]> {
    const mayFetch = set.fetching !== undefined || this.now() >= set.fetchedAt + this.settings.cooldownMs;
    if (mayFetch) return (await this.fetchUnlessFailed(source, set)).keys;
    if (set.failure) throw set.failure.error;
    return set.kept?.keys ?? [];
  }

  private fetch(source: KeySetSource, set: KeySet): Promise<KeptKeys> {
    set.fetching ??= this.load(source, set).finally(() => (set.fetching = undefined));
    return set.fetching;
  }

  private async load({ url, ca }: KeySetSource, set: KeySet): Promise<KeptKeys> {
    // The age counts from before the request: what the issuer removes later than that is not in doubt.
    set.fetchedAt = this.now();
    try {
      const kept = this.keptOf(await this.http.send({ url, ca, maxBytes: MAX_BYTES }), set.fetchedAt);
      set.kept = kept;
      set.failure = undefined;
      this.sets.set(set.id, set, 1 + kept.keys.length);
      return kept;
    } catch (error) {
      set.failure = this.failureOf(error, (set.failure?.count ?? 0) + 1);
      throw set.failure.error;
    }
  }

  private keptOf({ status, headers, body }: OutboundAnswer, from: number): KeptKeys {
    if (status !== 200) throw new KeySetUnavailableError(`status_${status}`);
    const keys = readKeySet(body.toString());
    if (!keys) throw new KeySetUnavailableError('not_a_key_set');
    return { keys, ...this.termOf(headers, from) };
  }

  /** An issuer that wants less kept than a cooldown would be asked by every login. */
  private termOf(headers: OutboundAnswer['headers'], from: number): Pick<KeptKeys, 'refreshAt' | 'expiresAt'> {
    const { maxAgeMs, cooldownMs } = this.settings;
    const age = Math.min(maxAgeMs, Math.max(cooldownMs, maxAgeMsOf(headers)));
    return { refreshAt: from + Math.max(age / 2, cooldownMs), expiresAt: from + age };
  }

  private failureOf(cause: unknown, count: number): Failure {
    const isOurs = cause instanceof KeySetUnavailableError;
    const fault = cause instanceof OutboundError ? cause.fault : 'unreachable';
    const error = isOurs ? cause : new KeySetUnavailableError(fault, cause);
    const pause = Math.min(this.settings.cooldownMs, FIRST_PAUSE_MS * 2 ** Math.min(count - 1, 20));
    return { error, until: this.now() + pause, count };
  }
}

function of(keys: readonly VerificationKey[], kid: string | undefined): readonly VerificationKey[] {
  return kid === undefined ? keys : keys.filter((key) => key.kid === kid);
}

/** What is left of the time for which the issuer says that its answer is good (RFC 9111 section 4.2); Infinity if it does not. */
function maxAgeMsOf(headers: OutboundAnswer['headers']): number {
  const [, seconds] = /(?:^|[\s,])max-age="?(\d{1,10})/i.exec(headers['cache-control'] ?? '') ?? [];
  if (seconds === undefined) return Infinity;
  const spent = /^\d{1,10}$/.exec(headers.age ?? '')?.[0] ?? '0';
  return Math.max(0, Number(seconds) - Number(spent)) * 1_000;
}
