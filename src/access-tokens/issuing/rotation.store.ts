import { Injectable } from '@nestjs/common';
import type { TrustedIp } from '../../common/net/trusted-ips';
import { DURABLE } from '../../database/durable';
import type { SqlRunner } from '../../database/sql-runner';
import { USES_REFILLED } from '../uses-refilled';
import type { Signable } from './access-token.issuer';
import type { KeySettings } from './access-token.store';
import type { LifetimePolicy } from './lifetime';
import type { Replacement, RotationState } from './rotation';

/** The replacement of a token by another one. */
export interface TokenReplacement extends Replacement {
  readonly tokenId: string;
  /** The only organization it may belong to; null for any. */
  readonly organizationId: string | null;
}

/** A token that was replaced, as it was. */
export interface ReplacedToken {
  readonly tokenId: string;
  readonly identityId: string;
  readonly identityName: string;
  readonly organizationId: string;
  readonly name: string | null;
  readonly methodId: string;
  readonly authMethod: string;
  /** Whether it is a short key. */
  readonly isKey: boolean;
  readonly policy: LifetimePolicy;
  /** The policy of its method now. */
  readonly methodPolicy: LifetimePolicy;
  readonly methodTrustedIps: TrustedIp[];
  readonly numUsesLimit: number;
  /** Seconds; 0 if its JWT never expires. */
  readonly signedTTL: number;
  readonly key: KeySettings;
  /** The first key of its rotations: this one, if it replaced none. */
  readonly countedWith: string;
  /** The end that its JWT did not know of. */
  readonly endedBefore: Date | null;
  /** Uses that count against its limit. */
  readonly usesSpent: number;
  /** When it ends now. */
  readonly endsAt: Date;
}

/** A token as its JWT tells it. */
export type SuccessorToken = Signable & { readonly name: string | null; readonly expiresAt: Date | null };

/** The state of a token that could not be replaced. */
export interface Succession extends RotationState {
  readonly successor: SuccessorToken | null;
  /** The hash of the successor, if that is a short key. */
  readonly successorHash: Buffer | null;
}

/**
 * Writes that one token takes the place of another. Rows travel as JSON: a host's driver makes its own of times and numbers.
 */
@Injectable()
export class RotationStore {
  /** Puts another token in the place of one that is usable; undefined for any other. The caller inserts the new one. */
  async replace(run: SqlRunner, replacement: TokenReplacement): Promise<ReplacedToken | undefined> {
    const { tokenId, organizationId, by, key, at, endsAt } = replacement;
    const [row] = await run<{ told: string }>(REPLACE, [tokenId, organizationId, by, key, at, endsAt]);
    return row && replacedOf(JSON.parse(row.told) as RawReplaced);
  }

  /** The state of a token that `replace` did not replace; undefined where there is no such token. */
  async find(run: SqlRunner, tokenId: string, organizationId: string | null): Promise<Succession | undefined> {
    const [row] = await run<{ told: string }>(FIND, [tokenId, organizationId]);
    return row && successionOf(JSON.parse(row.told) as RawSuccession);
  }

  /** Ends the token that ends when this one is used. Does nothing where that was done before. */
  async endReplaced(run: SqlRunner, tokenId: string, at: Date): Promise<void> {
    await run(END_REPLACED, [tokenId, at]);
  }
}

const ms = (column: string) => `trunc(extract(epoch FROM ${column}) * 1000)`;

/** The part of a token `t` of the identity `i` that its JWT tells. */
const SIGNED = `
             'name', t.name, 'identityId', t.identity_id, 'organizationId', t.organization_id, 'identityName', i.name,
             'authMethod', t.auth_method, 'accessTokenTTL', t.access_token_ttl, 'accessTokenMaxTTL', t.access_token_max_ttl,
             'accessTokenPeriod', t.access_token_period, 'numUsesLimit', t.num_uses_limit`;

