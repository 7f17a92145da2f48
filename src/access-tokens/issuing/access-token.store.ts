import { Injectable } from '@nestjs/common';
import type { IdentityAuth } from '../../database/entities/access-token.claims';
import { IdentityAccessToken } from '../../database/entities/identity-access-token.entity';
import { bigintAsNumber } from '../../database/entities/bigint.transformer';
import type { TrustedIp } from '../../common/net/trusted-ips';
import { DURABLE } from '../../database/durable';
import type { SqlRunner } from '../../database/sql-runner';
import { ExternalIdTakenError } from './access-tokens.errors';
import type { RateLimits } from './rate-limits';
import type { TokenPermissions } from './token-permissions';
import type { StoredKey } from './short-key.keyring';

/** The row of a new token. */
export interface NewTokenRow {
  readonly identityId: string;
  readonly organizationId: string;
  readonly authMethodId: string;
  readonly authMethod: string;
  readonly name: string | null;
  readonly accessTokenTTL: number;
  readonly accessTokenMaxTTL: number;
  readonly accessTokenPeriod: number;
  readonly numUsesLimit: number;
  readonly clientSecretId: string | null;
  readonly identityAuth: IdentityAuth | null;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly signedTTL: number;
  /** The settings of a key. A token without them takes everything from its method. */
  readonly key?: NewKeyRow;
}

/** The settings of a key that a host chooses. */
export interface KeySettings {
  readonly externalId: string | null;
  readonly permissions: TokenPermissions | null;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly trustedIps: TrustedIp[] | null;
  readonly usesRefill: { readonly amount: number; readonly everySeconds: number } | null;
  readonly rateLimits: RateLimits | null;
  /** Whether the host gave its end, or said that it has none. */
  readonly isEndGiven: boolean;
}

/** The additional columns of a new key's row. */
export interface NewKeyRow extends KeySettings {
  /** Left out for one that the database makes. */
  readonly id?: string;
  /** The token that ends when this one is first used. */
  readonly endsTokenId?: string | null;
  /** The first key of its rotations, with which it shares the count of rate limits. */
  readonly countedWith?: string | null;
  /** An end that its JWT does not know of. */
  readonly endsAt?: Date | null;
  /** Uses that count against its limit from the beginning. */
  readonly usesSpent?: number;
}

/** A token that was signed again. */
export interface TokenRenewal {
  readonly tokenId: string;
  readonly renewedAt: Date;
  readonly expiresAt: Date | null;
  readonly signedTTL: number;
}

/** A token that is given another name. */
export interface TokenRenaming {
  readonly tokenId: string;
  /** The method that its identity must have. */
  readonly method: string;
  /** Undefined: the name stays as it is. */
  readonly name: string | undefined;
  readonly updatedAt: Date;
}

/** A token as it is now. */
export interface RenamedToken {
  readonly token: IdentityAccessToken;
  /** When the removal of its method revoked the token; null if the method still exists, or the token was revoked before. */
  readonly methodRemovedAt: Date | null;
}

const NO_KEY: NewKeyRow = {
  externalId: null,
  permissions: null,
  metadata: null,
  trustedIps: null,
  usesRefill: null,
  rateLimits: null,
  isEndGiven: false,
};

function valuesOf(key: NewKeyRow): unknown[] {
  const json = (value: object | null) => value && JSON.stringify(value);
  const { id = null, endsTokenId = null, endsAt = null, usesSpent = 0, countedWith = null } = key;
  const { amount, everySeconds } = key.usesRefill ?? NO_REFILL;
  const said = [key.externalId, json(key.permissions), json(key.metadata), json(key.trustedIps), key.isEndGiven];
  return [...said, amount, everySeconds, id, endsTokenId, endsAt, usesSpent, json(key.rateLimits), countedWith];
}

const NO_REFILL = { amount: 0, everySeconds: 0 };

/** An SQL expression: when the method of a token was removed; null if the token itself was revoked, or the method still exists. */
export function methodRemovedAt(token: string): string {
  return `(SELECT coalesce(
             (SELECT r.removed_at FROM latchkey.removed_auth_methods r WHERE r.id = ${token}.auth_method_id), ${token}.updated_at)
           WHERE ${token}.revoked_at IS NULL
             AND NOT EXISTS (SELECT FROM latchkey.identity_auth_methods a WHERE a.id = ${token}.auth_method_id))`;
}

/** A token that is to be revoked. */
export interface TokenRevocation {
  readonly tokenId: string;
  readonly revokedAt: Date;
  /** The only organization it may belong to; null for any. */
  readonly organizationId: string | null;
  /** Whether a token whose method was removed is marked as revoked too. Such a token is no longer usable anyway. */
  readonly includesRemoved?: boolean;
}

