import { Injectable } from '@nestjs/common';
import type { TrustedIp } from '../../common/net/trusted-ips';
import { DURABLE } from '../../database/durable';
import type { SqlRunner } from '../../database/sql-runner';
import type { RateLimits } from './rate-limits';
import type { TokenPermissions } from './token-permissions';
import { USES_REFILLED } from '../uses-refilled';

/** One key, in the only organization it may belong to; null for any. */
export interface KeyPlace {
  readonly tokenId: string;
  readonly organizationId: string | null;
}

/** Changes of a key: a field that is left out stays, and null stands for the default. */
export interface KeyChanges {
  readonly name?: string;
  readonly permissions?: TokenPermissions | null;
  readonly metadata?: Readonly<Record<string, string>> | null;
  readonly trustedIps?: TrustedIp[] | null;
  readonly rateLimits?: RateLimits | null;
  readonly endsAt?: Date | null;
  readonly numUsesLimit?: number;
  readonly refillAmount?: number;
  readonly refillSeconds?: number;
}

/** Whose keys: of an identity, of an organization, or of an identity in an organization. */
export interface KeyHolders {
  readonly identityId: string | null;
  readonly organizationId: string | null;
}

/** Changes keys that exist: tokens that were issued by hand. */
@Injectable()
export class KeyStore {
  /** False where there is no such key, it was revoked or replaced, its JWT ends before the new end, or uses of no limit come back. */
  async change(run: SqlRunner, { tokenId, organizationId }: KeyPlace, set: KeyChanges, at: Date): Promise<boolean> {
    const changed = await run(CHANGE, [tokenId, organizationId, JSON.stringify(set), at]);
    return changed.length === 1;
  }

  /** False where it is disabled already, or was revoked. */
  async disable(run: SqlRunner, { tokenId, organizationId }: KeyPlace, at: Date): Promise<boolean> {
    const changed = await run(DISABLE, [tokenId, organizationId, at]);
    return changed.length === 1;
  }

  /** False where it is not disabled, or was revoked. */
  async enable(run: SqlRunner, { tokenId, organizationId }: KeyPlace, at: Date): Promise<boolean> {
    const changed = await run(ENABLE, [tokenId, organizationId, at]);
    return changed.length === 1;
  }

  /** Revokes up to so many keys, and says how many those were. */
  async revokeSome(run: SqlRunner, whose: KeyHolders, revokedAt: Date, most: number): Promise<number> {
    const revoked = await run(REVOKE_SOME, [whose.identityId, whose.organizationId, revokedAt, most]);
    return revoked.length;
  }
}

// A field is left out, or null, or has a value. Uses that came back so far are settled under the terms before.
const CHANGE = `
  WITH durable AS MATERIALIZED (${DURABLE}
  ), given AS MATERIALIZED (
    SELECT $3::jsonb AS said, $3::jsonb -> 'endsAt' IS NOT NULL AS has_end, ($3::jsonb ->> 'endsAt')::timestamptz AS end_at,
           ($3::jsonb ->> 'refillAmount')::integer AS amount, ($3::jsonb ->> 'numUsesLimit')::integer AS uses
      FROM durable
  )
  UPDATE latchkey.identity_access_tokens t
     SET name = coalesce(said ->> 'name', t.name),
         permissions = CASE WHEN said -> 'permissions' IS NULL THEN t.permissions ELSE nullif(said -> 'permissions', 'null') END,
         metadata = CASE WHEN said -> 'metadata' IS NULL THEN t.metadata ELSE nullif(said -> 'metadata', 'null') END,
         trusted_ips = CASE WHEN said -> 'trustedIps' IS NULL THEN t.trusted_ips ELSE nullif(said -> 'trustedIps', 'null') END,
         rate_limits = CASE WHEN said -> 'rateLimits' IS NULL THEN t.rate_limits ELSE nullif(said -> 'rateLimits', 'null') END,
         ends_at = CASE WHEN has_end THEN end_at ELSE t.ends_at END,
         num_uses_limit = coalesce(uses, t.num_uses_limit),
         uses_refill_amount = coalesce(amount, t.uses_refill_amount),
         uses_refill_interval = coalesce((said ->> 'refillSeconds')::integer, t.uses_refill_interval),
         uses_refilled = CASE WHEN amount IS NULL THEN t.uses_refilled ELSE ${USES_REFILLED} END,
         uses_refilled_at = CASE WHEN amount IS NULL THEN t.uses_refilled_at WHEN amount > 0 THEN $4::timestamptz END,
         updated_at = $4
    FROM given
   WHERE t.id = $1 AND ($2::uuid IS NULL OR t.organization_id = $2) AND t.auth_method = 'token-auth'
     AND t.revoked_at IS NULL AND t.rotated_to IS NULL
     AND EXISTS (SELECT FROM latchkey.identity_auth_methods a WHERE a.id = t.auth_method_id)
     AND (NOT has_end OR t.expires_at IS NULL OR end_at <= t.expires_at)
     AND (coalesce(amount, t.uses_refill_amount) = 0 OR coalesce(uses, t.num_uses_limit) > 0)
  RETURNING t.id`;

const DISABLE = `
  WITH durable AS MATERIALIZED (${DURABLE}
  )
  UPDATE latchkey.identity_access_tokens t SET disabled_at = $3, updated_at = $3 FROM durable
   WHERE t.id = $1 AND ($2::uuid IS NULL OR t.organization_id = $2) AND t.auth_method = 'token-auth'
     AND t.revoked_at IS NULL AND t.disabled_at IS NULL
  RETURNING t.id`;

const ENABLE = `
  UPDATE latchkey.identity_access_tokens t SET disabled_at = NULL, updated_at = $3
   WHERE t.id = $1 AND ($2::uuid IS NULL OR t.organization_id = $2) AND t.auth_method = 'token-auth'
     AND t.revoked_at IS NULL AND t.disabled_at IS NOT NULL
  RETURNING t.id`;

// Locked in the order of the indexes of lists: two calls that meet would otherwise wait for each other.
const REVOKE_SOME = `
  WITH durable AS MATERIALIZED (${DURABLE}
  ), chosen AS MATERIALIZED (
    SELECT t.id FROM latchkey.identity_access_tokens t, durable
     WHERE t.auth_method = 'token-auth' AND ($1::uuid IS NULL OR t.identity_id = $1)
       AND ($2::uuid IS NULL OR t.organization_id = $2) AND t.revoked_at IS NULL
     ORDER BY t.created_at, t.id LIMIT $4 FOR NO KEY UPDATE OF t
  )
  UPDATE latchkey.identity_access_tokens t SET revoked_at = $3, updated_at = $3 FROM chosen WHERE t.id = chosen.id
  RETURNING t.id`;
