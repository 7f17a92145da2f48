import type { OutboundHttp } from '../../common/net/outbound-http';
import {
  DocumentCache,
  type DocumentKind,
  type DocumentSettings,
  type DocumentSource,
  DocumentUnavailableError,
} from './document.cache';

/** The part that is used of what an issuer says about itself (OpenID Connect Discovery 1.0). */
interface DiscoveryDocument {
  readonly issuer: string;
  readonly jwksUri: string;
}

const PREFIX = 'discovery_';
const DISCOVERY: DocumentKind<DiscoveryDocument> = {
  prefix: PREFIX,
  read: readDiscovery,
  unreadable: 'unusable',
  weightOf: () => 0,
};
/** Characters of an issuer or an address of keys, so that thousands of documents are a bounded amount of memory. */
const MAX_LENGTH = 2_048;
const PATH = '/.well-known/openid-configuration';

/** The discovery documents of issuers, kept under the same settings as their keys. */
export class DiscoveryCache {
  private readonly documents: DocumentCache<DiscoveryDocument>;

  /** @param now in milliseconds, by a clock that only goes forward. */
  constructor(http: Pick<OutboundHttp, 'send'>, settings: DocumentSettings, now?: () => number) {
    this.documents = new DocumentCache(DISCOVERY, http, settings, now);
  }

  /**
   * The URL of the keys of an issuer. A document that names another issuer is asked for again, once in a cooldown.
   *
   * @param source the URL without the path that is the same for all issuers
   * @param issuer as tokens name it: the document must have the same, byte for byte
   * @throws DocumentUnavailableError
   */
  async jwksUriOf(source: DocumentSource, issuer: string): Promise<string> {
    const known = await this.documents.get(wellKnown(source));
    return known.issuer === issuer ? known.jwksUri : this.newestJwksUriOf(source, issuer);
  }

  /** The same of the newest document that the cooldown allows: the keys may have moved. @throws DocumentUnavailableError */
  async newestJwksUriOf(source: DocumentSource, issuer: string): Promise<string> {
    const document = await this.documents.getAgain(wellKnown(source));
    if (document.issuer !== issuer) throw new DocumentUnavailableError(`${PREFIX}issuer_mismatch`);
    return document.jwksUri;
  }
}

function wellKnown({ url, ...source }: DocumentSource): DocumentSource {
  return { ...source, url: `${url.replace(/\/$/, '')}${PATH}` };
}

function readDiscovery(text: string): DiscoveryDocument | undefined {
  const { issuer, jwks_uri: jwksUri } = objectOf(text);
  return isShort(issuer) && isShort(jwksUri) ? { issuer, jwksUri } : undefined;
}

function isShort(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_LENGTH;
}

function objectOf(text: string): { readonly issuer?: unknown; readonly jwks_uri?: unknown } {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch {
    return {};
  }
}
