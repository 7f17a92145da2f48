import { Injectable } from '@nestjs/common';
import type { IdentityAuth } from '../../database/entities/access-token.claims';
import { DURABLE } from '../../database/durable';
import type { SqlRunner } from '../../database/sql-runner';

/** What the row of a new token holds. */
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
}

/** A token that was signed again. */
export interface TokenRenewal {
  readonly tokenId: string;
  readonly renewedAt: Date;
  readonly expiresAt: Date | null;
  readonly signedTTL: number;
}

/** A token that is to be revoked. */
export interface TokenRevocation {
  readonly tokenId: string;
  readonly revokedAt: Date;
  /** The only organization it may belong to; null for any. */
  readonly organizationId: string | null;
  /** Whether one whose method was removed is marked as revoked too. It is dead already. */
  readonly includesRemoved?: boolean;
}

/**
 * The one writer of `identity_access_tokens`. Besides it, `usage/` counts uses and `maintenance/` clears up rows of tokens that
 * are dead. Removing a method or an identity writes none of its tokens, of which there may be millions: without the row of their
 * method they are dead. It takes any `SqlRunner`, in a transaction of Latchkey's or of a host's.
 */
@Injectable()
export class AccessTokenStore {
  /** The id of the new row. */
  async insert(run: SqlRunner, row: NewTokenRow): Promise<string> {
    const owner = [row.identityId, row.organizationId, row.authMethodId, row.authMethod, row.name];
    const policy = [row.accessTokenTTL, row.accessTokenMaxTTL, row.accessTokenPeriod, row.numUsesLimit];
    const login = [row.clientSecretId, row.identityAuth && JSON.stringify(row.identityAuth)];
    const life = [row.createdAt, row.expiresAt, row.signedTTL];
    const [inserted] = await run<{ id: string }>(INSERT, [...owner, ...policy, ...login, ...life]);
    return inserted!.id;
  }

  /** False for a token that has been revoked, or whose method was removed: the condition is part of the statement. */
  async renew(run: SqlRunner, { tokenId, renewedAt, expiresAt, signedTTL }: TokenRenewal): Promise<boolean> {
    const renewed = await run(RENEW, [tokenId, renewedAt, expiresAt, signedTTL]);
    return renewed.length === 1;
  }

  async rename(run: SqlRunner, tokenId: string, name: string, updatedAt: Date): Promise<void> {
    await run(RENAME, [tokenId, name, updatedAt]);
  }

  /**
   * Revokes a token, once and for all. False where there was nothing left to revoke: no such token, revoked before, or of a
   * method that was removed. The commit waits for the standby all the same, so that a revocation asked for again is as safe as
   * the first.
   */
  async revoke(run: SqlRunner, revocation: TokenRevocation): Promise<boolean> {
    const { tokenId, revokedAt, organizationId, includesRemoved = false } = revocation;
    const parameters = [tokenId, revokedAt, organizationId, includesRemoved];
    const [revoked] = await run<{ wasUsable: boolean }>(REVOKE, parameters);
    return revoked?.wasUsable === true;
  }
}

const INSERT = `
  INSERT INTO latchkey.identity_access_tokens
         (identity_id, organization_id, auth_method_id, auth_method, name, access_token_ttl, access_token_max_ttl,
          access_token_period, num_uses_limit, client_secret_id, identity_auth, created_at, updated_at, expires_at, signed_ttl)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14)
  RETURNING id`;

// The row keeps the latest expiry ever signed: an earlier JWT of the chain may outlive one renewed under a shorter TTL.
const RENEW = `
  UPDATE latchkey.identity_access_tokens
     SET last_renewed_at = $2, updated_at = $2, signed_ttl = $4,
         expires_at = CASE WHEN expires_at IS NULL OR $3::timestamptz IS NULL THEN NULL ELSE greatest(expires_at, $3) END
   WHERE id = $1 AND revoked_at IS NULL
     AND EXISTS (SELECT FROM latchkey.identity_auth_methods a WHERE a.id = auth_method_id)
  RETURNING id`;

const RENAME = `
  UPDATE latchkey.identity_access_tokens SET name = $2, updated_at = $3 WHERE id = $1`;

// The row is locked also where nothing is left to change: that is written to the log, so that the answer waits for the standby.
// The first revocation may have been given up while it waited, and then every node sees it, and no other disk has it.
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
  RETURNING token.is_of_method AS "wasUsable"`;
