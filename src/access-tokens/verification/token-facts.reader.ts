import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { Party } from '../../common/async/query-context';
import { DatabaseUnavailableError } from '../../common/errors/common.errors';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import { readTrustedIps, type TrustedIp } from '../../common/net/trusted-ips';
import { isCount } from '../../database/counts';
import { VerificationPools } from '../../database/connections/verification-pools';
import { ChangeFeedService } from '../../change-feed/change-feed.service';
import { readOfPrimary } from '../../change-feed/primary-reads';
import type { AccessTokenClaims, IdentityAuth } from '../../database/entities/access-token.claims';
import type { LifetimePolicy } from '../issuing/lifetime';
import { type KeyFacts, keyOf, type KeyRow, labelsOf, momentOf } from './key-facts';
import { customRoleOf, type CustomRoleFacts, type CustomRoleRow, KnownRules } from './custom-role-facts';
import { weightOf } from './weight';
import type { CallerOrganization } from './verified-access-token';

/** The claims that name a token, its identity and its organization. */
export type TokenClaims = Pick<AccessTokenClaims, 'jti' | 'identityId' | 'orgId'>;

/** Everything that a verification depends on, as the database has it. */
export interface TokenFacts extends LifetimePolicy, KeyFacts {
  readonly tokenId: string;
  readonly tokenName: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  /** Also true for a token that is older than `refuse-issued-before` allows. */
  readonly isRevoked: boolean;
  /** The uses that count against the limit. Uses that were refilled do not. */
  readonly numUses: number;
  readonly numUsesLimit: number;
  readonly authMethod: string;
  readonly clientSecretId: string | null;
  readonly identityAuth: IdentityAuth | null;
  /** Null if no client secret was used, or if it was deleted. */
  readonly clientSecret: { readonly isRevoked: boolean } | null;
  readonly identityId: string;
  readonly identityName: string;
  readonly isInstanceAdmin: boolean;
  readonly organization: CallerOrganization;
  /** The labels of the identity. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Null if the configuration under which the token was issued is gone. */
  readonly method: (LifetimePolicy & { readonly trustedIps: readonly TrustedIp[] }) | null;
  /** Null if the identity is not a member of the token's organization. */
  readonly membership: MembershipFacts | null;
}

/** The role of the identity in the organization. */
export interface MembershipFacts {
  /** Its slug. */
  readonly role: string;
  readonly isActive: boolean;
  /** Null for a built-in role. */
  readonly customRole: CustomRoleFacts | null;
}

/** The most identities whose facts are kept once for all their tokens. */
const SHARED = 10_000;
/** Reads the facts of a token: one query, by primary key. */
@Injectable()
export class TokenFactsReader {
  private readonly shared = new LRUCache<string, SharedFacts>({
    max: SHARED,
    maxSize: SHARED,
    sizeCalculation: weightOf,
  });
  private readonly rules = new KnownRules();

  constructor(
    readonly database: VerificationPools,
    readonly changeFeed: ChangeFeedService,
  ) {}

  /**
   * Null if the token does not exist, or its identity does not.
   *
   * @throws DatabaseUnavailableError when a standby answers, or a replaced primary: their answers may be old.
   */
  async find({ jti, orgId, identityId }: TokenClaims): Promise<TokenFacts | null> {
    const party = { group: orgId, member: identityId, isCrowd: false };
    return this.factsOf(await this.trusted(() => this.read(FACTS, [jti], party)));
  }

  /**
   * The facts of the token that has a short key, and the one of the hashes under which it was found.
   *
   * @param hashes of the key, under every secret.
   * @throws DatabaseUnavailableError, as `find` does.
   */
  async findByKey(hashes: readonly Buffer[], party: Party): Promise<FoundKey> {
    const row = await this.trusted(() => this.read(FACTS_BY_KEY, [hashes], party));
    return { facts: this.factsOf(row), hash: row.key_hash ?? null };
  }

