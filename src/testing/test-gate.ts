import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import {
  AccessTokenRefusedError,
  ConflictingAccessTokensError,
  ExpiredAccessTokenError,
  InvalidAlgorithmError,
  InvalidSignatureError,
  MalformedAccessTokenError,
  MissingAccessTokenError,
  RateLimitedError,
  type Refusal,
  type RefusalCode,
  UntrustedAddressError,
} from '../access-tokens/issuing/access-tokens.errors';
import { CallerRights } from '../access-tokens/verification/caller';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { bearerToken } from '../common/http/bearer';
import { DatabaseUnavailableError } from '../common/errors/common.errors';
import type { LatchkeyError } from '../common/errors/latchkey.error';
import type { AddressedRequest } from '../common/net/client-address';
import { boundTo } from './as-caller';

/**
 * The refusals of a token. The other two follow from the caller: one without the permission or the label that a route requires
 * is refused by the guards.
 */
export type TokenRefusalCode = Exclude<RefusalCode, 'permission_denied' | 'metadata_missing'>;

type Answer = VerifiedAccessToken | TokenRefusalCode;

/**
 * Stands in the place of the verifier in a unit test, and is told who calls. The guards, their decorators and their errors are
 * the real ones. Until it is told, every request is refused with 401, as one without a token.
 */
@Injectable()
export class TestGate {
  private readonly answers = new Map<string, Answer>();
  private usual: Answer = 'access_token_missing';

  constructor(@Inject(CallerRights) private readonly rights: CallerRights) {}

  /** Every request that follows is one of this caller. */
  admit(caller: VerifiedAccessToken): void {
    this.usual = caller;
  }

  /** Every request that follows is refused: 400, 401, 403, 429 or 503, as the code says. */
  refuse(code: TokenRefusalCode): void {
    this.usual = code;
  }

  /** Headers for requests of one caller among several, or for requests that are refused. */
  headersFor(answer: VerifiedAccessToken | TokenRefusalCode): { readonly authorization: string } {
    const token = `test-${randomUUID()}`;
    this.answers.set(token, answer);
    return { authorization: `Bearer ${token}` };
  }

  /** @internal */
  verifyRequest(request: AddressedRequest): Promise<VerifiedAccessToken> {
    return this.verify(this.tokenOf(request));
  }

  /** @internal */
  verify(token: string | undefined): Promise<VerifiedAccessToken> {
    return Promise.resolve().then(() => this.verificationOfToken({}, token));
  }

  /** @internal */
  verificationOf(request: AddressedRequest): VerifiedAccessToken {
    return this.verificationOfToken(request, this.tokenOf(request));
  }

  /** @internal */
  verificationOfToken(_request: object, token: string | undefined): VerifiedAccessToken {
    const answer = this.answerTo(token);
    if (typeof answer === 'string') throw errorOf(answer);
    return boundTo(this.rights, { ...answer });
  }

  /** @internal */
  tokenOf(request: AddressedRequest): string | undefined {
    return bearerToken(request);
  }

  /** @internal */
  hasToken(request: AddressedRequest): boolean {
    return this.answerTo(this.tokenOf(request)) !== 'access_token_missing';
  }

  /** @internal */
  addressOf({ socket }: AddressedRequest): string | undefined {
    return socket.remoteAddress;
  }

  private answerTo(token: string | undefined): Answer {
    return (token === undefined ? undefined : this.answers.get(token)) ?? this.usual;
  }
}

/** As a key with one limit would be refused. */
class RateLimitReachedError extends RateLimitedError {
  constructor() {
    super([{ limit: 100, perSeconds: 60, remaining: 0, moreInMs: 37_000 }]);
  }
}

const ERRORS: Partial<Record<TokenRefusalCode, new () => LatchkeyError>> = {
  access_token_missing: MissingAccessTokenError,
  access_token_conflict: ConflictingAccessTokensError,
  access_token_malformed: MalformedAccessTokenError,
  access_token_signature: InvalidSignatureError,
  access_token_algorithm: InvalidAlgorithmError,
  access_token_expired: ExpiredAccessTokenError,
  access_token_rate_limited: RateLimitReachedError,
  address_not_trusted: UntrustedAddressError,
  database_unavailable: DatabaseUnavailableError,
};

function errorOf(code: TokenRefusalCode): LatchkeyError {
  const Refused = ERRORS[code];
  return Refused ? new Refused() : new AccessTokenRefusedError(code.slice('access_token_'.length) as Refusal);
}
