import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type JwtHeader, sign, verify, type VerifyOptions } from 'jsonwebtoken';
import { Clock } from '../../common/clock/clock';
import type { LatchkeyError } from '../../common/errors/latchkey.error';
import { isId } from '../../common/ids';
import { LatchkeySettings } from '../../latchkey.options';
import { type AccessTokenClaims, IDENTITY_ACCESS_TOKEN } from '../../database/entities/access-token.claims';
import {
  ExpiredAccessTokenError,
  InvalidAlgorithmError,
  InvalidSignatureError,
  MalformedAccessTokenError,
  WrongTokenTypeError,
} from './access-tokens.errors';

/** Longer than any JWT of Latchkey; a longer text is not worth decoding. */
export const MAX_TOKEN_LENGTH = 4_096;
const ALGORITHM = 'HS256';

/**
 * Signs and verifies the JWTs of access tokens. The first key signs; the others still verify until they are removed. Only
 * Latchkey chooses the algorithm: a header that differs by a single letter from the one that Latchkey writes is refused.
 */
@Injectable()
export class AccessTokenKeyring {
  /** By the header of the tokens that each key has signed, as it is spelled in them. */
  private readonly keys: ReadonlyMap<string, KeyObject>;
  private readonly currentKid: string;

  constructor(
    settings: LatchkeySettings,
    private readonly clock: Clock,
  ) {
    // KeyObjects: jsonwebtoken would try to read text as a public key first, on every call.
    this.keys = new Map(
      settings.authSecrets.map((secret) => [encoded(headerFor(keyId(secret))), createSecretKey(Buffer.from(secret))]),
    );
    this.currentKid = keyId(settings.authSecrets[0]);
  }

  sign(claims: AccessTokenClaims): string {
    const header = headerFor(this.currentKid);
    return sign(claims, this.keys.get(encoded(header))!, { algorithm: ALGORITHM, header });
  }

  /**
   * The claims of a genuine JWT that has not expired.
   *
   * @throws ExpiredAccessTokenError, InvalidAlgorithmError, InvalidSignatureError, MalformedAccessTokenError,
   * WrongTokenTypeError
   */
  verify(token: string): AccessTokenClaims {
    const claims = requireClaims(token, this.signedClaims(token));
    this.requireUnexpired(claims);
    return claims;
  }

  /** For claims that were verified before. @throws ExpiredAccessTokenError */
  requireUnexpired({ exp = Infinity }: Pick<AccessTokenClaims, 'exp'>, moment?: number): void {
    if (this.clock.epochMs(moment) >= exp * 1000) throw new ExpiredAccessTokenError();
  }

  /** The key that a token names as its own. */
  keyFor(token: string): KeyObject {
    if (token.length > MAX_TOKEN_LENGTH || !/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token))
      throw new MalformedAccessTokenError();
    const header = token.slice(0, token.indexOf('.'));
    const key = this.keys.get(header);
    if (key === undefined) throw refusalOfHeader(header);
    return key;
  }

  private signedClaims(token: string): object {
    const key = this.keyFor(token);
    const claims = decoded(token.split('.')[1]!);
    try {
      // The expiry is checked last, after signature and type (decision 6).
      const clockTimestamp = this.clock.epochSeconds();
      const options: VerifyOptions = { algorithms: [ALGORITHM], ignoreExpiration: true, clockTimestamp };
      verify(token, key, options);
    } catch (error) {
      throw asAccessTokenError(error);
    }
    return claims;
  }
}

/** An id for a key that reveals nothing about it. */
function keyId(secret: string): string {
  return createHmac('sha256', secret).update('latchkey key id').digest('base64url').slice(0, 12);
}

function headerFor(kid: string): JwtHeader {
  return { alg: ALGORITHM, typ: 'JWT', kid };
}

/** The error for a header that is not Latchkey's, as far as the caller is told. */
function refusalOfHeader(part: string): LatchkeyError {
  const header = decoded(part);
  const { alg, typ } = header as Partial<JwtHeader>;
  if (alg !== ALGORITHM) return new InvalidAlgorithmError();
  const isStrange = Object.keys(header).some((name) => !['alg', 'typ', 'kid'].includes(name));
  if (typ !== 'JWT' || isStrange) return new MalformedAccessTokenError();
  return new InvalidSignatureError();
}

/** The object that a part of a token spells. @throws MalformedAccessTokenError */
function decoded(part: string): object {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(part, 'base64url').toString());
  } catch (error) {
    throw new MalformedAccessTokenError(error);
  }
  if (typeof value !== 'object' || value === null) throw new MalformedAccessTokenError();
  return value;
}

/** A signed token must also be one that Latchkey would have written: one spelling for each token, and no key named twice. */
function requireClaims(token: string, claims: object): AccessTokenClaims {
  if ((claims as Partial<AccessTokenClaims>).authTokenType !== IDENTITY_ACCESS_TOKEN) throw new WrongTokenTypeError();
  if (!isWellFormed(claims as Record<string, unknown>) || token.split('.')[1] !== encoded(claims)) {
    throw new MalformedAccessTokenError();
  }
  return claims as AccessTokenClaims;
}

function isWellFormed({ jti, identityAccessTokenId, identityId, iat, exp }: Record<string, unknown>): boolean {
  const isNamed = isOwnId(jti) && jti === identityAccessTokenId && isOwnId(identityId);
  return isNamed && isNumericDate(iat) && (exp === undefined || isNumericDate(exp));
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

function isOwnId(value: unknown): boolean {
  return typeof value === 'string' && isId(value) && value === value.toLowerCase();
}

function isNumericDate(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function asAccessTokenError(error: unknown): unknown {
  const { name, message } = error as Error;
  if (/^(invalid signature|jwt signature is required)$/.test(message)) return new InvalidSignatureError(error);
  return ['JsonWebTokenError', 'NotBeforeError'].includes(name) ? new MalformedAccessTokenError(error) : error;
}
