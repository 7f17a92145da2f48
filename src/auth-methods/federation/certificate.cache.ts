import { X509Certificate } from 'node:crypto';
import type { OutboundHttp } from '../../common/net/outbound-http';
import { DocumentCache, type DocumentKind, type DocumentSettings, type DocumentSource } from './document.cache';
import { readPublicKey, type VerificationKey } from './key-set';

/** The key of a certificate. */
interface CertifiedKey extends VerificationKey {
  readonly from: Date;
  readonly until: Date;
}

/** The most certificates that a document may have. */
const MAX_CERTIFICATES = 100;

const CERTIFICATES: DocumentKind<readonly CertifiedKey[]> = {
  prefix: '',
  read: readCertificates,
  unreadable: 'not_certificates',
  weightOf: (keys) => keys.length,
};

/** Documents with certificates by key id, as Google has them. Keys are kept like those of key sets. */
export class CertificateCache {
  private readonly documents: DocumentCache<readonly CertifiedKey[]>;

  /** @param now in milliseconds, by a clock that only goes forward. */
  constructor(http: Pick<OutboundHttp, 'send'>, settings: DocumentSettings, now?: () => number) {
    this.documents = new DocumentCache(CERTIFICATES, http, settings, now);
  }

  /**
   * The key with a key id, if its certificate is valid. For unknown key ids, the document is fetched again at most once per cooldown.
   *
   * @throws DocumentUnavailableError
   */
  async keysFor(
    { url, party }: Pick<DocumentSource, 'url' | 'party'>,
    kid: string | undefined,
    now: Date,
  ): Promise<readonly VerificationKey[]> {
    if (kid === undefined) return [];
    const source = { url, ca: undefined, party };
    const known = withId(await this.documents.get(source), kid);
    const found = known.length > 0 ? known : withId(await this.documents.getAgain(source), kid);
    return found.filter(({ from, until }) => from <= now && now <= until);
  }
}

function withId(keys: readonly CertifiedKey[], kid: string): CertifiedKey[] {
  return keys.filter((key) => key.kid === kid);
}

function readCertificates(text: string): CertifiedKey[] | undefined {
  const entries = entriesIn(text);
  if (!entries || entries.length > MAX_CERTIFICATES) return undefined;
  // A certificate that cannot be read is no reason to refuse the others.
  return entries.map(([kid, pem]) => certifiedKey(kid, pem)).filter((key) => key !== undefined);
}

function entriesIn(text: string): [string, unknown][] | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : undefined;
  } catch {
    return undefined;
  }
}

/** Google signs with RS256 only. */
function certifiedKey(kid: string, pem: unknown): CertifiedKey | undefined {
  try {
    const { publicKey, validFrom, validTo } = new X509Certificate(String(pem));
    const key = readPublicKey(publicKey.export({ type: 'spki', format: 'pem' }) as string);
    return key && { kid, alg: 'RS256', key, from: new Date(validFrom), until: new Date(validTo) };
  } catch {
    return undefined;
  }
}