/** The token that was revoked. */
export type RevokedToken = Pick<IdentityAccessToken, 'id' | 'identityId' | 'organizationId' | 'name'>;

/** A short key that is stored under another secret. */
export interface KeyRehash {
  readonly tokenId: string;
  /** Its hash so far: another node may have been faster. */
  readonly found: Buffer;
  readonly present: Buffer;
}

/** The token that has a short key. */
export interface KeyHolder {
  readonly tokenId: string;
  readonly identityId: string;
  readonly organizationId: string;
}

type RenamedRow = Omit<IdentityAccessToken, 'numUses'> & Pick<RenamedToken, 'methodRemovedAt'> & { numUses: string };

/**
 * Writes `identity_access_tokens`. `KeyStore` and `RotationStore` change keys, `usage/` counts uses, and `maintenance/` deletes the
 * rows of tokens that can no longer be used. Removing a method or an identity writes none of its tokens, of which
 * there may be millions: without the row of their method they are dead. It takes any `SqlRunner`, in a transaction of
 * Latchkey's or of a host's.
 */
@Injectable()
export class AccessTokenStore {
  /** The id of the new row. @throws ExternalIdTakenError */
  async insert(run: SqlRunner, row: NewTokenRow): Promise<string> {
    const owner = [row.identityId, row.organizationId, row.authMethodId, row.authMethod, row.name];
    const policy = [row.accessTokenTTL, row.accessTokenMaxTTL, row.accessTokenPeriod, row.numUsesLimit];
    const login = [row.clientSecretId, row.identityAuth && JSON.stringify(row.identityAuth)];
    const life = [row.createdAt, row.expiresAt, row.signedTTL];
    const values = [...owner, ...policy, ...login, ...life, ...valuesOf(row.key ?? NO_KEY)];
    const [inserted] = await run<{ id: string }>(INSERT, values);
    if (inserted === undefined) throw new ExternalIdTakenError();
    return inserted.id;
  }

  /** Gives a token a short key, in the transaction that inserted its row. */
  async giveKey(run: SqlRunner, tokenId: string, { hash, visibleStart }: StoredKey): Promise<void> {
    await run(GIVE_KEY, [tokenId, hash, visibleStart]);
  }

  /** Waits for any other transaction that is giving a token the same short key, until that one has ended. */
  async awaitKey(run: SqlRunner, hash: Buffer): Promise<void> {
    await run(AWAIT_KEY, [hash]);
  }

  /** @param hashes of one short key, under every secret. */
  async holderOfKey(run: SqlRunner, hashes: readonly Buffer[]): Promise<KeyHolder | undefined> {
    const [holder] = await run<KeyHolder>(HOLDER_OF_KEY, [hashes]);
    return holder;
  }

  async rehash(run: SqlRunner, { tokenId, found, present }: KeyRehash): Promise<void> {
    await run(REHASH, [tokenId, found, present]);
  }

  /** @returns false if the token was revoked, or its method was removed. The statement itself checks this. */
  async renew(run: SqlRunner, { tokenId, renewedAt, expiresAt, signedTTL }: TokenRenewal): Promise<boolean> {
    const renewed = await run(RENEW, [tokenId, renewedAt, expiresAt, signedTTL]);
    return renewed.length === 1;
  }

  /** @returns undefined if the identity no longer has the method. The statement itself checks this. */
  async rename(run: SqlRunner, renaming: TokenRenaming): Promise<RenamedToken | undefined> {
    const { tokenId, method, name = null, updatedAt } = renaming;
    const [row] = await run<RenamedRow>(RENAME, [tokenId, method, name, updatedAt]);
    if (row === undefined) return undefined;
    const { methodRemovedAt, numUses, ...rest } = row;
    const token = Object.assign(new IdentityAccessToken(), rest, { numUses: bigintAsNumber.from(numUses) as number });
    return { token, methodRemovedAt };
  }

  /**
   * Revokes a token for good. The commit always waits for the standby, so that a repeated revocation is as safe as the first.
   *
   * @returns undefined if there is nothing to revoke: the token does not exist, was revoked before, or its method was removed.
   */
  async revoke(run: SqlRunner, revocation: TokenRevocation): Promise<RevokedToken | undefined> {
    const { tokenId, revokedAt, organizationId, includesRemoved = false } = revocation;
    const parameters = [tokenId, revokedAt, organizationId, includesRemoved];
    const [revoked] = await run<RevokedToken & { wasUsable: boolean }>(REVOKE, parameters);
    if (!revoked?.wasUsable) return undefined;
    const { id, identityId, organizationId: owner, name } = revoked;
    return { id, identityId, organizationId: owner, name };
  }
}

