import { performance } from 'node:perf_hooks';
import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../../common/clock/clock';
import { bearerToken, headerText } from '../../common/http/bearer';
import { type AddressedRequest, clientAddress } from '../../common/net/client-address';
import { LatchkeyError } from '../../common/errors/latchkey.error';
import { SeldomLog } from '../../common/seldom-log';
import { LatchkeySettings } from '../../latchkey.options';
import { AccessTokenCache, type Credential, type KnownFacts } from './access-token.cache';
import {
  AccessTokenRefusedError,
  ConflictingAccessTokensError,
  MissingAccessTokenError,
  WrongTokenTypeError,
  MalformedAccessTokenError,
} from '../issuing/access-tokens.errors';
import { TokenEvents } from '../../changes/hooks/token-events.service';
import { type CallerClass, CallerRights, callersWith } from './caller';
import { RateLimiter } from './rate.limiter';
import { type RequestState, stateOf, type Verification } from './request-state';
import { UsageCounter } from '../usage/usage.counter';
import { UsageLimiter } from '../usage/usage.limiter';
import type { RateStanding } from '../issuing/rate-standing';
import type { TokenFacts } from './token-facts.reader';
import { type UsableToken, requireUsable } from './token-rules';
import { TokenSuccession } from './token-succession';
import type { VerificationMeter } from './verification.meter';
import type { VerifiedAccessToken } from './verified-access-token';

/**
 * Verifies access tokens. Guards, strategies, sockets, queues and gateways use it.
 *
 * Its methods throw a `LatchkeyError`: 401 for a token that is missing, foreign, expired, revoked or used up; 403 for a client
 * address that the token does not trust (decisions 5 and 6); 429 for a key that has reached a rate limit; 503 when the database cannot be asked. A refused token has spent
 * no use.
 */
@Injectable()
export class AccessTokenVerifier {
  private readonly Caller: CallerClass;
  private readonly rates = new RateLimiter();
  private readonly meter: VerificationMeter;
  private readonly unreadable = new SeldomLog(new Logger(AccessTokenVerifier.name));

  constructor(
    private readonly cache: AccessTokenCache,
    private readonly uses: UsageCounter,
    private readonly limits: UsageLimiter,
    private readonly succession: TokenSuccession,
    private readonly clock: Clock,
    private readonly settings: LatchkeySettings,
    private readonly events: TokenEvents,
    rights: CallerRights,
  ) {
    this.Caller = callersWith(rights);
    this.meter = cache.meter;
  }

  /**
   * Verifies the bearer token of a request. However often it is asked about one request, it counts one use of the token. For a
   * request that stays open longer than the revocation bound, the token is verified again, so that no result is older than
   * twice the bound.
   *
   * @returns the caller.
   * @throws LatchkeyError, as described on the class.
   */
  async verifyRequest(request: AddressedRequest): Promise<VerifiedAccessToken> {
    return this.verificationOf(request);
  }

  /**
   * Verifies a token and counts a use of it.
   *
   * @param token the JWT or short key, without the word `Bearer`.
   * @param address the client's IP address; with undefined, only 403 is possible.
   * @returns the caller.
   * @throws LatchkeyError, as described on the class.
   */
  async verify(token: string, address: string | undefined): Promise<VerifiedAccessToken> {
    return this.verifyToken(token, address, performance.now(), undefined);
  }

  /** `verifyRequest` for guards: a remembered token is verified at once, without a promise. */
  verificationOf(request: AddressedRequest): Verification {
    const state = stateOf(request);
    // Read once for the whole verification.
    const moment = performance.now();
    const current = state.currentVerification(this, moment, this.settings.revocationBoundMs);
    if (current !== undefined) return current;
    try {
      return this.verifyAndKeep(request, state, state.tokenOf(this) ?? this.tokenOf(request), moment);
    } catch (error) {
      return refused(error);
    }
  }

  /**
   * `verificationOf` for guards that read the token from elsewhere.
   *
   * @param token undefined for a request without a token.
   * @throws ConflictingAccessTokensError if another guard has found another token in the request.
   */
  verificationOfToken(request: AddressedRequest, token: string | undefined): Verification {
    const state = stateOf(request);
    const moment = performance.now();
    const verified = state.tokenOf(this);
    if (verified !== undefined && token !== undefined && verified !== token) throw new ConflictingAccessTokensError();
    const current = state.currentVerification(this, moment, this.settings.revocationBoundMs);
    if (verified === token && current !== undefined) return current;
    return this.verifyAndKeep(request, state, token, moment);
  }

  /**
   * The token of a request: that of `Authorization: Bearer`, or of the header that the option `tokenHeader` names. Queries are
   * never read, because proxies and browsers keep them.
   *
   * @returns undefined for a request without a token.
   * @throws ConflictingAccessTokensError for a request with two different tokens.
   */
  tokenOf(request: AddressedRequest): string | undefined {
    const bearer = bearerToken(request);
    const { tokenHeader } = this.settings;
    return tokenHeader === AUTHORIZATION ? bearer : theOne(bearer, headerText(request, tokenHeader));
  }

  /** Whether a token was found in a request, or is in its headers. */
  hasToken(request: AddressedRequest): boolean {
    return (stateOf(request).tokenOf(this) ?? this.tokenOf(request)) !== undefined;
  }

  /** The client address of a request, according to the settings on trusted proxies. */
  addressOf(request: AddressedRequest): string | undefined {
    const address = clientAddress(request, this.settings.trustedProxies);
    if (address === undefined) this.sayUnreadable(request);
    return address;
  }

