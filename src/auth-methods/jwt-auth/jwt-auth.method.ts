import { Injectable } from '@nestjs/common';
import { OutboundHttp } from '../../common/net/outbound-http';
import { AuthMethod, type ConfigurationChange, type IdentityLoginAttempt, type Proof } from '../auth-method';
import { type Claims, mismatchOf } from '../federation/claim-rules';
import type { SignedTokenLoginDto } from '../federation/dto/signed-token.dtos';
import { JwksCache } from '../federation/jwks.cache';
import { readPublicKey, type VerificationKey } from '../federation/key-set';
import { partyOf } from '../federation/party';
import { requireAllowed } from '../federation/settings';
import { SignedJwtError, type SignedJwtHeader } from '../federation/signed-jwt';
import { verifiedClaims } from '../federation/verified-claims';
import { type JwtAuthConfig, type JwtAuthSecrets, type JwtAuthSettings, readSettings } from './jwt-auth.config';
import { JWT_AUTH } from './jwt-auth.definition';
import { claimRefusal } from './jwt-auth.errors';

type Attempt = IdentityLoginAttempt<SignedTokenLoginDto, JwtAuthConfig, JwtAuthSecrets>;

const WITH_ALL_KEYS = 'JWT verification failed with all keys. Errors - ';

/** Believes a JWT that is signed by one of the configured keys, and that says what it must say. */
@Injectable()
export class JwtAuth extends AuthMethod<Attempt> {
  constructor(
    private readonly keySets: JwksCache,
    private readonly http: OutboundHttp,
  ) {
    super();
  }

  /** Where the keys are must be a place that may be asked. It need not exist yet. */
  override async prepare({ next }: ConfigurationChange<JwtAuthConfig, JwtAuthSecrets>): Promise<void> {
    const { jwksUrl } = next.config;
    if (jwksUrl !== '') await requireAllowed(this.http, 'jwksUrl', jwksUrl);
  }

  /** @throws InvalidJwtError, UnverifiedJwtError, LoginError, IssuerUnavailableError */
  async authenticate(attempt: Attempt): Promise<Proof> {
    const { configuration } = attempt;
    const settings = readSettings(configuration);
    const claims = await this.verify(attempt, settings);
    const mismatch = mismatchOf(claims, settings.config);
    if (mismatch) throw claimRefusal(mismatch);
    return { configuration };
  }

  private verify(attempt: Attempt, settings: JwtAuthSettings): Promise<Claims> {
    if (settings.config.configurationType === 'static') {
      return verifiedClaims(attempt, () => staticKeys(settings), WITH_ALL_KEYS);
    }
    const party = partyOf(JWT_AUTH, attempt.configuration);
    return verifiedClaims(attempt, (header) => this.keysOf(settings, header, party));
  }

  /** @throws SignedJwtError, DocumentUnavailableError */
  private async keysOf({ config, secrets }: JwtAuthSettings, { kid }: SignedJwtHeader, party: string) {
    const source = { url: config.jwksUrl, ca: secrets.jwksCaCert || undefined, party };
    const keys = await this.keySets.keysFor(source, kid);
    // Without a key id only the one key that there is can be meant.
    if (keys.length === 0 || (kid === undefined && keys.length > 1)) throw new SignedJwtError('signing key not found');
    return keys;
  }
}

function staticKeys({ secrets: { publicKeys } }: JwtAuthSettings): VerificationKey[] {
  const keys = publicKeys.map(readPublicKey).filter((key) => key !== undefined);
  return keys.map((key) => ({ key, kid: undefined, alg: undefined }));
}
