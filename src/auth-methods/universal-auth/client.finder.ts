import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { LRUCache } from 'lru-cache';
import type { DataSource } from 'typeorm';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import { isId, NIL_ID } from '../../common/ids';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import { isCount } from '../../database/counts';
import { inSchemaOf, SEES_ALL_ROWS } from '../../database/schema';
import { DEFAULT_CONFIG, readConfig, type UniversalAuthConfig } from './universal-auth.config';

/** A client, as a login needs it. */
export interface FoundClient {
  /** The id of its configuration. */
  readonly id: string;
  readonly identityId: string;
}

export interface FoundSecret {
  readonly id: string;
  readonly hash: Buffer;
  readonly numUses: number;
  readonly numUsesLimit: number;
  readonly expiresAt: Date | null;
  /** The secret that ends when this one is first used; null for none. */
  readonly endsSecretId: string | null;
}

export interface Found {
  readonly client: FoundClient | null;
  /** The secret that was presented, unless it is revoked. */
  readonly secret: FoundSecret | null;
  /** For a client that does not exist, the settings of a new one: checking them takes the same time. */
  readonly config: UniversalAuthConfig;
}

const STAND_IN_CONFIG = JSON.stringify(DEFAULT_CONFIG);

/** The most characters of settings that are remembered, in total. */
const REMEMBERED = 4_000_000;

/**
 * Looks up a client and its secret by one statement that returns one row, whether the client exists or not. It reads as much in
 * both cases.
 */
@Injectable()
export class ClientFinder {
  // Kept by their text: long lists of addresses would take longer to parse than short ones, and so reveal that they exist.
  private readonly configs = new LRUCache<string, UniversalAuthConfig>({
    maxSize: REMEMBERED,
    sizeCalculation: (_config, text) => text.length,
  });

  constructor(@InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource) {}

  async find(clientId: string, hashes: readonly Buffer[]): Promise<Found> {
    const [row] = await this.dataSource.query<[FoundRow]>(inSchemaOf(this.dataSource, FIND), [
      isId(clientId) ? clientId : NIL_ID,
      hashes,
      STAND_IN_CONFIG,
    ]);
    const client = row.client === null ? null : { id: row.client, identityId: row.identity_id };
    return { client, secret: secretOf(row), config: this.configOf(row.config) };
  }

  private configOf(text: string): UniversalAuthConfig {
    const known = this.configs.get(text);
    if (known !== undefined) return known;
    const config = readConfig(JSON.parse(text));
    this.configs.set(text, config);
    return config;
  }
}

const FIND = `
  SELECT a.id AS client, a.identity_id, coalesce(a.config, asked.config)::text AS config,
         s.id AS secret, s.hash, s.num_uses, s.num_uses_limit, s.ttl,
         least(CASE WHEN s.ttl > 0 THEN s.created_at + s.ttl * interval '1 second' END, s.ends_at) AS expires_at,
         s.ends_secret_id
    FROM (VALUES ($1::uuid, $3::jsonb)) AS asked (client_id, config)
    LEFT JOIN latchkey.identity_auth_methods a ON a.client_id = asked.client_id AND a.method = 'universal-auth'
    LEFT JOIN latchkey.client_secrets s
           ON s.auth_method_id = a.id AND s.hash = ANY ($2::bytea[]) AND s.revoked_at IS NULL
          AND s.created_at >= latchkey.client_secrets_from()
   WHERE ${SEES_ALL_ROWS}`;

interface FoundRow {
  client: string | null;
  identity_id: string;
  config: string;
  secret: string | null;
  hash: Buffer;
  num_uses: string;
  num_uses_limit: number;
  ttl: number;
  expires_at: Date | null;
  ends_secret_id: string | null;
}

/** @throws UnreadableValueError for a value that cannot be a count or a limit. */
function secretOf(row: FoundRow): FoundSecret | null {
  const { secret, hash, num_uses, num_uses_limit, ttl, expires_at: expiresAt, ends_secret_id: endsSecretId } = row;
  if (secret === null) return null;
  const numUses = Number(num_uses);
  if (![numUses, num_uses_limit, ttl].every(isCount)) throw new UnreadableValueError('the limits of a client secret');
  return { id: secret, hash, numUses, numUsesLimit: num_uses_limit, expiresAt, endsSecretId };
}
