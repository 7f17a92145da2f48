import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { type Party, strangerAt } from '../../common/async/query-context';
import { DatabaseUnavailableError } from '../../common/errors/common.errors';
import { type CacheEntry, SecondChanceCache } from '../../common/second-chance-cache';
import { LatchkeySettings } from '../../latchkey.options';
import type { ChangedSubjects } from '../../change-feed/changed-subjects';
import { ChangeFeedService } from '../../change-feed/change-feed.service';
import type { Freshness } from '../../change-feed/freshness';
import type { AccessTokenClaims } from '../../database/entities/access-token.claims';
import { AccessTokenKeyring } from '../issuing/access-token.keyring';
import { UnknownKeyError } from '../issuing/access-tokens.errors';
import { type PresentedKey, ShortKeyring } from '../issuing/short-key.keyring';
import { KeyRehasher } from './key-rehasher';
import { type TokenFacts, TokenFactsReader } from './token-facts.reader';
import { VerificationMeter } from './verification.meter';
import { weightOf } from './weight';

/**
 * How long a refusal is remembered. It is short, because a token may be used before the transaction that made it is visible.
 */
const REFUSAL_MS = 1_000;
/** The most look-ups under way, one for each token. It bounds memory; the fair queue of connections admits fewer (guarantee P17). */
const MAX_LOOKUPS = 10_000;

/** Texts that are remembered as unknown keys. */
const MAX_UNKNOWN_KEYS = 5_000;

/** The claims that are kept. All claims of twenty thousand tokens would take much memory. Those of a short key are its row's. */
type KeptClaims = Pick<AccessTokenClaims, 'jti' | 'identityId' | 'orgId' | 'exp'>;

/** A genuine token: its signature was checked once, and need not be checked again. Or a short key that may be one. */
export interface Credential extends CacheEntry {
  readonly token: string;
  claims: KeptClaims;
  readonly isKey: boolean;
  /** The hashes of a short key, until it has been found by them. */
  presented: PresentedKey | undefined;
  known: KnownFacts | undefined;
}

/** Token facts, and the states before and after they were read. */
export interface KnownFacts {
  readonly facts: TokenFacts | null;
  /** The start of the read, as `performance.now()` counts. */
  readonly readAt: number;
  /** The changes that were known at the start of the read. */
  changesAt: number;
  /** Set when the facts have led to a refusal. */
  isRefused: boolean;
  /** The address that was last found to be trusted. For the next request from it, the list is not searched again. */
  trustedAddress: string | undefined;
}

interface Lookup {
  readonly startedAt: number;
  readonly result: Promise<KnownFacts>;
}

/**
 * A node's memory of tokens: that a signature was valid, and the facts of the row. The cache does not decide whether a token is
 * usable. It decides whether its memory still holds, and otherwise reads the facts again, once for all requests that wait.
 *
 * The change feed never removes an entry. It does two things to the cache. It says until when the node knows every change
 * (`Freshness`): while that is longer ago than the bound, no entry is used. And it collects the subjects that have changed
 * (`ChangedSubjects`): an entry whose token, identity, role or organization has changed since its facts were read is not used. In both
 * cases the next request reads the facts again. After another incarnation of the database, every subject counts as changed.
 *
 * The cache keeps a bounded number of tokens, and evicts those without a recent use. The key is the signature, and the whole token
 * is compared, so a token never gets the result of another. A heap snapshot or core dump of the process therefore holds live tokens, as it holds the signing key.
 */
@Injectable()
export class AccessTokenCache {
  private readonly credentials: SecondChanceCache<Credential>;
  private readonly lookups = new Map<string, Lookup>();
  /** Apart from tokens, so that a flood of them evicts none. */
  private readonly unknownKeys = new LRUCache<string, KnownFacts>({ max: MAX_UNKNOWN_KEYS });
  private readonly freshness: Freshness;
  private readonly changes: ChangedSubjects;
  private refusalsSince = -Infinity;
  readonly meter = new VerificationMeter();

