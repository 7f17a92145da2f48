import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { DatabaseUnavailableError } from '../common/errors/common.errors';
import type { TrustedIp } from '../common/net/trusted-ips';
import { GateDatabase } from '../database/gate-database';
import { Watermark } from '../watermark/watermark';
import type { IdentityAuth } from './access-token.claims';
import type { LifetimePolicy } from './lifetime';

/** Everything a verdict depends on, as the database holds it. */
export interface TokenFacts extends LifetimePolicy {
  readonly tokenId: string;
  readonly tokenName: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly numUses: number;
  readonly numUsesLimit: number;
  readonly authMethod: string;
  readonly clientSecretId: string | null;
  readonly identityAuth: IdentityAuth | null;
  /** Null when the token came from none, and when that is gone. */
  readonly clientSecret: { readonly revokedAt: Date | null } | null;
  readonly identityId: string;
  readonly identityName: string;
  readonly isInstanceAdmin: boolean;
  readonly organization: { readonly id: string; readonly name: string; readonly slug: string };
  /** The labels of the identity. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Null when the configuration the token was issued under is gone. */
  readonly method: (LifetimePolicy & { readonly trustedIps: readonly TrustedIp[] }) | null;
  /** Null when the identity is no member of the token's organization. */
  readonly membership: { readonly role: string; readonly isActive: boolean } | null;
}

/** Identities whose facts are kept once for all their tokens, at most. */
const SHARED = 10_000;
const BYTES_OF_NETWORK = 400;
const BYTES_OF_LABEL = 64;

/**
 * How much of a memory facts take, in entries of it: one, and one more for each kilobyte of labels and trusted networks.
 * What tokens of one identity share counts for each of them.
 */
export function weightOf({ metadata, method }: Pick<TokenFacts, 'metadata' | 'method'>): number {
  let bytes = (method?.trustedIps.length ?? 0) * BYTES_OF_NETWORK;
  for (const key in metadata) bytes += BYTES_OF_LABEL + 2 * (key.length + metadata[key]!.length);
  return 1 + Math.floor(bytes / 1_024);
}

/** Reads the facts about a token: one query, by primary key. */
@Injectable()
export class TokenFactsReader {
  private readonly shared = new LRUCache<string, SharedFacts>({
    max: SHARED,
    maxSize: SHARED,
    sizeCalculation: weightOf,
  });

  constructor(
    private readonly database: GateDatabase,
    private readonly watermark: Watermark,
  ) {}

  /**
   * Null when the token is not there. It goes only with its identity, or long after it ran out.
   *
   * @throws DatabaseUnavailableError when a standby answers, or a primary that has been replaced: what they say may be old.
   */
  async find(tokenId: string): Promise<TokenFacts | null> {
    let row = await this.read(tokenId);
    if (this.isForeign(row)) {
      // Most likely the database has just come back, and the watermark has not been told yet.
      await this.watermark.catchUp();
      row = await this.read(tokenId);
      if (this.isForeign(row)) {
        this.database.reconnect();
        throw new DatabaseUnavailableError(new Error('not the database that changes are read from'));
      }
    }
    return row.token_id === null ? null : factsOf(row, this.share(sharedOf(row)));
  }

  private async read(tokenId: string): Promise<FactsRow | NoRow> {
    const [row] = await this.database.query<FactsRow | NoRow>(FACTS, [tokenId]);
    if (!row || row.incarnation === null) throw new DatabaseUnavailableError(new Error('a standby'));
    return row;
  }

  /** Kept once for all of them, as long as it is the same. */
  private share(read: SharedFacts): SharedFacts {
    const key = `${read.identityId} ${read.authMethod}`;
    const known = this.shared.get(key);
    if (known !== undefined && isDeepStrictEqual(known, read)) return known;
    this.shared.set(key, read);
    return read;
  }

  private isForeign({ incarnation }: FactsRow | NoRow): boolean {
    return this.watermark.incarnation !== undefined && this.watermark.incarnation !== incarnation;
  }
}

// Planned once for a connection: see the migration that made the function.
const FACTS = 'SELECT * FROM latchkey.token_facts($1)';

interface NoRow {
  incarnation: string | null;
  token_id: null;
}

interface FactsRow {
  incarnation: string | null;
  token_id: string;
  token_name: string | null;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  num_uses: string;
  num_uses_limit: number;
  auth_method: string;
  client_secret_id: string | null;
  identity_auth: IdentityAuth | null;
  secret_id: string | null;
  secret_revoked_at: Date | null;
  access_token_ttl: number;
  access_token_max_ttl: number;
  access_token_period: number;
  identity_id: string;
  identity_name: string;
  is_instance_admin: boolean;
  organization_id: string;
  organization_name: string;
  organization_slug: string;
  metadata: Record<string, string> | null;
  role: string | null;
  is_active: boolean | null;
  method_id: string | null;
  method_ttl: number;
  method_max_ttl: number;
  method_period: number;
  trusted_ips: TrustedIp[];
}

/** What all tokens of an identity have in common that came from one method. */
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

function sharedOf(row: FactsRow): SharedFacts {
  return {
    authMethod: row.auth_method,
    identityId: row.identity_id,
    identityName: row.identity_name,
    isInstanceAdmin: row.is_instance_admin,
    organization: Object.freeze({
      id: row.organization_id,
      name: row.organization_name,
      slug: row.organization_slug,
    }),
    metadata: Object.freeze(row.metadata ?? {}),
    method: row.method_id === null ? null : methodOf(row),
    membership: row.role === null ? null : { role: row.role, isActive: row.is_active === true },
  };
}

function factsOf(row: FactsRow, shared: SharedFacts): TokenFacts {
  return {
    tokenId: row.token_id,
    tokenName: row.token_name,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    numUses: Number(row.num_uses),
    numUsesLimit: row.num_uses_limit,
    clientSecretId: row.client_secret_id,
    identityAuth: row.identity_auth,
    clientSecret: row.secret_id === null ? null : { revokedAt: row.secret_revoked_at },
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

function methodOf(row: FactsRow): NonNullable<TokenFacts['method']> {
  return {
    accessTokenTTL: row.method_ttl,
    accessTokenMaxTTL: row.method_max_ttl,
    accessTokenPeriod: row.method_period,
    trustedIps: row.trusted_ips,
  };
}
