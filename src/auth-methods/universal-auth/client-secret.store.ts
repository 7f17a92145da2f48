import { Injectable } from '@nestjs/common';
import type { Replacement, RotationState } from '../../access-tokens/issuing/rotation';
import { ClientSecret } from '../../database/entities/client-secret.entity';
import { DURABLE } from '../../database/durable';
import type { SqlRunner } from '../../database/sql-runner';
import { MAX_CLIENT_SECRETS, TooManyClientSecretsError } from './universal-auth.errors';

/** The row of a new client secret. The secret itself is stored nowhere. */
export type NewClientSecret = Pick<
  ClientSecret,
  'authMethodId' | 'identityId' | 'hash' | 'prefix' | 'description' | 'numUsesLimit' | 'ttl' | 'createdAt'
> &
  // A secret in the place of another one has these.
  Partial<Pick<ClientSecret, 'id' | 'numUses' | 'endsSecretId'>>;

/** One login with a client secret. */
export interface SecretUse {
  readonly secretId: string;
  readonly numUsesLimit: number;
  /** The secret that ends when this one is first used; null for none. */
  readonly endsSecretId: string | null;
  /** The hash of the secret under the present pepper. */
  readonly presentHash: Buffer;
  readonly at: Date;
}

/** A client secret, as a change by its id alone finds it. */
export interface SecretPlace {
  readonly clientSecretId: string;
  /** The only organization it may belong to; null for any. */
  readonly organizationId: string | null;
}

/** A client secret that was replaced, as it was. */
export interface ReplacedSecret {
  readonly authMethodId: string;
  readonly identityId: string;
  readonly organizationId: string;
  readonly description: string;
  readonly ttl: number;
  readonly numUsesLimit: number;
  readonly numUses: number;
}

/** The state of a client secret that could not be replaced. */
export interface SecretSuccession extends RotationState {
  readonly successor: ClientSecret | null;
  readonly organizationId: string;
}

/** The one writer of client secrets. Rows that a host's driver reads travel as JSON: it makes its own of times and numbers. */
@Injectable()
export class ClientSecretStore {
  async insert(run: SqlRunner, secret: NewClientSecret): Promise<ClientSecret> {
    const { authMethodId, identityId, hash, prefix, description, numUsesLimit, ttl, createdAt } = secret;
    const { id = null, numUses = 0, endsSecretId = null } = secret;
    const settings = [prefix, description, numUsesLimit, ttl, createdAt];
    const values = [authMethodId, identityId, hash, ...settings, id, numUses, endsSecretId];
    const [row] = await run<{ id: string }>(INSERT, values);
    const unused = { lastUsedAt: null, revokedAt: null, endsAt: null, rotatedTo: null, rotationKey: null };
    const all = { ...secret, ...row!, ...unused, numUses, endsSecretId, updatedAt: createdAt };
    return Object.assign(new ClientSecret(), all);
  }

  /** Exact while the caller holds the membership of the identity. @throws TooManyClientSecretsError */
  async requireRoom(run: SqlRunner, authMethodId: string, at: Date): Promise<void> {
    const [row] = await run<{ count: number }>(COUNT, [authMethodId, at]);
    if (row!.count >= MAX_CLIENT_SECRETS) throw new TooManyClientSecretsError();
  }

  /** The identity that has a secret; undefined where there is no such secret. */
  async holderOf(run: SqlRunner, { clientSecretId, organizationId }: SecretPlace): Promise<string | undefined> {
    const [row] = await run<{ holder: string }>(HOLDER, [clientSecretId, organizationId]);
    return row?.holder;
  }

  /** Puts another secret in the place of one that is usable; undefined for any other. The caller inserts the new one. */
  async replace(
    run: SqlRunner,
    { clientSecretId, organizationId }: SecretPlace,
    { by, key, at, endsAt }: Replacement,
  ): Promise<ReplacedSecret | undefined> {
    const [row] = await run<{ told: string }>(REPLACE, [clientSecretId, organizationId, by, key, at, endsAt]);
    return row && (JSON.parse(row.told) as ReplacedSecret);
  }

  /** The state of a secret that `replace` did not replace; undefined where there is no such secret. */
  async findSuccession(
    run: SqlRunner,
    { clientSecretId, organizationId }: SecretPlace,
  ): Promise<SecretSuccession | undefined> {
    const [row] = await run<{ told: string }>(FIND, [clientSecretId, organizationId]);
    return row && successionOf(JSON.parse(row.told) as RawSuccession);
  }