// The row is locked before it is read, and read again after a wait: of any number of calls one finds a token that is not replaced.
// Two tokens cannot share a limit: one that has a limit ends at once.
const REPLACE = `
  WITH durable AS MATERIALIZED (${DURABLE}
  ), token AS MATERIALIZED (
    SELECT t.id, jsonb_build_object(${SIGNED},
             'tokenId', t.id, 'methodId', a.id, 'signedTTL', t.signed_ttl, 'isEndGiven', t.is_end_given,
             'methodTTL', a.access_token_ttl, 'methodMaxTTL', a.access_token_max_ttl, 'methodPeriod', a.access_token_period,
             'methodTrustedIps', a.access_token_trusted_ips, 'isKey', t.key_hash IS NOT NULL, 'externalId', t.external_id, 'permissions', t.permissions,
             'metadata', t.metadata, 'trustedIps', t.trusted_ips, 'refillAmount', t.uses_refill_amount,
             'refillSeconds', t.uses_refill_interval, 'rateLimits', t.rate_limits, 'countedWith', coalesce(t.counted_with, t.id), 'endedMs', ${ms('t.ends_at')},
             'usesSpent', t.num_uses - ${USES_REFILLED}) AS told
      FROM durable CROSS JOIN latchkey.identity_access_tokens t
      JOIN latchkey.identities i ON i.id = t.identity_id
      JOIN latchkey.identity_auth_methods a ON a.id = t.auth_method_id
     WHERE t.id = $1 AND ($2::uuid IS NULL OR t.organization_id = $2) AND t.auth_method = 'token-auth'
       AND t.rotated_to IS NULL AND t.revoked_at IS NULL AND t.disabled_at IS NULL
       AND t.created_at >= latchkey.tokens_from()
       AND (t.expires_at IS NULL OR t.expires_at > $5) AND (t.ends_at IS NULL OR t.ends_at > $5)
       AND (t.num_uses_limit = 0 OR $6::timestamptz <= $5::timestamptz)
       FOR NO KEY UPDATE OF t
  )
  UPDATE latchkey.identity_access_tokens t
     SET rotated_to = $3, rotation_key = $4, ends_at = least(t.ends_at, $6), updated_at = $5
    FROM token WHERE t.id = token.id
  RETURNING (token.told || jsonb_build_object('endsMs', ${ms('t.ends_at')}))::text AS told`;

const FIND = `
  SELECT json_build_object(
           'isReplaced', o.rotated_to IS NOT NULL, 'rotationKey', encode(o.rotation_key, 'hex'), 'endsMs', ${ms('o.ends_at')},
           'successor', CASE WHEN t.id IS NOT NULL THEN json_build_object(${SIGNED},
             'id', t.id, 'createdMs', ${ms('t.created_at')}, 'expiresMs', ${ms('t.expires_at')},
             'keyHash', encode(t.key_hash, 'hex'), 'trustedIps', coalesce(t.trusted_ips, a.access_token_trusted_ips)) END)::text AS told
    FROM latchkey.identity_access_tokens o
    LEFT JOIN (latchkey.identity_access_tokens t
               JOIN latchkey.identities i ON i.id = t.identity_id
               JOIN latchkey.identity_auth_methods a ON a.id = t.auth_method_id)
      ON t.id = o.rotated_to AND t.revoked_at IS NULL
   WHERE o.id = $1 AND ($2::uuid IS NULL OR o.organization_id = $2) AND o.auth_method = 'token-auth'`;

const END_REPLACED = `
  WITH durable AS MATERIALIZED (${DURABLE}
  ), used AS MATERIALIZED (
    SELECT t.id, t.ends_token_id FROM latchkey.identity_access_tokens t, durable
     WHERE t.id = $1 AND t.ends_token_id IS NOT NULL FOR NO KEY UPDATE OF t
  ), ended AS (
    UPDATE latchkey.identity_access_tokens t SET ends_at = least(t.ends_at, $2), updated_at = $2
      FROM used WHERE t.id = used.ends_token_id AND t.rotated_to = used.id
  )
  UPDATE latchkey.identity_access_tokens t SET ends_token_id = NULL FROM used WHERE t.id = used.id
  RETURNING t.id`;