  constructor(
    private readonly keyring: AccessTokenKeyring,
    private readonly shortKeys: ShortKeyring,
    private readonly rehasher: KeyRehasher,
    private readonly reader: TokenFactsReader,
    private readonly changeFeed: ChangeFeedService,
    settings: LatchkeySettings,
  ) {
    this.credentials = new SecondChanceCache(settings.cacheEntries);
    this.freshness = changeFeed.freshness;
    this.changes = changeFeed.changes;
  }

  /** How many tokens are remembered. */
  get size(): number {
    return this.credentials.size;
  }

  /**
   * The credential for a text. A text that is not a genuine token costs no query and is not remembered. Only of a short key is
   * it not known before a look-up whether a token has it.
   *
   * @param moment now, as `performance.now()` counts.
   * @throws ExpiredAccessTokenError, InvalidAlgorithmError, InvalidSignatureError, KeyChecksumError, KeyPrefixError,
   * MalformedAccessTokenError, UnknownKeyError, WrongTokenTypeError
   */
  credential(token: string, moment: number): Credential {
    const credential = this.credentials.get(keyOf(token));
    // Forged tokens may carry the signature of a genuine one.
    if (credential === undefined || credential.token !== token) return this.presented(token, moment);
    this.keyring.requireUnexpired(credential.claims, moment);
    return credential;
  }

  private presented(token: string, moment: number): Credential {
    if (!this.shortKeys.isKey(token)) return this.verified(token);
    const unknown = this.unknownKeys.get(token);
    if (unknown !== undefined && this.isTrue(unknown, NO_ROW, moment)) throw new UnknownKeyError();
    return unfound(token, this.shortKeys.presented(token));
  }

  private verified(token: string): Credential {
    const { jti, identityId, orgId, exp } = this.keyring.verify(token);
    const claims = { jti, identityId, orgId, exp };
    const credential = credentialOf(token, claims);
    this.credentials.set(keyOf(token), credential);
    return credential;
  }

  /**
   * The facts of a token, if they are remembered and known to be still true.
   *
   * @param moment now, as `performance.now()` counts.
   */
  remembered({ claims, known }: Credential, moment: number): KnownFacts | undefined {
    return known !== undefined && this.isTrue(known, claims, moment) ? known : undefined;
  }

  /**
   * The facts of a token as the primary has them at some moment after this call, or from before it if they are still true.
   *
   * @param address the client's: the look-up of a key without a mark counts for it.
   * @throws UnknownKeyError for a short key that no token has; DatabaseUnavailableError.
   */
  async lookUp(credential: Credential, address: string | undefined): Promise<KnownFacts> {
    const { claims } = credential;
    this.meter.lookUps += 1;
    await this.wake();
    const askedAt = performance.now();
    for (;;) {
      const lookup = this.lookups.get(claims.jti) ?? this.begin(credential, address);
      const known = await lookup.result;
      const isOutdated = isOutrun(known, credential);
      const named = claimsOf(credential, known);
      // A read that was under way already may have read before a change that was acknowledged before this call.
      if (lookup.startedAt < askedAt && (isOutdated || !this.isTrue(known, named, performance.now()))) continue;
      if (credential.presented !== undefined) this.resolve(credential, known);
      this.keep(credential, isOutdated ? undefined : known);
      // The clock may have been corrected meanwhile.
      this.keyring.requireUnexpired(claims);
      return known;
    }
  }

  /** The clock decides on the facts that are read. A read that took too long says nothing about it. */
  private async wake(): Promise<void> {
    for (let attempt = 0; !this.freshness.isAwake(); attempt += 1) {
      if (attempt === 2) throw new DatabaseUnavailableError(new Error('what time it is cannot be told'));
      await this.changeFeed.catchUp();
    }
  }

  /** A short key that was found is looked up by its row from now on, and one that was not found is no credential. */
  private resolve(credential: Credential, known: KnownFacts): void {
    if (known.facts === null) {
      known.isRefused = true;
      this.unknownKeys.set(credential.token, known);
      throw new UnknownKeyError();
    }
    credential.claims = claimsOf(credential, known);
    credential.presented = undefined;
  }

  private keep(credential: Credential, known: KnownFacts | undefined): void {
    credential.known = known;
    // An identity can have as many labels as fit into a request.
    this.credentials.set(keyOf(credential.token), credential, known?.facts ? weightOf(known.facts) : 1);
  }