  /** Ends the secret that ends when this one is used. Does nothing where that was done before. */
  async endReplaced(run: SqlRunner, { secretId, endsSecretId, at }: SecretUse): Promise<void> {
    if (endsSecretId !== null) await run(END_REPLACED, [secretId, endsSecretId, at]);
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
         (auth_method_id, identity_id, hash, prefix, description, num_uses_limit, ttl, created_at, updated_at, id, num_uses, ends_secret_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, coalesce($9::uuid, gen_random_uuid()), $10, $11)
  RETURNING id`;

// Those that a list shows.
const COUNT = `
  SELECT count(*)::integer AS count FROM latchkey.client_secrets
   WHERE auth_method_id = $1 AND revoked_at IS NULL AND (ends_at IS NULL OR ends_at > $2)`;

const HOLDER = `
  SELECT s.identity_id AS holder FROM latchkey.client_secrets s JOIN latchkey.identities i ON i.id = s.identity_id
   WHERE s.id = $1 AND ($2::uuid IS NULL OR i.organization_id = $2)`;

// A call that has waited for the row reads it again: of any number of calls, one finds a secret that is not replaced. Two secrets
// cannot share a limit: one that has a limit ends at once.
const REPLACE = `
  WITH durable AS MATERIALIZED (${DURABLE}
  )
  UPDATE latchkey.client_secrets s SET rotated_to = $3, rotation_key = $4, ends_at = $6, updated_at = $5
    FROM durable, latchkey.identities i
   WHERE s.id = $1 AND i.id = s.identity_id AND ($2::uuid IS NULL OR i.organization_id = $2)
     AND s.rotated_to IS NULL AND s.revoked_at IS NULL AND s.created_at >= latchkey.client_secrets_from()
     AND (s.ttl = 0 OR s.created_at + s.ttl * interval '1 second' > $5)
     AND (s.num_uses_limit = 0 OR $6::timestamptz <= $5::timestamptz)
  RETURNING json_build_object(
              'authMethodId', s.auth_method_id, 'identityId', s.identity_id, 'organizationId', i.organization_id,
              'description', s.description, 'ttl', s.ttl, 'numUsesLimit', s.num_uses_limit, 'numUses', s.num_uses)::text AS told`;

const ms = (column: string) => `trunc(extract(epoch FROM ${column}) * 1000)`;

const FIND = `
  SELECT json_build_object(
           'isReplaced', o.rotated_to IS NOT NULL, 'rotationKey', encode(o.rotation_key, 'hex'), 'endsMs', ${ms('o.ends_at')},
           'organizationId', i.organization_id,
           'successor', CASE WHEN s.id IS NOT NULL THEN json_build_object(
             'id', s.id, 'authMethodId', s.auth_method_id, 'identityId', s.identity_id, 'hash', encode(s.hash, 'hex'),
             'prefix', s.prefix, 'description', s.description, 'ttl', s.ttl, 'numUsesLimit', s.num_uses_limit,
             'numUses', s.num_uses, 'createdAt', ${ms('s.created_at')}, 'updatedAt', ${ms('s.updated_at')},
             'lastUsedAt', ${ms('s.last_used_at')}, 'endsAt', ${ms('s.ends_at')}) END)::text AS told
    FROM latchkey.client_secrets o
    JOIN latchkey.identities i ON i.id = o.identity_id
    LEFT JOIN latchkey.client_secrets s ON s.id = o.rotated_to AND s.revoked_at IS NULL
   WHERE o.id = $1 AND ($2::uuid IS NULL OR i.organization_id = $2)`;

// The new secret first: logins with the secrets of a chain wait for each other in one direction only.
const END_REPLACED = `
  WITH used AS (
    UPDATE latchkey.client_secrets SET ends_secret_id = NULL WHERE id = $1 AND ends_secret_id = $2 RETURNING id
  )
  UPDATE latchkey.client_secrets s SET ends_at = least(s.ends_at, $3), updated_at = $3
    FROM used WHERE s.id = $2 AND s.rotated_to = used.id
  RETURNING s.id`;

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

type Times = 'createdAt' | 'updatedAt' | 'lastUsedAt' | 'endsAt';
type RawSecret = Omit<ClientSecret, Times | 'hash'> & { hash: string } & Record<Times, number | null>;

interface RawSuccession extends Pick<SecretSuccession, 'isReplaced' | 'rotationKey' | 'organizationId'> {
  readonly endsMs: number | null;
  readonly successor: RawSecret | null;
}

function successionOf({ endsMs, successor, ...rest }: RawSuccession): SecretSuccession {
  // A secret that was replaced has an end.
  return { ...rest, endsAt: new Date(endsMs ?? NaN), successor: successor && secretOf(successor) };
}

function secretOf({ hash, createdAt, updatedAt, lastUsedAt, endsAt, ...rest }: RawSecret): ClientSecret {
  const times = { createdAt: dateOf(createdAt), updatedAt: dateOf(updatedAt), lastUsedAt: dateOf(lastUsedAt) };
  const more = { hash: Buffer.from(hash, 'hex'), revokedAt: null, endsAt: dateOf(endsAt) };
  return Object.assign(new ClientSecret(), rest, times, more);
}

function dateOf(epochMs: number | null): Date | null {
  return epochMs === null ? null : new Date(epochMs);
}
