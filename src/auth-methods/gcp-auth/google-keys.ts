import { Injectable } from '@nestjs/common';
import { OutboundHttp } from '../../common/net/outbound-http';
import { LatchkeySettings } from '../../latchkey.options';
import { CertificateCache } from '../federation/certificate.cache';
import { DocumentUnavailableError } from '../federation/document.cache';
import { documentSettings } from '../federation/document-settings';
import type { VerificationKey } from '../federation/key-set';
import { OperatorHttp } from '../federation/operator-http';

const CERTIFICATES = 'https://www.googleapis.com/oauth2/v1/certs';
const CERTIFICATES_OF_ACCOUNTS = 'https://www.googleapis.com/service_accounts/v1/metadata/x509';

/** The key that is asked for, at which time, and on whose behalf. */
export interface KeyQuestion {
  readonly kid: string | undefined;
  readonly now: Date;
  /** See `partyOf`. */
  readonly party: string;
}

/** The keys that Google and its service accounts sign with. */
@Injectable()
export class GoogleKeys {
  private readonly google: CertificateCache;
  private readonly accounts: CertificateCache;
  private readonly url: string;
  private readonly urlOfAccounts: string;

  constructor(settings: LatchkeySettings, http: OutboundHttp, operatorHttp: OperatorHttp) {
    const { gcpCertsUrl, gcpServiceAccountCertsUrl } = settings.cloudUrls;
    const cacheFor = (url: string | undefined) =>
      new CertificateCache(url === undefined ? http : operatorHttp, documentSettings(settings));
    this.google = cacheFor(gcpCertsUrl);
    this.accounts = cacheFor(gcpServiceAccountCertsUrl);
    this.url = gcpCertsUrl ?? CERTIFICATES;
    this.urlOfAccounts = (gcpServiceAccountCertsUrl ?? CERTIFICATES_OF_ACCOUNTS).replace(/\/+$/, '');
  }

  /** @throws DocumentUnavailableError */
  ofGoogle({ kid, now, party }: KeyQuestion): Promise<readonly VerificationKey[]> {
    return this.google.keysFor({ url: this.url, party }, kid, now);
  }

  /** An account that does not exist has no keys. @throws DocumentUnavailableError */
  async ofAccount(email: string, { kid, now, party }: KeyQuestion): Promise<readonly VerificationKey[]> {
    try {
      const url = `${this.urlOfAccounts}/${encodeURIComponent(email)}`;
      return await this.accounts.keysFor({ url, party }, kid, now);
    } catch (error) {
      if (error instanceof DocumentUnavailableError && error.reason === 'status_404') return [];
      throw error;
    }
  }
}