  /** Every caller behind that proxy is refused, so the proxy's operator must be able to see why. */
  private sayUnreadable({ headers, socket }: AddressedRequest): void {
    const forwardedFor = String(headers['x-forwarded-for'] ?? '').slice(-100);
    const reason = 'The header of a trusted proxy does not say an IP address: callers are refused with 403.';
    this.unreadable.warn({ event: 'address.unreadable', reason, proxy: socket.remoteAddress, forwardedFor });
  }

  private verifyAndKeep(
    request: AddressedRequest,
    state: RequestState,
    token: string | undefined,
    moment: number,
  ): Verification {
    const verification = this.verifyPresented(request, token, moment, state.countedTokenOf(this));
    state.keep(this, token, verification, moment);
    return verification;
  }

  private verifyPresented(
    request: AddressedRequest,
    token: string | undefined,
    moment: number,
    countedToken: string | undefined,
  ): Verification {
    try {
      if (token === undefined) throw this.meter.failed(new MissingAccessTokenError());
      return this.verifyToken(token, this.addressOf(request), moment, countedToken);
    } catch (error) {
      return refused(error);
    }
  }

  private verifyToken(
    token: string,
    address: string | undefined,
    moment: number,
    countedToken: string | undefined,
  ): Verification {
    let verification: Verification;
    try {
      verification = this.verifyUncounted(token, address, moment, countedToken);
    } catch (error) {
      throw this.meter.failed(error);
    }
    if (verification instanceof Promise) return this.meter.later(verification, moment);
    this.meter.remembered(moment);
    return verification;
  }

  private verifyUncounted(
    token: string,
    address: string | undefined,
    moment: number,
    countedToken: string | undefined,
  ): Verification {
    const credential = this.credentialOf(token, moment);
    const known = this.cache.remembered(credential, moment);
    if (known !== undefined) return this.decide(known, address, moment, countedToken);
    const looked = this.cache.lookUp(credential, address);
    return looked.then((read) => this.decide(read, address, performance.now(), countedToken));
  }

  private credentialOf(token: string, moment: number): Credential {
    try {
      return this.cache.credential(token, moment);
    } catch (error) {
      // Where a credential is expected, a token of another type counts as no token.
      throw error instanceof WrongTokenTypeError ? new MalformedAccessTokenError(error) : error;
    }
  }

  /** Decides on the known facts, and counts the use of a usable token. */
  private decide(
    known: KnownFacts,
    address: string | undefined,
    moment: number,
    countedToken: string | undefined,
  ): Verification {
    const isCounted = countedToken !== undefined && known.facts?.tokenId === countedToken;
    const epochMs = this.clock.epochMs(moment);
    const good = this.requireUsable(known, epochMs, address, isCounted);
    // Before a use is spent, or the token that this one replaces is ended: a refused request does neither.
    const rates = isCounted || good.rateLimits === null ? undefined : this.admit(good, moment, address);
    if (good.endsTokenId !== null) this.succession.begin(good.tokenId);
    if (isCounted) return new this.Caller(good);
    if (good.numUsesLimit > 0) return this.spend(known, { good, rates }, new Date(epochMs), address);
    this.uses.note(good.tokenId, epochMs);
    return new this.Caller(good, rates);
  }

  private requireUsable(
    known: KnownFacts,
    epochMs: number,
    address: string | undefined,
    isCounted: boolean,
  ): UsableToken {
    try {
      const { facts, trustedAddress } = known;
      const good = requireUsable({
        facts,
        epochMs,
        address,
        trustedAddress,
        isCounted,
        purpose: 'Failed to authorize',
      });
      known.trustedAddress = address;
      return good;
    } catch (error) {
      if (error instanceof AccessTokenRefusedError) known.isRefused = true;
      if (known.facts !== null) this.noteRefused(known.facts, error, address);
      throw error;
    }
  }

  private admit(good: UsableToken, moment: number, address: string | undefined): readonly RateStanding[] {
    try {
      return this.rates.admit(good.countedWith ?? good.tokenId, good.rateLimits!, moment);
    } catch (error) {
      this.noteRefused(good, error, address);
      throw error;
    }
  }

  private noteRefused({ tokenId, identityId, organization }: TokenFacts, error: unknown, address?: string): void {
    if (!(error instanceof LatchkeyError)) return;
    const { errorCode: reason } = error;
    this.events.noteRefused({ tokenId, identityId, organizationId: organization.id, reason, address: address ?? null });
  }

  private async spend(
    known: KnownFacts,
    { good, rates }: Admitted,
    at: Date,
    address?: string,
  ): Promise<VerifiedAccessToken> {
    const party = { group: good.organization.id, member: good.identityId, isCrowd: false };
    if (await this.limits.spend(good.tokenId, at, party)) return new this.Caller(good, rates);
    // After a new read, the row says whether the limit or a revocation is the reason. A remembered refusal would be checked
    // again on every request.
    known.isRefused = true;
    const refusal = new AccessTokenRefusedError('uses_exhausted');
    this.noteRefused(good, refusal, address);
    throw refusal;
  }
}

/** A token whose request its rate limits allow. */
interface Admitted {
  readonly good: UsableToken;
  readonly rates: readonly RateStanding[] | undefined;
}

const AUTHORIZATION = 'authorization';

/** @throws ConflictingAccessTokensError for two different tokens. */
function theOne(bearer: string | undefined, sent: string | undefined): string | undefined {
  if (bearer !== undefined && sent !== undefined && bearer !== sent) throw new ConflictingAccessTokensError();
  return sent ?? bearer;
}

function refused(error: unknown): Promise<VerifiedAccessToken> {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is passed on as it came
  const refusal = Promise.reject<VerifiedAccessToken>(error);
  // Callers of the method get the error. If there are no further callers, it must not become an unhandled rejection.
  refusal.catch(ignore);
  return refusal;
}

function ignore(): void {
  // The caller of the method gets the error.
}
