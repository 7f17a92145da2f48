import { HttpStatus } from '@nestjs/common';
import { BadRequestError, ForbiddenError, LatchkeyError } from '../../common/errors/latchkey.error';
import { rateHeaders, type RateStanding, retryAfter } from './rate-standing';

// RFC 6750 section 3: a challenge names an error only when a token was presented.
const INVALID_TOKEN = { 'WWW-Authenticate': 'Bearer error="invalid_token"' };

/** The request has no bearer token. 401; the challenge names no error. */
export class MissingAccessTokenError extends LatchkeyError {
  constructor() {
    super(
      { errorCode: 'access_token_missing', status: HttpStatus.UNAUTHORIZED, error: 'UnauthorizedError' },
      'Token missing',
    );
  }
}

/** The presented text is not a token of Latchkey, or has expired (decision 5). */
abstract class AccessTokenError extends LatchkeyError {
  protected constructor(errorCode: string, message: string, cause?: unknown) {
    const kind = { errorCode, status: HttpStatus.UNAUTHORIZED, error: 'TokenError' };
    super(kind, message, { cause, headers: INVALID_TOKEN });
  }
}

/** The token was valid and has expired. 401. */
export class ExpiredAccessTokenError extends AccessTokenError {
  constructor() {
    super('access_token_expired', 'Your token has expired. Please re-authenticate.');
  }
}

/** The presented text is not an access token. 401. */
export class MalformedAccessTokenError extends AccessTokenError {
  constructor(cause?: unknown) {
    super(
      'access_token_malformed',
      'The provided access token is malformed. Please use a valid token or generate a new one and try again.',
      cause,
    );
  }
}

/** The token is signed with another algorithm than HS256. 401. */
export class InvalidAlgorithmError extends AccessTokenError {
  constructor(cause?: unknown) {
    super(
      'access_token_algorithm',
      'The access token is signed with an invalid algorithm. Please provide a valid token and try again.',
      cause,
    );
  }
}

/** The token is signed with a secret that is neither the current nor a previous one. 401. */
export class InvalidSignatureError extends AccessTokenError {
  constructor(cause?: unknown) {
    super('access_token_signature', 'invalid signature', cause);
  }
}

/** The request has two different tokens, each in a header of its own (RFC 6750 section 3.1). 400. */
export class ConflictingAccessTokensError extends BadRequestError {
  constructor() {
    super('access_token_conflict', 'The request has two different access tokens: send one, in one place', {
      headers: { 'WWW-Authenticate': 'Bearer error="invalid_request"' },
    });
  }
}

/** A short key whose length, letters or checksum are wrong: a typo, or a part of one. 401, without a look-up. */
export class KeyChecksumError extends AccessTokenError {
  constructor() {
    super('access_token_checksum', 'The access token is misspelled or incomplete: its checksum does not match.');
  }
}

/** A key of another service, by its prefix. 401, without a look-up. */
export class KeyPrefixError extends AccessTokenError {
  constructor() {
    super('access_token_prefix', 'The access token has the prefix of another service.');
  }
}

/** A well-made short key that no token has. 401. */
export class UnknownKeyError extends AccessTokenError {
  constructor() {
    super('access_token_unknown', 'The access token is unknown.');
  }
}

/** A short key cannot be renewed: its text stays the same. 400. */
export class KeyNotRenewableError extends BadRequestError {
  constructor() {
    super('access_token_not_renewable', 'A short key cannot be renewed. Rotate it, or issue another token.');
  }
}

/** A key that is to be imported belongs to another identity already. 400. */
export class KeyTakenError extends BadRequestError {
  /** @param index its place in the list. */
  constructor(index: number) {
    super('key_taken', `Key ${index} of the import belongs to another identity already`);
  }
}

/** A JWT of Latchkey that is not an access token. */
export class WrongTokenTypeError extends BadRequestError {
  constructor() {
    super('access_token_type', 'Token is not an identity access token');
  }
}

