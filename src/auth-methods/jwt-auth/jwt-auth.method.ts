import { Injectable } from '@nestjs/common';
import { OutboundHttp } from '../../common/net/outbound-http';
import { AuthMethod, type ConfigurationChange, type IdentityLoginAttempt, type Proof } from '../auth-method';
import { type Claims, mismatchOf } from '../federation/claim-rules';
import type { SignedTokenLoginDto } from '../federation/dto/signed-token.dtos';
import { InvalidJwtError, UnverifiedJwtError } from '../federation/federation.errors';
import { askingIssuer } from '../federation/asking-issuer';
import { JwksCache } from '../federation/jwks.cache';
import { readPublicKey, type VerificationKey } from '../federation/key-set';
import { partyOf } from '../federation/party';
import { requireAllowed } from '../federation/settings';
import { headerOf, SignedJwtError, type SignedJwtHeader, verifySignedJwt } from '../federation/signed-jwt';
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
    const { credentials, configuration } = attempt;
    const settings = readSettings(configuration);
    const claims = await this.verify(credentials.jwt, settings, attempt);
    const mismatch = mismatchOf(claims, settings.config);
    if (mismatch) throw claimRefusal(mismatch);
    return { configuration };
  }

  private async verify(token: string, settings: JwtAuthSettings, { configuration, now }: Attempt): Promise<Claims> {
    const header = headerOf(token);
    if (!header) throw new InvalidJwtError();
    const party = partyOf(JWT_AUTH, configuration);
    const isStatic = settings.config.configurationType === 'static';
    try {
      const keys = isStatic ? staticKeys(settings) : await askingIssuer(() => this.keysOf(settings, header, party));
      return await verifySignedJwt(token, keys, now);
    } catch (error) {
      if (!(error instanceof SignedJwtError)) throw error;
      throw new UnverifiedJwtError(`${isStatic ? WITH_ALL_KEYS : ''}${error.message}`);
    }
  }

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
