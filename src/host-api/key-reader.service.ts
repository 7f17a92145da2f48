import { Injectable } from '@nestjs/common';
import { methodRemovedAt } from '../access-tokens/issuing/access-token.store';
import { type RateLimit, readRateLimits } from '../access-tokens/issuing/rate-limits';
import type { TokenPermissions } from '../access-tokens/issuing/token-permissions';
import { Clock } from '../common/clock/clock';
import { DatabaseUnavailableError } from '../common/errors/common.errors';
import { isId } from '../common/ids';
import { type TrustedIp } from '../common/net/trusted-ips';
import { SEES_ALL_ROWS } from '../database/schema';
import type { SqlRunner } from '../database/sql-runner';
import { TOKEN_AUTH } from '../token-auth/token-auth.definition';
import { decodeCursor, encodeCursor, FIRST_POSITION, hostLimitOf } from './page';

/** How many keys are looked through for a page of those in one state. */
const MOST_LOOKED_THROUGH = 1_000;

/** How the next request with a key would find it. */
export type AccessTokenState = 'active' | 'disabled' | 'used-up' | 'expired' | 'rotated' | 'revoked';

export const STATES: readonly AccessTokenState[] = ['active', 'disabled', 'used-up', 'expired', 'rotated', 'revoked'];

/** Uses that come back: at each interval `amount` of them, and never more than `usesLimit` in all. */
export interface UsesRefill {
  /** 1 to 2147483647. */
  readonly amount: number;
  /** Seconds from one refill to the next, 1 to 315360000. */
  readonly everySeconds: number;
}

/** A key, without the token itself. */
export interface AccessTokenRecord {
  readonly tokenId: string;
  readonly identityId: string;
  readonly organizationId: string;
  readonly name: string | null;
  /** The prefix and the first characters of a short key; null for a JWT. */
  readonly visibleStart: string | null;
  /** The host's own id of the key. */
  readonly externalId: string | null;
  readonly state: AccessTokenState;
  /** Null for the permissions of the identity's role. */
  readonly permissions: TokenPermissions | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** Addresses and CIDR blocks; null for those of the identity. */
  readonly trustedIps: readonly string[] | null;
  /** How many times it was used. Uses without a limit are written about once a second. */
  readonly uses: number;
  /** Null for no limit. */
  readonly usesLimit: number | null;
  /** How many uses are left now; null for no limit. */
  readonly usesLeft: number | null;
  readonly usesRefill: UsesRefill | null;
  readonly rateLimits: readonly RateLimit[] | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** When it ends, also because another key takes its place; null if never. */
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
  readonly disabledAt: Date | null;
  /** The key in its place; null if there is none. */
  readonly rotatedTo: string | null;
}

/** One page of keys, newest first. */
export interface AccessTokenPage {
  readonly tokens: readonly AccessTokenRecord[];
  /** Where the next page begins; null on the last page. A page of one state may be short, or empty, before the last. */
  readonly nextCursor: string | null;
}

/** Which page of which keys. */
export interface KeyPageRequest {
  readonly of: { readonly identityId: string } | { readonly organizationId: string };
  /** The only organization that the keys may belong to; null for any. */
  readonly within: string | null;
  readonly cursor: string | undefined;
  readonly limit: number | undefined;
  readonly state: AccessTokenState | undefined;
}

/** Reads keys: rows of tokens that were issued by hand. Times travel as milliseconds, whatever a host's driver makes of others. */
@Injectable()
export class KeyReaderService {
  constructor(private readonly clock: Clock) {}

  async get(run: SqlRunner, tokenId: string, organizationId: string | null): Promise<AccessTokenRecord | null> {
    if (!isId(tokenId)) return null;
    return this.first(await run<RecordRow>(GET, [tokenId, organizationId, this.clock.now()]));
  }

  async find(run: SqlRunner, externalId: string, organizationId: string): Promise<AccessTokenRecord | null> {
    if (!isId(organizationId)) return null;
    return this.first(await run<RecordRow>(FIND, [externalId, organizationId, this.clock.now()]));
  }