  /** Refusals are looked up again: a token that was used before it was committed may be usable now. */
  discardRefusals(): void {
    this.refusalsSince = performance.now();
  }

  private isTrue(known: KnownFacts, claims: KeptClaims, moment: number): boolean {
    if (!this.freshness.isFresh(known.readAt, moment) || this.hasChanged(known, claims)) return false;
    return !known.isRefused || known.readAt >= Math.max(moment - REFUSAL_MS, this.refusalsSince);
  }

  private hasChanged(known: KnownFacts, { jti, identityId, orgId }: KeptClaims): boolean {
    const { changes } = this;
    if (known.changesAt === changes.now) return false;
    if (changes.hasChangedSince(known.changesAt, [jti, identityId, orgId, ...rolesOf(known)])) return true;
    // Once the changes up to now are checked, they need not be checked again.
    known.changesAt = changes.now;
    return false;
  }

  private begin({ claims, presented }: Credential, address: string | undefined): Lookup {
    if (this.lookups.size >= MAX_LOOKUPS) throw new DatabaseUnavailableError();
    this.meter.queries += 1;
    const startedAt = performance.now();
    const changesAt = this.changes.now;
    const result = this.read(claims, presented, address)
      .then((facts) => ({ facts, readAt: startedAt, changesAt, isRefused: false, trustedAddress: undefined }))
      // Failures are not remembered: the next request asks the database.
      .finally(() => this.lookups.delete(claims.jti));
    const lookup = { startedAt, result };
    this.lookups.set(claims.jti, lookup);
    return lookup;
  }

  private async read(
    claims: KeptClaims,
    presented: PresentedKey | undefined,
    address: string | undefined,
  ): Promise<TokenFacts | null> {
    if (presented === undefined) return this.reader.find(claims);
    const { facts, hash } = await this.reader.findByKey(presented.hashes, partyOfKey(presented, address));
    if (facts !== null) this.rehasher.note(facts, hash, presented);
    return facts;
  }
}

/** The length of an HS256 signature in base64url. */
const SIGNATURE_LENGTH = 43;

/** The signature of a token, which is the key. To hash the whole token would take most of the time of a hit. */
function keyOf(token: string): string {
  return token.slice(-SIGNATURE_LENGTH);
}

function credentialOf(token: string, claims: KeptClaims, presented?: PresentedKey): Credential {
  return {
    token,
    claims,
    isKey: presented !== undefined,
    presented,
    known: undefined,
    weight: 1,
    wasUsed: false,
  };
}

/** A role that the organization has made changes for all its holders at once. */
function rolesOf({ facts }: KnownFacts): string[] {
  const role = facts?.membership?.customRole;
  return role ? [role.id] : [];
}

const NO_ROW: KeptClaims = { jti: '', identityId: '', orgId: '', exp: undefined };

/** A short key of which it is not known whether a token has it. Its hash names the look-up meanwhile. */
function unfound(token: string, presented: PresentedKey): Credential {
  return credentialOf(token, { ...NO_ROW, jti: presented.hashes[0].toString('base64') }, presented);
}

/** Those of the row, for a short key that has just been found. */
function claimsOf({ claims, presented }: Credential, { facts }: KnownFacts): KeptClaims {
  if (presented === undefined || facts === null) return claims;
  return { jti: facts.tokenId, identityId: facts.identityId, orgId: facts.organization.id, exp: undefined };
}

/**
 * Whose turn the first look-up of a short key takes. The owner of a key is not known yet, but only this installation can have
 * marked it. A flood of texts that are merely well made competes with texts of that kind alone.
 */
function partyOfKey({ isMarked }: PresentedKey, address: string | undefined): Party {
  return isMarked ? { group: 'marked-keys', member: '', isCrowd: true } : strangerAt(address);
}

/**
 * A JWT that lives longer than its row says was renewed since: the facts are older than the renewal. The end of a short key is
 * that of its row.
 */
function isOutrun({ facts }: KnownFacts, { claims: { exp = Infinity }, isKey }: Credential): boolean {
  return !isKey && facts !== null && exp * 1000 > (facts.expiresAt?.getTime() ?? Infinity);
}