  private factsOf(row: FactsRow | NoRow): TokenFacts | null {
    return readingOf(row, (token) => factsOf(token, this.share(sharedOf(token, this.rules))));
  }

  private trusted(read: () => Promise<FactsRow | NoRow>): Promise<FactsRow | NoRow> {
    return readOfPrimary<FactsRow | NoRow>(this, read);
  }

  private async read(sql: string, parameters: unknown[], party: Party): Promise<FactsRow | NoRow> {
    const [row] = await this.database.query<FactsRow | NoRow>(sql, parameters, party);
    if (!row || row.life === null) throw new DatabaseUnavailableError(new Error('a standby'));
    return row;
  }

  /** Returns one shared object for all tokens of an identity, as long as their facts are equal. */
  private share(read: SharedFacts): SharedFacts {
    const key = `${read.identityId} ${read.authMethod}`;
    const known = this.shared.get(key);
    if (known !== undefined && isDeepStrictEqual(known, read)) return known;
    this.shared.set(key, read);
    return read;
  }
}

// PostgreSQL plans the function once per connection: see the migration that created it.
const ROLE = `
  LEFT JOIN LATERAL latchkey.custom_role_of(state.role, state.organization_id, state.identity_id) AS custom ON true`;
const COLUMNS =
  'state.*, custom.id AS custom_role_id, custom.slug AS custom_role_slug, custom.rules AS custom_role_rules, latchkey.rate_limits_of(state.token_id) AS rate_limits, latchkey.counted_with(state.token_id) AS counted_with';

const FACTS = `SELECT ${COLUMNS} FROM latchkey.token_state_of_key($1) AS state ${ROLE}`;

// The same for the row that has the key. A key that no row has leads to a row without a token.
const FACTS_BY_KEY = `
  SELECT ${COLUMNS}, found.hash AS key_hash
    FROM latchkey.token_with_key($1) AS found CROSS JOIN LATERAL latchkey.token_state_of_key(found.id) AS state ${ROLE}`;

/** The token that was found by a short key. */
export interface FoundKey {
  /** Null if no token has the key, or its identity is gone. */
  readonly facts: TokenFacts | null;
  readonly hash: Buffer | null;
}

interface NoRow {
  life: string | null;
  has_instance: boolean;
  token_id: null;
  key_hash?: Buffer | null;
}

/** The raw row; the numbers of milliseconds may be infinite. */
interface FactsRow extends KeyRow, CustomRoleRow {
  life: string | null;
  has_instance: boolean;
  token_id: string;
  token_name: string | null;
  created_ms: string;
  expires_ms: string | null;
  is_revoked: boolean;
  num_uses: string;
  num_uses_limit: number;
  auth_method: string;
  client_secret_id: string | null;
  identity_auth: IdentityAuth | null;
  secret_id: string | null;
  is_secret_revoked: boolean;
  access_token_ttl: number;
  access_token_max_ttl: number;
  access_token_period: number;
  /** Null if the identity is gone and its tokens still exist, because the trigger that deletes them was switched off. */
  identity_id: string | null;
  identity_name: string;
  is_instance_admin: boolean;
  organization_id: string | null;
  organization_name: string;
  organization_slug: string;
  metadata: unknown;
  is_active: boolean | null;
  method_id: string | null;
  method_ttl: number;
  method_max_ttl: number;
  method_period: number;
  trusted_ips: unknown;
  organization_external_id: string | null;
  key_hash?: Buffer | null;
}

type WholeRow = FactsRow & { readonly identity_id: string; readonly organization_id: string };

/** Reads a row strictly: a value of the wrong type leads to 503, and is never skipped. */
function readingOf(row: FactsRow | NoRow, factsOf: (row: WholeRow) => TokenFacts): TokenFacts | null {
  try {
    if (!row.has_instance) throw new UnreadableValueError('no word on what is refused as too old');
    if (row.token_id === null || !isWhole(row)) return null;
    requireKinds(row);
    return factsOf(row);
  } catch (error) {
    throw error instanceof UnreadableValueError ? new DatabaseUnavailableError(error) : error;
  }
}