const INSERT = `
  INSERT INTO latchkey.identity_access_tokens
         (identity_id, organization_id, auth_method_id, auth_method, name, access_token_ttl, access_token_max_ttl,
          access_token_period, num_uses_limit, client_secret_id, identity_auth, created_at, updated_at, expires_at, signed_ttl,
          external_id, permissions, metadata, trusted_ips, is_end_given, uses_refill_amount, uses_refill_interval,
          uses_refilled_at, id, ends_token_id, ends_at, num_uses, rate_limits, counted_with)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
          CASE WHEN $20::integer > 0 THEN $12::timestamptz END, coalesce($22::uuid, gen_random_uuid()), $23, $24, $25, $26, $27)
  ON CONFLICT (organization_id, external_id) WHERE external_id IS NOT NULL AND rotated_to IS NULL DO NOTHING
  RETURNING id`;

const GIVE_KEY = 'UPDATE latchkey.identity_access_tokens SET key_hash = $2, visible_start = $3 WHERE id = $1';

const AWAIT_KEY = `
  SELECT pg_advisory_xact_lock(('x' || encode(substring($1::bytea FROM 1 FOR 8), 'hex'))::bit(64)::bigint)`;

const HOLDER_OF_KEY = `
  SELECT id AS "tokenId", identity_id AS "identityId", organization_id AS "organizationId"
    FROM latchkey.identity_access_tokens
   WHERE key_hash = ANY ($1::bytea[])`;

const REHASH = 'UPDATE latchkey.identity_access_tokens SET key_hash = $3 WHERE id = $1 AND key_hash = $2';

// The row keeps the latest expiry ever signed: an earlier JWT of the chain may outlive one that was renewed under a shorter
// TTL.
const RENEW = `
  UPDATE latchkey.identity_access_tokens
     SET last_renewed_at = $2, updated_at = $2, signed_ttl = $4,
         expires_at = CASE WHEN expires_at IS NULL OR $3::timestamptz IS NULL THEN NULL ELSE greatest(expires_at, $3) END
   WHERE id = $1 AND revoked_at IS NULL
     AND EXISTS (SELECT FROM latchkey.identity_auth_methods a WHERE a.id = auth_method_id)
  RETURNING id`;

const RENAME = `
  UPDATE latchkey.identity_access_tokens t
     SET name = coalesce($3, t.name), updated_at = CASE WHEN $3::text IS NULL THEN t.updated_at ELSE $4 END
   WHERE t.id = $1
     AND EXISTS (SELECT FROM latchkey.identity_auth_methods a WHERE a.identity_id = t.identity_id AND a.method = $2)
  RETURNING t.id, t.identity_id AS "identityId", t.organization_id AS "organizationId",
            t.auth_method_id AS "authMethodId", t.auth_method AS "authMethod", t.name,
            t.access_token_ttl AS "accessTokenTTL", t.access_token_max_ttl AS "accessTokenMaxTTL",
            t.access_token_period AS "accessTokenPeriod", t.signed_ttl AS "signedTTL", t.num_uses_limit AS "numUsesLimit",
            t.num_uses AS "numUses", t.last_used_at AS "lastUsedAt", t.last_renewed_at AS "lastRenewedAt",
            t.expires_at AS "expiresAt", t.revoked_at AS "revokedAt", t.client_secret_id AS "clientSecretId",
            t.identity_auth AS "identityAuth", t.created_at AS "createdAt", t.updated_at AS "updatedAt",
            ${methodRemovedAt('t')} AS "methodRemovedAt"`;

// The row is locked even if there is nothing left to change. The lock is written to PostgreSQL's log, so that the answer waits for
// the standby. The first revocation may have been cancelled while it waited: then every node sees it, and no other disk has it.
const REVOKE = `
  WITH durable AS MATERIALIZED (${DURABLE}
  ), token AS MATERIALIZED (
    SELECT t.id, t.revoked_at,
           EXISTS (SELECT FROM latchkey.identity_auth_methods a WHERE a.id = t.auth_method_id) AS is_of_method
      FROM latchkey.identity_access_tokens t, durable
     WHERE t.id = $1 AND ($3::uuid IS NULL OR t.organization_id = $3) FOR NO KEY UPDATE OF t
  )
  UPDATE latchkey.identity_access_tokens t SET revoked_at = $2, updated_at = $2
    FROM token WHERE t.id = token.id AND token.revoked_at IS NULL AND (token.is_of_method OR $4)
  RETURNING token.is_of_method AS "wasUsable", t.id, t.identity_id AS "identityId", t.organization_id AS "organizationId",
            t.name`;
