import { Injectable } from '@nestjs/common';
import { OutboundHttp } from '../../common/net/outbound-http';
import { LatchkeySettings } from '../../latchkey.options';
import { documentSettings } from '../federation/document-settings';
import { JwksCache } from '../federation/jwks.cache';
import type { VerificationKey } from '../federation/key-set';
import { OperatorHttp } from '../federation/operator-http';

const AUTHORITY = 'https://login.microsoftonline.com';

/** The keys that Entra ID signs the tokens of a tenant with. */
@Injectable()
export class EntraKeys {
  private readonly keySets: JwksCache;
  private readonly authority: string;

  constructor(settings: LatchkeySettings, http: OutboundHttp, operatorHttp: OperatorHttp) {
    const { azureAuthority } = settings.cloudUrls;
    this.keySets = new JwksCache(azureAuthority === undefined ? http : operatorHttp, documentSettings(settings));
    this.authority = (azureAuthority ?? AUTHORITY).replace(/\/+$/, '');
  }

  /**
   * The key with a key id, for RS256 only: Entra signs with nothing else.
   *
   * @param party on whose behalf it asks: see `partyOf`.
   * @throws DocumentUnavailableError
   */
  async ofTenant(tenantId: string, kid: string | undefined, party: string): Promise<readonly VerificationKey[]> {
    if (kid === undefined) return [];
    const source = { url: `${this.authority}/${tenantId}/discovery/keys`, ca: undefined, party };
    const keys = await this.keySets.keysFor(source, kid);
    return keys.map((key) => ({ ...key, alg: key.alg ?? 'RS256' }));
  }
}
