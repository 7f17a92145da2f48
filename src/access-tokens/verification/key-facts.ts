import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import { readTrustedIps, type TrustedIp } from '../../common/net/trusted-ips';
import { isObject } from '../../common/option-rules';
import { atOrNearest } from '../../database/connections/value-types';
import { type RateLimits, readRateLimits } from '../issuing/rate-limits';
import { readTokenPermissions, type TokenPermissions } from '../issuing/token-permissions';

/** The facts of a verification that a token has beyond those of its method and its identity. */
export interface KeyFacts {
  /** An end that the JWT does not know of; null if there is none. */
  readonly endsAt: Date | null;
  /** Whether another token has taken its place: then `endsAt` is the end of the time in which both are usable. */
  readonly isRotated: boolean;
  readonly isDisabled: boolean;
  /** The token that ends as soon as this one is used; null if there is none. */
  readonly endsTokenId: string | null;
  /** The host's own id of the token. */
  readonly externalId: string | null;
  /** The labels of the token itself. */
  readonly tokenMetadata: Readonly<Record<string, string>>;
  /** By subject the actions; null for the permissions of the role. */
  readonly permissions: TokenPermissions | null;
  /** Null for none. */
  readonly rateLimits: RateLimits | null;
  /** The first key of its rotations, with which it shares the count of these limits; null for a key that replaced none. */
  readonly countedWith: string | null;
  /** Null for the addresses of the method. */
  readonly trustedIps: readonly TrustedIp[] | null;
}

/** The raw columns. */
export interface KeyRow {
  external_id: string | null;
  is_disabled: boolean;
  /** May be infinite. */
  ends_ms: string | null;
  is_rotated: boolean;
  ends_token_id: string | null;
  permissions: unknown;
  rate_limits: unknown;
  counted_with: string | null;
  key_metadata: unknown;
  key_trusted_ips: unknown;
}

/** @throws UnreadableValueError */
export function keyOf(row: KeyRow): KeyFacts {
  return {
    endsAt: row.ends_ms === null ? null : momentOf(row.ends_ms),
    isRotated: row.is_rotated,
    isDisabled: row.is_disabled,
    endsTokenId: row.ends_token_id,
    externalId: row.external_id,
    tokenMetadata: labelsOf(row.key_metadata),
    permissions: readTokenPermissions(row.permissions),
    rateLimits: readRateLimits(row.rate_limits),
    countedWith: row.counted_with,
    trustedIps: row.key_trusted_ips === null ? null : readTrustedIps(row.key_trusted_ips),
  };
}

/** @throws UnreadableValueError */
export function momentOf(epochMs: string): Date {
  if (!/^-?(\d+|Infinity)$/.test(epochMs)) throw new UnreadableValueError('a moment');
  return atOrNearest(Number(epochMs));
}

/** @throws UnreadableValueError */
export function labelsOf(metadata: unknown): Readonly<Record<string, string>> {
  if (metadata === null || metadata === undefined) return NO_LABELS;
  if (!isObject(metadata) || !Object.values(metadata).every((value) => typeof value === 'string')) {
    throw new UnreadableValueError('the labels of an identity or a token');
  }
  // Most tokens have none: each remembered token would keep an empty object.
  if (Object.keys(metadata).length === 0) return NO_LABELS;
  return Object.freeze(metadata) as Record<string, string>;
}

const NO_LABELS: Readonly<Record<string, string>> = Object.freeze({});
