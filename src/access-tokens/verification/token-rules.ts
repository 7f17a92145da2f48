import { isTrusted } from '../../common/net/trusted-ips';
import {
  AccessTokenRefusedError,
  ExpiredAccessTokenError,
  type Refusal,
  type TokenPurpose,
  UntrustedAddressError,
} from '../issuing/access-tokens.errors';
import { refusing } from './refused-token';
import type { TokenFacts } from './token-facts.reader';

/** The question of a verification: this token, now, from this address, for this request. */
export interface TokenCheck {
  readonly facts: TokenFacts | null;
  /** Now, in milliseconds since the epoch. A Date would be one more object on every request. */
  readonly epochMs: number;
  /** Undefined if the client's address is unknown. */
  readonly address: string | undefined;
  /** An address that these facts were found to trust before. */
  readonly trustedAddress?: string | undefined;
  /** True if the use was counted before: it may have been the last. */
  readonly isCounted?: boolean;
  readonly purpose: TokenPurpose;
}

/** The facts of a usable token. */
export type UsableToken = TokenFacts & {
  readonly method: NonNullable<TokenFacts['method']>;
  readonly membership: NonNullable<TokenFacts['membership']>;
};

/**
 * Decides whether a genuine token is usable: the one decision, in the order of decision 6. It spends nothing, and only looks at
 * the use limit. To use the token, the caller spends a use afterwards, by one guarded statement.
 *
 * @throws ExpiredAccessTokenError, AccessTokenRefusedError, UntrustedAddressError
 */
export function requireUsable(question: TokenCheck): UsableToken {
  const { facts, epochMs, purpose, isCounted } = question;
  if (facts === null) throw new AccessTokenRefusedError('identity_gone', purpose);
  if (isPast(facts.expiresAt, epochMs) || hasEnded(facts, epochMs))
    throw refusing(new ExpiredAccessTokenError(), facts);
  const refusal = refusalOf(facts, epochMs);
  if (refusal !== undefined) throw refusing(new AccessTokenRefusedError(refusal, purpose), facts);
  const good = facts as UsableToken;
  if (!isFromTrusted(question, good)) throw refusing(new UntrustedAddressError(), facts);
  if (!isCounted && isExhausted(facts)) throw refusing(new AccessTokenRefusedError('uses_exhausted', purpose), facts);
  return good;
}

function isPast(moment: Date | null, epochMs: number): boolean {
  return moment !== null && moment.getTime() <= epochMs;
}

/** The end of a token that another one has replaced is told apart: its holder has missed the new one. */
function hasEnded({ endsAt, isRotated }: TokenFacts, epochMs: number): boolean {
  return !isRotated && isPast(endsAt, epochMs);
}

function isFromTrusted({ address, trustedAddress }: TokenCheck, { trustedIps, method }: UsableToken): boolean {
  return (address !== undefined && address === trustedAddress) || isTrusted(trustedIps ?? method.trustedIps, address);
}

function refusalOf(facts: TokenFacts, epochMs: number): Refusal | undefined {
  const { isRevoked, method, isRotated, endsAt, isDisabled } = facts;
  // The tokens of the secret may have been revoked since; the cause of the revocation says more than the revocation.
  if (method === null) return 'auth_method_gone';
  if (isRevoked) return 'revoked';
  if (isRotated && isPast(endsAt, epochMs)) return 'rotated';
  return isDisabled ? 'disabled' : refusalOfHolder(facts);
}

function refusalOfHolder(facts: TokenFacts): Refusal | undefined {
  if (isSecretGone(facts)) return 'client_secret_gone';
  if (facts.membership === null) return 'not_a_member';
  return facts.membership.isActive ? undefined : 'membership_inactive';
}

/** A secret that expired, or is used up, has issued its tokens correctly. */
function isSecretGone({ clientSecretId, clientSecret }: TokenFacts): boolean {
  return clientSecretId !== null && clientSecret?.isRevoked !== false;
}

function isExhausted({ numUses, numUsesLimit }: TokenFacts): boolean {
  return numUsesLimit > 0 && numUses >= numUsesLimit;
}