  /** One statement, which reads along an index: the hundredth page costs what the first does. */
  async list(run: SqlRunner, request: KeyPageRequest): Promise<AccessTokenPage> {
    const { of, within, cursor, state = null } = request;
    const limit = hostLimitOf(request.limit);
    const id = 'identityId' in of ? of.identityId : of.organizationId;
    if (!isId(id)) return { tokens: [], nextCursor: null };
    const after = cursor === undefined ? FIRST_POSITION : decodeCursor(cursor);
    const looked = state === null ? limit + 1 : MOST_LOOKED_THROUGH;
    const place = [id, within, this.clock.now(), after.createdAt, after.id];
    const statement = 'identityId' in of ? LIST_OF_IDENTITY : LIST_OF_ORGANIZATION;
    const [row] = await run<PageRow>(statement, [...place, looked, state, limit + 1]);
    return pageOf(JSON.parse(row!.page) as Page, limit, looked);
  }

  private first([row]: RecordRow[]): AccessTokenRecord | null {
    return row?.token ? recordOf(JSON.parse(row.token) as RawRecord) : null;
  }
}

interface Page {
  readonly tokens: RawRecord[];
  readonly looked: number;
  readonly last: { readonly id: string; readonly createdMs: number } | null;
}

function pageOf({ tokens, looked, last }: Page, limit: number, mostLooked: number): AccessTokenPage {
  const shown = tokens.slice(0, limit);
  const end = tokens.length > limit ? shown.at(-1)! : looked === mostLooked ? last : null;
  const nextCursor =
    end && encodeCursor({ createdAt: new Date(end.createdMs), id: 'id' in end ? end.id : end.tokenId });
  return { tokens: shown.map(recordOf), nextCursor };
}

interface RecordRow {
  readonly token: string | null;
}

interface PageRow {
  readonly page: string;
}

type Times = 'createdAt' | 'updatedAt' | 'expiresAt' | 'lastUsedAt' | 'revokedAt' | 'disabledAt';

interface RawRecord extends Omit<AccessTokenRecord, Times | 'trustedIps' | 'usesLimit' | 'usesLeft' | 'usesRefill'> {
  readonly trustedIps: TrustedIp[] | null;
  readonly usesLimit: number;
  readonly usesSpent: number;
  readonly refillAmount: number;
  readonly refillSeconds: number;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly expiresMs: number | null;
  readonly lastUsedMs: number | null;
  readonly revokedMs: number | null;
  readonly disabledMs: number | null;
}

function recordOf(raw: RawRecord): AccessTokenRecord {
  const { tokenId, identityId, organizationId, name, externalId, state, permissions, metadata, uses, rotatedTo } = raw;
  const { visibleStart } = raw;
  const isLimited = raw.usesLimit > 0;
  return {
    ...{ tokenId, identityId, organizationId, name, visibleStart, externalId, state, permissions, uses, rotatedTo },
    metadata: metadata ?? {},
    trustedIps: raw.trustedIps?.map(textOf) ?? null,
    usesLimit: isLimited ? raw.usesLimit : null,
    usesLeft: isLimited ? Math.max(0, raw.usesLimit - raw.usesSpent) : null,
    usesRefill: raw.refillAmount > 0 ? { amount: raw.refillAmount, everySeconds: raw.refillSeconds } : null,
    rateLimits: rateLimitsOf(raw),
    createdAt: new Date(raw.createdMs),
    updatedAt: new Date(raw.updatedMs),
    expiresAt: dateOf(raw.expiresMs),
    lastUsedAt: dateOf(raw.lastUsedMs),
    revokedAt: dateOf(raw.revokedMs),
    disabledAt: dateOf(raw.disabledMs),
  };
}

/** @throws DatabaseUnavailableError for limits that a change by hand has left unreadable. */
function rateLimitsOf({ rateLimits }: RawRecord): readonly RateLimit[] | null {
  try {
    return readRateLimits(rateLimits);
  } catch (error) {
    throw new DatabaseUnavailableError(error);
  }
}

function dateOf(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}

function textOf({ ipAddress, prefix }: TrustedIp): string {
  return prefix === undefined ? ipAddress : `${ipAddress}/${prefix}`;
}

