import type { OutboundHttp } from '../../common/net/outbound-http';
import { DocumentCache, type DocumentKind, type DocumentSettings, type DocumentSource } from './document.cache';
import { MAX_TRIED, type PublishedKey, readKeySet, type VerificationKey } from './key-set';

const KEY_SET: DocumentKind<readonly PublishedKey[]> = {
  prefix: '',
  read: readKeySet,
  unreadable: 'not_a_key_set',
  weightOf: (keys) => keys.length,
};

/** The key sets of issuers. A key that its issuer removes works for the age of the set at most. */
export class JwksCache {
  private readonly sets: DocumentCache<readonly PublishedKey[]>;

  /** @param now in milliseconds, by a clock that only goes forward. */
  constructor(http: Pick<OutboundHttp, 'send'>, settings: DocumentSettings, now?: () => number) {
    this.sets = new DocumentCache(KEY_SET, http, settings, now);
  }

  /**
   * The keys of a set that a token may be signed with: the keys with its key id, or all keys if the token names no key id. The list
   * is empty if the issuer has no such key. It ends after one key more than are tried. For unknown key ids, the set is fetched again at most once per cooldown.
   *
   * @throws DocumentUnavailableError
   */
  async keysFor(source: DocumentSource, kid: string | undefined): Promise<readonly VerificationKey[]> {
    const found = of(await this.sets.get(source), kid);
    if (found.length > 0 || kid === undefined) return found;
    return of(await this.sets.getAgain(source), kid);
  }
}

function of(keys: readonly PublishedKey[], kid: string | undefined): readonly VerificationKey[] {
  const meant = kid === undefined ? keys : keys.filter((key) => key.kid === kid);
  const read = meant.slice(0, MAX_TRIED + 1).map((key) => key.read());
  return read.filter((key) => key !== undefined);
}
