import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type JwtPayload, sign, verify } from 'jsonwebtoken';
import { Clock } from '../common/clock/clock';
import { isId } from '../common/ids';
import { LatchkeySettings } from '../latchkey.options';
import { type AccessTokenClaims, IDENTITY_ACCESS_TOKEN } from './access-token.claims';
import {
  ExpiredAccessTokenError,
  InvalidAlgorithmError,
  InvalidSignatureError,
  MalformedAccessTokenError,
  WrongTokenTypeError,
} from './access-tokens.errors';

/** Longer than any JWT of ours; whatever is longer is not worth decoding. */
const MAX_LENGTH = 4_096;
const ALGORITHM = 'HS256';

/**
 * Signs and verifies the JWTs of access tokens. The first key signs; the others still verify until they are retired. The
 * algorithm is ours alone to say, and a `kid` is only ever looked up in the table of our own keys.
 */
@Injectable()
export class AccessTokenKeyring {
  private readonly keys: ReadonlyMap<string, KeyObject>;
  private readonly currentKid: string;

  constructor(
    settings: LatchkeySettings,
    private readonly clock: Clock,
  ) {
    // KeyObjects: given text, jsonwebtoken tries to read it as a public key first, on every call.
    this.keys = new Map(settings.authSecrets.map((secret) => [keyId(secret), createSecretKey(Buffer.from(secret))]));
    this.currentKid = keyId(settings.authSecrets[0]);
  }

  sign(claims: AccessTokenClaims): string {
    return sign(claims, this.keys.get(this.currentKid)!, {
      algorithm: ALGORITHM,
      keyid: this.currentKid,
      header: { alg: ALGORITHM, typ: 'JWT' },
    });
  }

  /** The claims of a genuine, unexpired JWT.
   * @throws ExpiredAccessTokenError, InvalidAlgorithmError, InvalidSignatureError, MalformedAccessTokenError, WrongTokenTypeError
   */
  verify(token: string): AccessTokenClaims {
    const key = this.keyFor(token);
    try {
      const claims = verify(token, key, { algorithms: [ALGORITHM], clockTimestamp: this.clock.epochSeconds() });
      return requireClaims(claims);
    } catch (error) {
      throw asAccessTokenError(error);
    }
  }

  /** For claims that have been verified before. @throws ExpiredAccessTokenError */
  requireUnexpired({ exp = Infinity }: AccessTokenClaims): void {
    if (this.clock.epochMs() >= exp * 1000) throw new ExpiredAccessTokenError();
  }

  /** The key a token claims to be signed with. Headers are exactly the three we write, so `crit`, `b64`, `jwk` never count. */
  keyFor(token: string): KeyObject {
    const { alg, typ, kid, ...others } = headerOf(token);
    if (alg !== ALGORITHM) throw new InvalidAlgorithmError();
    if (typ !== 'JWT' || Object.keys(others).length > 0) throw new MalformedAccessTokenError();
    const key = typeof kid === 'string' ? this.keys.get(kid) : undefined;
    if (key === undefined) throw new InvalidSignatureError();
    return key;
  }
}

/** Names a key without telling anything about it. */
function keyId(secret: string): string {
  return createHmac('sha256', secret).update('latchkey key id').digest('base64url').slice(0, 12);
}

function headerOf(token: string): Record<string, unknown> {
  if (token.length > MAX_LENGTH || !/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) throw new MalformedAccessTokenError();
  try {
    const header: unknown = JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString());
    if (typeof header === 'object' && header !== null) return header as Record<string, unknown>;
  } catch (error) {
    throw new MalformedAccessTokenError(error);
  }
  throw new MalformedAccessTokenError();
}

function requireClaims(claims: JwtPayload | string): AccessTokenClaims {
  if (typeof claims === 'string') throw new MalformedAccessTokenError();
  if (claims.authTokenType !== IDENTITY_ACCESS_TOKEN) throw new WrongTokenTypeError();
  const { jti, identityId } = claims as Partial<AccessTokenClaims>;
  if (!jti || !isId(jti) || !identityId || !isId(identityId)) throw new MalformedAccessTokenError();
  return claims as AccessTokenClaims;
}

function asAccessTokenError(error: unknown): unknown {
  const { name, message } = error as Error;
  if (name === 'TokenExpiredError') return new ExpiredAccessTokenError();
  if (message === 'invalid signature' || message === 'jwt signature is required')
    return new InvalidSignatureError(error);
  if (message === 'invalid algorithm') return new InvalidAlgorithmError(error);
  return name === 'JsonWebTokenError' || name === 'NotBeforeError' || name === 'SyntaxError'
    ? new MalformedAccessTokenError(error)
    : error;
}
