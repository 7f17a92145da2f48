import { isTrusted } from '../../common/net/trusted-ips';
import {
  AccessTokenRefusedError,
  ExpiredAccessTokenError,
  type Refusal,
  type TokenPurpose,
  UntrustedAddressError,
} from '../issuing/access-tokens.errors';
import type { TokenFacts } from './token-facts.reader';

/** What a verdict is about: this token, now, from here, for this. */
export interface TokenCheck {
  readonly facts: TokenFacts | null;
  /** Now, in milliseconds since the epoch: this is asked on every request, and a Date is an object more for each. */
  readonly epochMs: number;
  /** Undefined when the client's address cannot be told. */
  readonly address: string | undefined;
  /** One that these facts have been found to trust before. */
  readonly trustedAddress?: string | undefined;
  /** The use this is about has been counted before: it may have been the last. */
  readonly isCounted?: boolean;
  readonly purpose: TokenPurpose;
}

/** Facts that make a token good. */
export type UsableToken = TokenFacts & {
  readonly method: NonNullable<TokenFacts['method']>;
  readonly membership: NonNullable<TokenFacts['membership']>;
};

/**
 * Whether a genuine token is good: the one decision everything asks, in the order of decisions 6. It spends nothing, and
 * only looks at the use limit: who is about to use the token spends a use afterwards, by one guarded statement.
 *
 * @throws ExpiredAccessTokenError, AccessTokenRefusedError, UntrustedAddressError
 */
export function requireUsable(question: TokenCheck): UsableToken {
  const { facts, epochMs, purpose, isCounted } = question;
  if (facts === null) throw new AccessTokenRefusedError('identity_gone', purpose);
  if (facts.expiresAt !== null && facts.expiresAt.getTime() <= epochMs) throw new ExpiredAccessTokenError();
  const refusal = refusalOf(facts);
  if (refusal !== undefined) throw new AccessTokenRefusedError(refusal, purpose);
  const good = facts as UsableToken;
  if (!isFromTrusted(question, good)) throw new UntrustedAddressError();
  if (!isCounted && isExhausted(facts)) throw new AccessTokenRefusedError('uses_exhausted', purpose);
  return good;
}

function isFromTrusted({ address, trustedAddress }: TokenCheck, { method }: UsableToken): boolean {
  return (address !== undefined && address === trustedAddress) || isTrusted(method.trustedIps, address);
}

function refusalOf(facts: TokenFacts): Refusal | undefined {
  const { isRevoked, method, membership } = facts;
  // Its tokens may have been revoked since; what killed them says more than that they are dead.
  if (method === null) return 'auth_method_gone';
  if (isRevoked) return 'revoked';
  if (isSecretGone(facts)) return 'client_secret_gone';
  if (membership === null) return 'not_a_member';
  return membership.isActive ? undefined : 'membership_inactive';
}

/** A secret that merely ran out, or is used up, has made its tokens rightly. */
function isSecretGone({ clientSecretId, clientSecret }: TokenFacts): boolean {
  return clientSecretId !== null && clientSecret?.isRevoked !== false;
}

function isExhausted({ numUses, numUsesLimit }: TokenFacts): boolean {
  return numUsesLimit > 0 && numUses >= numUsesLimit;
}