function isWhole(row: FactsRow): row is WholeRow {
  return row.identity_id !== null && row.organization_id !== null;
}

const BOOLEANS = ['is_revoked', 'is_disabled', 'is_rotated', 'is_secret_revoked', 'is_instance_admin'] as const;
const NUMBERS = ['num_uses_limit', 'access_token_ttl', 'access_token_max_ttl', 'access_token_period'] as const;
const NUMBERS_OF_METHOD = ['method_ttl', 'method_max_ttl', 'method_period'] as const;

function requireKinds(row: FactsRow): void {
  const numbers = row.method_id === null ? NUMBERS : [...NUMBERS, ...NUMBERS_OF_METHOD];
  const isActiveKnown = row.role === null || typeof row.is_active === 'boolean';
  const isRead = BOOLEANS.every((name) => typeof row[name] === 'boolean') && isActiveKnown;
  if (!isRead || !numbers.every((name) => isCount(row[name]))) {
    throw new UnreadableValueError('a fact about a token');
  }
}

function countOf(text: string): number {
  const count = Number(text);
  if (!isCount(count)) throw new UnreadableValueError('a count');
  return count;
}

/** The facts that all tokens of an identity from one method have in common. */
type SharedFacts = Pick<
  TokenFacts,
  | 'authMethod'
  | 'identityId'
  | 'identityName'
  | 'isInstanceAdmin'
  | 'organization'
  | 'metadata'
  | 'method'
  | 'membership'
>;

function sharedOf(row: WholeRow, rules: KnownRules): SharedFacts {
  return {
    authMethod: row.auth_method,
    identityId: row.identity_id,
    identityName: row.identity_name,
    isInstanceAdmin: row.is_instance_admin,
    organization: Object.freeze({
      id: row.organization_id,
      name: row.organization_name,
      slug: row.organization_slug,
      externalId: row.organization_external_id,
    }),
    metadata: labelsOf(row.metadata),
    method: row.method_id === null ? null : methodOf(row),
    membership: membershipOf(row, rules),
  };
}

function factsOf(row: FactsRow, shared: SharedFacts): TokenFacts {
  return {
    tokenId: row.token_id,
    tokenName: row.token_name,
    createdAt: momentOf(row.created_ms),
    expiresAt: row.expires_ms === null ? null : momentOf(row.expires_ms),
    isRevoked: row.is_revoked,
    ...keyOf(row),
    numUses: countOf(row.num_uses),
    numUsesLimit: row.num_uses_limit,
    clientSecretId: row.client_secret_id,
    identityAuth: row.identity_auth,
    clientSecret: row.secret_id === null ? null : { isRevoked: row.is_secret_revoked },
    accessTokenTTL: row.access_token_ttl,
    accessTokenMaxTTL: row.access_token_max_ttl,
    accessTokenPeriod: row.access_token_period,
    authMethod: shared.authMethod,
    identityId: shared.identityId,
    identityName: shared.identityName,
    isInstanceAdmin: shared.isInstanceAdmin,
    organization: shared.organization,
    metadata: shared.metadata,
    method: shared.method,
    membership: shared.membership,
  };
}

function membershipOf(row: FactsRow, rules: KnownRules): MembershipFacts | null {
  if (row.role === null) return null;
  const customRole = customRoleOf(row, rules);
  return { role: customRole?.slug ?? row.role, isActive: row.is_active === true, customRole };
}

function methodOf(row: FactsRow): NonNullable<TokenFacts['method']> {
  return {
    accessTokenTTL: row.method_ttl,
    accessTokenMaxTTL: row.method_max_ttl,
    accessTokenPeriod: row.method_period,
    trustedIps: readTrustedIps(row.trusted_ips),
  };
}
