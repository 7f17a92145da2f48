import { Injectable } from '@nestjs/common';
import { ClientSecret } from '../../database/entities/client-secret.entity';
import type { SqlRunner } from '../../database/sql-runner';

/** The row of a new client secret. The secret itself is stored nowhere. */
export type NewClientSecret = Pick<
  ClientSecret,
  'authMethodId' | 'identityId' | 'hash' | 'prefix' | 'description' | 'numUsesLimit' | 'ttl' | 'createdAt'
>;

/** One login with a client secret. */
export interface SecretUse {
  readonly secretId: string;
  readonly numUsesLimit: number;
  /** The hash of the secret under the present pepper. */
  readonly presentHash: Buffer;
  readonly at: Date;
}

/** The one writer of client secrets. */
@Injectable()
export class ClientSecretStore {
  async insert(run: SqlRunner, secret: NewClientSecret): Promise<ClientSecret> {
    const { authMethodId, identityId, hash, prefix, description, numUsesLimit, ttl, createdAt } = secret;
    const owner = [authMethodId, identityId];
    const [row] = await run<{ id: string }>(INSERT, [
      ...owner,
      hash,
      prefix,
      description,
      numUsesLimit,
      ttl,
      createdAt,
    ]);
    const unused = { numUses: 0, lastUsedAt: null, revokedAt: null, updatedAt: createdAt };
    return Object.assign(new ClientSecret(), { ...row!, ...secret, ...unused });
  }

  /** Revokes a secret for good. False for a secret that was revoked before: its time of revocation stays. */
  async revoke(run: SqlRunner, secretId: string, revokedAt: Date): Promise<boolean> {
    const revoked = await run(REVOKE, [secretId, revokedAt]);
    return revoked.length === 1;
  }

  /**
   * Counts a login.
   *
   * @returns undefined for a secret that is revoked; otherwise whether the login was counted. Under a limit, a login that was
   *   not counted exceeds it.
   */
  async use(run: SqlRunner, { secretId, numUsesLimit, presentHash, at }: SecretUse): Promise<boolean | undefined> {
    const statement = numUsesLimit === 0 ? NOTE_USE : SPEND_USE;
    const [secret] = await run<{ isCounted: boolean }>(statement, [secretId, at, presentHash]);
    return secret?.isCounted;
  }
}

const INSERT = `
  INSERT INTO latchkey.client_secrets
         (auth_method_id, identity_id, hash, prefix, description, num_uses_limit, ttl, created_at, updated_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
  RETURNING id`;

const REVOKE = `
  UPDATE latchkey.client_secrets SET revoked_at = $2, updated_at = $2 WHERE id = $1 AND revoked_at IS NULL
  RETURNING id`;

const LIVE_SECRET = `
  SELECT EXISTS (SELECT FROM used) AS "isCounted" FROM latchkey.client_secrets WHERE id = $1 AND revoked_at IS NULL`;

// Each use rehashes the secret with the present pepper, so that earlier secrets can be removed.
const SPEND_USE = `
  WITH used AS (
    UPDATE latchkey.client_secrets SET num_uses = num_uses + 1, last_used_at = greatest(last_used_at, $2), hash = $3
     WHERE id = $1 AND revoked_at IS NULL AND num_uses < num_uses_limit
    RETURNING 1
  )${LIVE_SECRET}`;

// Logins with a secret that has no limit do not wait for each other: of several simultaneous logins, one is counted.
const NOTE_USE = `
  WITH used AS (
    UPDATE latchkey.client_secrets SET num_uses = num_uses + 1, last_used_at = greatest(last_used_at, $2), hash = $3
     WHERE id = (SELECT id FROM latchkey.client_secrets
                  WHERE id = $1 AND revoked_at IS NULL FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING 1
  )${LIVE_SECRET}`;
