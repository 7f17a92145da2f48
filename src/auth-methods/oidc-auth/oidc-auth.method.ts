import { Injectable } from '@nestjs/common';
import { isStorable } from '../../common/dto/rules';
import { OutboundHttp } from '../../common/net/outbound-http';
import { AuthMethod, type ConfigurationChange, type IdentityLoginAttempt, type Proof } from '../auth-method';
import { claimAt, type Claims, mismatchOf, textsOf } from '../federation/claim-rules';
import { DiscoveryCache } from '../federation/discovery.cache';
import type { SignedTokenLoginDto } from '../federation/dto/signed-token.dtos';
import { JwksCache } from '../federation/jwks.cache';
import { MAX_TRIED, type VerificationKey } from '../federation/key-set';
import { partyOf } from '../federation/party';
import { requireAllowed } from '../federation/settings';
import type { SignedJwtHeader } from '../federation/signed-jwt';
import { verifiedClaims } from '../federation/verified-claims';
import { type OidcAuthConfig, type OidcAuthSecrets, type OidcAuthSettings, readSettings } from './oidc-auth.config';
import { OIDC_AUTH } from './oidc-auth.definition';
import { claimRefusal, MissingMetadataClaimError, SigningKeyError } from './oidc-auth.errors';

type Attempt = IdentityLoginAttempt<SignedTokenLoginDto, OidcAuthConfig, OidcAuthSecrets>;

/** Believes a JWT that is signed by a key of the issuer, and that says what it must say. The issuer says where its keys are. */
@Injectable()
export class OidcAuth extends AuthMethod<Attempt> {
  constructor(
    private readonly discovery: DiscoveryCache,
    private readonly keySets: JwksCache,
    private readonly http: OutboundHttp,
  ) {
    super();
  }

  /** The issuer must be in a place that may be asked. It need not exist yet. */
  override prepare({ next }: ConfigurationChange<OidcAuthConfig, OidcAuthSecrets>): Promise<void> {
    return requireAllowed(this.http, 'oidcDiscoveryUrl', next.config.oidcDiscoveryUrl);
  }

  /** @throws InvalidJwtError, SigningKeyError, UnverifiedJwtError, LoginError, IssuerUnavailableError */
  async authenticate(attempt: Attempt): Promise<Proof> {
    const { configuration } = attempt;
    const settings = readSettings(configuration);
    const party = partyOf(OIDC_AUTH, configuration);
    const claims = await verifiedClaims(attempt, (header) => this.keysOf(settings, header, party));
    const mismatch = mismatchOf(claims, settings.config);
    if (mismatch) throw claimRefusal(mismatch);
    return { configuration, identityAuth: { oidc: { claims: mappedClaims(claims, settings.config) } } };
  }

  /** @throws SigningKeyError, DocumentUnavailableError */
  private async keysOf({ config, secrets }: OidcAuthSettings, { kid }: SignedJwtHeader, party: string) {
    const source = { ca: secrets.caCert || undefined, party };
    const issuer = { ...source, url: config.oidcDiscoveryUrl };
    const url = await this.discovery.jwksUriOf(issuer, config.boundIssuer);
    const [keys] = await Promise.allSettled([this.keySets.keysFor({ ...source, url }, kid)]);
    if (keys.status === 'fulfilled' && keys.value.length > 0) return requireSome(keys.value, kid);
    // The key is not where the issuer had its keys: it may have them elsewhere now.
    const newest = await this.discovery.newestJwksUriOf(issuer, config.boundIssuer);
    if (newest !== url) return requireSome(await this.keySets.keysFor({ ...source, url: newest }, kid), kid);
    if (keys.status === 'rejected') throw keys.reason;
    return requireSome(keys.value, kid);
  }
}

function requireSome(keys: readonly VerificationKey[], kid: string | undefined): readonly VerificationKey[] {
  if (keys.length === 0) throw new SigningKeyError(kid === undefined ? 'no_signing_keys' : 'signing_key_not_found');
  if (kid === undefined && keys.length > MAX_TRIED) throw new SigningKeyError('too_many_signing_keys');
  return keys;
}

/** The claims that go into the access token, as text: the elements of a list with commas between them. */
function mappedClaims(claims: Claims, { claimMetadataMapping }: OidcAuthConfig): Record<string, string> {
  const mapped = Object.entries(claimMetadataMapping ?? {}).map(([name, path]) => {
    const texts = textsOf(claimAt(claims, path));
    const text = texts.join(',');
    if (texts.length === 0 || !isStorable.holds(text)) throw new MissingMetadataClaimError(path);
    return [name, text] as const;
  });
  return Object.fromEntries(mapped);
}
