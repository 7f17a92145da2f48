import { Injectable } from '@nestjs/common';
import { ValidationFailureError } from '../../common/errors/common.errors';
import { OutboundHttp } from '../../common/net/outbound-http';
import { OutboundError } from '../../common/net/outbound.errors';
import { AuthMethod, type ConfigurationChange, type IdentityLoginAttempt, type Proof } from '../auth-method';
import { type Claims, mismatchOf } from '../federation/claim-rules';
import { IssuerUnavailableError, PrivateAddressError } from '../federation/federation.errors';
import { JwksCache, KeySetUnavailableError } from '../federation/jwks.cache';
import { readPublicKey, type VerificationKey } from '../federation/key-set';
import { headerOf, SignedJwtError, type SignedJwtHeader, verifySignedJwt } from '../federation/signed-jwt';
import type { JwtAuthLoginDto } from './dto/jwt-auth.dtos';
import { type JwtAuthConfig, type JwtAuthSecrets, type JwtAuthSettings, readSettings } from './jwt-auth.config';
import { claimRefusal, InvalidJwtError, UnverifiedJwtError } from './jwt-auth.errors';

type Attempt = IdentityLoginAttempt<JwtAuthLoginDto, JwtAuthConfig, JwtAuthSecrets>;

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
    if (jwksUrl === '') return;
    try {
      await this.http.requireAllowed(jwksUrl);
    } catch (error) {
      throw refusalOfUrl(error);
    }
  }

  /** @throws InvalidJwtError, UnverifiedJwtError, LoginError, IssuerUnavailableError */
  async authenticate({ credentials, configuration, now }: Attempt): Promise<Proof> {
    const settings = readSettings(configuration);
    const claims = await this.verify(credentials.jwt, settings, now);
    const mismatch = mismatchOf(claims, settings.config);
    if (mismatch) throw claimRefusal(mismatch);
    return { configuration };
  }

  private async verify(token: string, settings: JwtAuthSettings, now: Date): Promise<Claims> {
    const header = headerOf(token);
    if (!header) throw new InvalidJwtError();
    const isStatic = settings.config.configurationType === 'static';
    try {
      const keys = isStatic ? staticKeys(settings) : await this.keysOf(settings, header);
      return await verifySignedJwt(token, keys, now);
    } catch (error) {
      if (error instanceof SignedJwtError) throw new UnverifiedJwtError(error.message, isStatic);
      if (error instanceof KeySetUnavailableError) throw new IssuerUnavailableError(error.reason, error.cause);
      throw error;
    }
  }

  private async keysOf({ config, secrets }: JwtAuthSettings, { kid }: SignedJwtHeader) {
    const source = { url: config.jwksUrl, ca: secrets.jwksCaCert || undefined };
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

function refusalOfUrl(error: unknown): unknown {
  if (!(error instanceof OutboundError)) return error;
  if (error.fault === 'address_refused') return new PrivateAddressError();
  const message = 'Expected an https URL without user, password or a port of another service';
  return new ValidationFailureError([{ code: 'custom', path: ['jwksUrl'], message }]);
}