interface RawSigned extends Omit<Signable, 'id' | 'createdAt' | 'clientSecretId' | 'identityAuth' | 'trustedIps'> {
  readonly name: string | null;
}

interface RawReplaced extends RawSigned, Omit<KeySettings, 'usesRefill'> {
  readonly tokenId: string;
  readonly methodId: string;
  readonly signedTTL: number;
  readonly isKey: boolean;
  readonly methodTTL: number;
  readonly methodMaxTTL: number;
  readonly methodPeriod: number;
  readonly methodTrustedIps: TrustedIp[];
  readonly refillAmount: number;
  readonly refillSeconds: number;
  readonly usesSpent: number;
  readonly countedWith: string;
  readonly endedMs: number | null;
  readonly endsMs: number;
}

function replacedOf(raw: RawReplaced): ReplacedToken {
  const { tokenId, identityId, identityName, organizationId, name, methodId, authMethod, methodTrustedIps } = raw;
  const { externalId, permissions, metadata, trustedIps, rateLimits, isEndGiven, numUsesLimit, signedTTL, usesSpent } =
    raw;
  const usesRefill = raw.refillAmount > 0 ? { amount: raw.refillAmount, everySeconds: raw.refillSeconds } : null;
  return {
    ...{ tokenId, identityId, identityName, organizationId, name, methodId, authMethod, methodTrustedIps },
    ...{ numUsesLimit, signedTTL, usesSpent, isKey: raw.isKey, countedWith: raw.countedWith },
    policy: policyOf(raw.accessTokenTTL, raw.accessTokenMaxTTL, raw.accessTokenPeriod),
    methodPolicy: policyOf(raw.methodTTL, raw.methodMaxTTL, raw.methodPeriod),
    key: { externalId, permissions, metadata, trustedIps, rateLimits, isEndGiven, usesRefill },
    endedBefore: dateOf(raw.endedMs),
    endsAt: new Date(raw.endsMs),
  };
}

function policyOf(accessTokenTTL: number, accessTokenMaxTTL: number, accessTokenPeriod: number): LifetimePolicy {
  return { accessTokenTTL, accessTokenMaxTTL, accessTokenPeriod };
}

interface RawSuccession {
  readonly isReplaced: boolean;
  readonly rotationKey: string | null;
  readonly endsMs: number | null;
  readonly successor: RawSuccessor | null;
}

interface RawSuccessor extends RawSigned {
  readonly id: string;
  readonly createdMs: number;
  readonly expiresMs: number | null;
  /** In hexadecimal; null for a JWT. */
  readonly keyHash: string | null;
  readonly trustedIps: TrustedIp[];
}

function successionOf({ isReplaced, rotationKey, endsMs, successor }: RawSuccession): Succession {
  // A token that was replaced has an end.
  const endsAt = new Date(endsMs ?? NaN);
  if (successor === null) return { isReplaced, rotationKey, endsAt, successor, successorHash: null };
  const { keyHash, ...token } = successor;
  const successorHash = keyHash === null ? null : Buffer.from(keyHash, 'hex');
  return { isReplaced, rotationKey, endsAt, successor: successorOf(token), successorHash };
}

function successorOf({ createdMs, expiresMs, ...rest }: Omit<RawSuccessor, 'keyHash'>): SuccessorToken {
  const times = { createdAt: new Date(createdMs), expiresAt: dateOf(expiresMs) };
  return { ...rest, ...times, clientSecretId: null, identityAuth: null };
}

function dateOf(epochMs: number | null): Date | null {
  return epochMs === null ? null : new Date(epochMs);
}