/** The reasons for which a genuine token is refused (contract 3.5). */
export const REFUSALS = {
  revoked: 'token has been revoked',
  rotated: 'token has been replaced by another one',
  disabled: 'token is disabled',
  identity_gone: 'identity tokens have been revoked',
  client_secret_gone: 'client secret has been revoked',
  auth_method_gone: 'auth method has been revoked',
  not_a_member: 'identity is not a member of the organization',
  membership_inactive: 'organization membership is inactive',
  uses_exhausted: 'token usage limit reached',
  max_ttl_reached: 'identity access token has reached its max TTL',
} as const;

export type Refusal = keyof typeof REFUSALS;

/** The `errorCode` of every error with which the guards and the verifier refuse a caller. */
export type RefusalCode =
  | `access_token_${Refusal | 'missing' | 'conflict' | 'malformed' | 'signature' | 'algorithm' | 'expired'}`
  | `access_token_${'checksum' | 'prefix' | 'unknown' | 'rate_limited'}`
  | 'address_not_trusted'
  | 'metadata_missing'
  | 'permission_denied'
  | 'database_unavailable';

/** The purpose for which the token was presented, in the words of the answer. */
export type TokenPurpose = 'Failed to authorize' | 'Cannot renew';

/** The token is genuine, but its row, identity, method or membership does not allow it. 401; `errorCode` says why. */
export class AccessTokenRefusedError extends LatchkeyError {
  constructor(refusal: Refusal, purpose: TokenPurpose = 'Failed to authorize') {
    super(
      { errorCode: `access_token_${refusal}`, status: HttpStatus.UNAUTHORIZED, error: 'UnauthorizedError' },
      purpose === 'Cannot renew' && refusal === 'uses_exhausted'
        ? 'Cannot renew exhausted access token'
        : `${purpose}: ${REFUSALS[refusal]}`,
      { headers: INVALID_TOKEN },
    );
  }
}

/** The key has no request left by one of its rate limits. 429; `Retry-After` says when it has one again. The request is no use. */
export class RateLimitedError extends LatchkeyError {
  constructor(standings: readonly RateStanding[]) {
    const seconds = retryAfter(standings);
    super(
      {
        errorCode: 'access_token_rate_limited',
        status: HttpStatus.TOO_MANY_REQUESTS,
        error: 'RateLimitExceeded',
      },
      `Rate limit exceeded. Please try again in ${seconds} seconds`,
      { headers: { 'Retry-After': String(seconds), ...rateHeaders(standings) } },
    );
  }
}

/** The token is valid, but not from the client's address. 403. */
export class UntrustedAddressError extends ForbiddenError {
  constructor() {
    super('address_not_trusted', 'You are not allowed to access this resource from the current IP address');
  }
}

/** Another key of the organization, or another organization, has this id of the host's. 400. */
export class ExternalIdTakenError extends BadRequestError {
  constructor() {
    super('external_id_taken', 'The externalId is in use already');
  }
}

/** The token was revoked, has ended, is disabled, or has a use limit and would share it. 400. */
export class TokenNotRotatableError extends BadRequestError {
  constructor(tokenId: string) {
    super(
      'token_not_rotatable',
      `Token with ID ${tokenId} cannot be rotated: it was revoked, has ended, is disabled, or has a use limit, with which graceSeconds must be 0`,
    );
  }
}

/** Another token has taken the place of this one. 400. */
export class TokenRotatedBeforeError extends BadRequestError {
  constructor(tokenId: string) {
    super(
      'token_rotated_before',
      `Token with ID ${tokenId} was rotated before: rotate the token in its place. The call that rotated it can be repeated for a day, with its idempotency key`,
    );
  }
}

/** A key that was revoked or replaced cannot be changed. 400. */
export class TokenEndedError extends BadRequestError {
  constructor(tokenId: string) {
    super('token_ended', `Token with ID ${tokenId} was revoked or replaced`);
  }
}
