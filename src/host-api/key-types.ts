import type { RateLimit } from '../access-tokens/issuing/rate-limits';
import type { TokenPermissions } from '../access-tokens/issuing/token-permissions';
import type { TokenFormat } from '../access-tokens/issuing/token-handout';
import type { AccessTokenState, UsesRefill } from './key-reader.service';

/** The identity of a new token, and the settings of its own. A setting that is left out comes from the identity. */
export interface NewAccessToken {
  readonly identityId: string;
  /** A name for people: 1 to 255 characters. */
  readonly name?: string;
  /**
   * A short key, such as `acme_live_…`, or a JWT.
   *
   * @default 'key' where the option `keys` is set, else 'jwt'
   */
  readonly format?: TokenFormat;
  /** Your own id of the key: 1 to 255 characters, which no other key of the organization has. */
  readonly externalId?: string;
  /**
   * When the key ends; null for a key that never ends. It holds whatever the policy of the identity and `maxTokenAgeSeconds` say.
   * Left out, the key lives by these two.
   */
  readonly expiresAt?: Date | null;
  /** By subject the actions, such as `{ files: ['read'] }`; null, or left out, for the permissions of the identity's role. */
  readonly permissions?: TokenPermissions | null;
  /** Your own labels of the key: up to 100, the keys up to 255 and the values up to 1020 characters. */
  readonly metadata?: Readonly<Record<string, string>> | null;
  /** How many times it can be used, 1 to 2147483647; null for no limit. */
  readonly usesLimit?: number | null;
  /** Uses that come back. Needs `usesLimit`. */
  readonly usesRefill?: UsesRefill | null;
  /**
   * How often it can be used: 1 to 5 limits, each for a period of another length; null for none. Each node counts for itself.
   */
  readonly rateLimits?: readonly RateLimit[] | null;
  /** Addresses and CIDR blocks, 1 to 256 of them, instead of those of the identity; null for those of the identity. */
  readonly trustedIps?: readonly string[] | null;
}

/** Changes of a key. A field that is left out stays as it is. */
export interface AccessTokenChanges extends Omit<NewAccessToken, 'identityId' | 'externalId' | 'format'> {
  /** A later end than the JWT of the key has is refused: rotate the key instead. */
  readonly expiresAt?: Date | null;
}

/** A token that was just issued. */
export interface IssuedAccessToken {
  readonly tokenId: string;
  readonly identityId: string;
  /** The token itself. It is stored nowhere and cannot be read again: keep it, or hand it on, now. */
  readonly accessToken: string;
  /** The prefix and the first four characters of a short key, for lists; null for a JWT. */
  readonly visibleStart: string | null;
  /** When the token expires; null for a token that never does. */
  readonly expiresAt: Date | null;
}

/** How a key or a client secret is replaced. */
export interface RotationOptions {
  /** Seconds in which both are usable, 0 to 2592000 (30 days). One with a use limit is replaced at once: 0. */
  readonly graceSeconds: number;
  /**
   * Whether the old one ends as soon as the new one is used, if its time is not over by then.
   *
   * @default true
   */
  readonly endsOldOnFirstUse?: boolean;
  /** Text of 1 to 255 characters. For a day, a call with the same text and id gets the same answer again. */
  readonly idempotencyKey?: string;
}

/** The key in place of another one. */
export interface RotatedAccessToken extends IssuedAccessToken {
  /** The old key, and when it ends at the latest. */
  readonly replaced: { readonly tokenId: string; readonly endsAt: Date };
  /** Whether an earlier call with the same idempotency key has made it. */
  readonly isRepeated: boolean;
}

/** The client secret in place of another one. */
export interface RotatedClientSecret {
  readonly clientSecretId: string;
  readonly identityId: string;
  /** The secret itself. It is stored nowhere and cannot be read again: keep it, or hand it on, now. */
  readonly clientSecret: string;
  /** When the secret expires; null for a secret that never does. */
  readonly expiresAt: Date | null;
  /** The old secret, and when it ends at the latest. */
  readonly replaced: { readonly clientSecretId: string; readonly endsAt: Date };
  /** Whether an earlier call with the same idempotency key has made it. */
  readonly isRepeated: boolean;
}

/** Which keys are listed. */
export type AccessTokenList = ({ readonly identityId: string } | { readonly organizationId: string }) & {
  /** The `nextCursor` of the page before. */
  readonly cursor?: string;
  /** 1 to 100. @default 20 */
  readonly limit?: number;
  readonly state?: AccessTokenState;
};