const ms = (column: string) => `trunc(extract(epoch FROM ${column}) * 1000)`;

const SPENT = `(t.num_uses - latchkey.uses_refilled(
                t.num_uses, t.uses_refill_amount, t.uses_refill_interval, t.uses_refilled, t.uses_refilled_at))`;

/** As the rules of a verification have it, at the moment $3. */
const STATE = `
  CASE WHEN t.revoked_at IS NOT NULL OR t.created_at < latchkey.tokens_from()
              OR NOT EXISTS (SELECT FROM latchkey.identity_auth_methods a WHERE a.id = t.auth_method_id) THEN 'revoked'
       WHEN t.expires_at <= $3::timestamptz THEN 'expired'
       WHEN t.ends_at <= $3::timestamptz THEN CASE WHEN t.rotated_to IS NULL THEN 'expired' ELSE 'rotated' END
       WHEN t.disabled_at IS NOT NULL THEN 'disabled'
       WHEN t.num_uses_limit > 0 AND ${SPENT} >= t.num_uses_limit THEN 'used-up'
       ELSE 'active' END`;

const RECORD = `
  json_build_object(
    'tokenId', t.id, 'identityId', t.identity_id, 'organizationId', t.organization_id, 'name', t.name, 'visibleStart', t.visible_start,
    'externalId', t.external_id, 'state', ${STATE}, 'permissions', t.permissions, 'metadata', t.metadata,
    'trustedIps', t.trusted_ips, 'uses', t.num_uses, 'usesLimit', t.num_uses_limit, 'usesSpent', ${SPENT},
    'rateLimits', t.rate_limits, 'refillAmount', t.uses_refill_amount, 'refillSeconds', t.uses_refill_interval, 'rotatedTo', t.rotated_to,
    'createdMs', ${ms('t.created_at')}, 'updatedMs', ${ms('t.updated_at')},
    'expiresMs', ${ms('least(t.expires_at, t.ends_at)')}, 'lastUsedMs', ${ms('t.last_used_at')},
    'revokedMs', ${ms(`coalesce(t.revoked_at, ${methodRemovedAt('t')})`)}, 'disabledMs', ${ms('t.disabled_at')})`;

const METHOD = `'${TOKEN_AUTH.slug}'`;

// A row that row-level security hides must not look like no row: the outer condition fails then.
const one = (condition: string) => `
  SELECT (SELECT (${RECORD})::text FROM latchkey.identity_access_tokens t
           WHERE ${condition} AND t.auth_method = ${METHOD}) AS token WHERE ${SEES_ALL_ROWS}`;

const GET = one('t.id = $1 AND ($2::uuid IS NULL OR t.organization_id = $2)');

// A key in place of another one has its id: the newest is the one that is meant.
const FIND = one('t.organization_id = $2 AND t.external_id = $1 AND t.rotated_to IS NULL');

const listOf = (column: string) => `
  WITH looked AS MATERIALIZED (
    SELECT t.id, t.created_at, ${STATE} AS state FROM latchkey.identity_access_tokens t
     WHERE t.${column} = $1 AND t.auth_method = ${METHOD} AND ($2::uuid IS NULL OR t.organization_id = $2)
       AND (t.created_at, t.id) < ($4, $5::uuid)
     ORDER BY t.created_at DESC, t.id DESC LIMIT $6
  ), found AS (
    SELECT l.id FROM looked l WHERE $7::text IS NULL OR l.state = $7 ORDER BY l.created_at DESC, l.id DESC LIMIT $8
  )
  SELECT json_build_object(
           'tokens', (SELECT coalesce(json_agg(${RECORD} ORDER BY t.created_at DESC, t.id DESC), '[]')
                        FROM found JOIN latchkey.identity_access_tokens t USING (id)),
           'looked', (SELECT count(*) FROM looked),
           'last', (SELECT json_build_object('id', l.id, 'createdMs', ${ms('l.created_at')})
                      FROM looked l ORDER BY l.created_at, l.id LIMIT 1))::text AS page
   WHERE ${SEES_ALL_ROWS}`;

const LIST_OF_IDENTITY = listOf('identity_id');
const LIST_OF_ORGANIZATION = listOf('organization_id');
