import { Injectable } from '@nestjs/common';
import { isStorable } from '../../common/dto/rules';
import { OutboundHttp } from '../../common/net/outbound-http';
import { AuthMethod, type ConfigurationChange, type IdentityLoginAttempt, type Proof } from '../auth-method';
import { claimAt, type Claims, mismatchOf, textsOf } from '../federation/claim-rules';
import { DiscoveryCache } from '../federation/discovery.cache';
import type { SignedTokenLoginDto } from '../federation/dto/signed-token.dtos';
import { InvalidJwtError, UnverifiedJwtError } from '../federation/federation.errors';
import { askingIssuer } from '../federation/issuer-patience';
import { JwksCache } from '../federation/jwks.cache';
import type { VerificationKey } from '../federation/key-set';
import { requireAllowed } from '../federation/settings';
import { headerOf, SignedJwtError, type SignedJwtHeader, verifySignedJwt } from '../federation/signed-jwt';
import { type OidcAuthConfig, type OidcAuthSecrets, type OidcAuthSettings, readSettings } from './oidc-auth.config';
import { claimRefusal, MissingMetadataClaimError, SigningKeyError } from './oidc-auth.errors';

type Attempt = IdentityLoginAttempt<SignedTokenLoginDto, OidcAuthConfig, OidcAuthSecrets>;

/** The most keys that are tried for a token without a key id. */
const MAX_TRIED = 10;

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
  async authenticate({ credentials, configuration, now }: Attempt): Promise<Proof> {
    const settings = readSettings(configuration);
    const claims = await this.verify(credentials.jwt, settings, now);
    const mismatch = mismatchOf(claims, settings.config);
    if (mismatch) throw claimRefusal(mismatch);
    return { configuration, identityAuth: { oidc: { claims: mappedClaims(claims, settings.config) } } };
  }

  private async verify(token: string, settings: OidcAuthSettings, now: Date): Promise<Claims> {
    const header = headerOf(token);
    if (!header) throw new InvalidJwtError();
    const keys = await askingIssuer(() => this.keysOf(settings, header));
    try {
      return await verifySignedJwt(token, keys, now);
    } catch (error) {
      throw error instanceof SignedJwtError ? new UnverifiedJwtError(error.message) : error;
    }
  }

  /** @throws SigningKeyError, DocumentUnavailableError */
  private async keysOf({ config, secrets }: OidcAuthSettings, { kid }: SignedJwtHeader) {
    const ca = secrets.caCert || undefined;
    const url = await this.discovery.jwksUriOf({ url: config.oidcDiscoveryUrl, ca }, config.boundIssuer);
    return requireSome(await this.keySets.keysFor({ url, ca }, kid), kid);
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
