import type { MigrationInterface, QueryRunner } from 'typeorm';
import { buildIndex, dropIndex, inShortTransaction } from '../src/database/build-index';

/**
 * What a host's customers need of a key: the host's own ids, labels, permissions, addresses, a pause, a successor and uses that
 * come back.
 */
export class AddKeys1766300000000 implements MigrationInterface {
  name = 'AddKeys1766300000000';

  /** Short transactions: each lock is held for a moment, and given up when it cannot be had. */
  transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, [ORGANIZATIONS, noteOrganization('name, slug, external_id')]);
    await inShortTransaction(runner, [TOKENS, noteToken(KEY_COLUMNS)]);
    await inShortTransaction(runner, [REFILLED, STATE, formerState(UNKNOWN_TO_FORMER_NODES)]);
    for (const [name, on] of UNIQUE) {
      await inShortTransaction(runner, [`CREATE UNIQUE INDEX IF NOT EXISTS ${name} ON ${on}`]);
    }
    for (const [name, on] of INDEXES) await buildIndex(runner, name, on);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [name] of [...INDEXES, ...UNIQUE]) await dropIndex(runner, name);
    await inShortTransaction(runner, [
      formerState(AS_BEFORE),
      'DROP FUNCTION IF EXISTS latchkey.token_state_of_key',
      'DROP FUNCTION IF EXISTS latchkey.uses_refilled',
    ]);
    await inShortTransaction(runner, [noteToken([]), DROP_OF_TOKENS]);
    await inShortTransaction(runner, [noteOrganization('name, slug'), DROP_OF_ORGANIZATIONS]);
  }
}

const ORGANIZATIONS = 'ALTER TABLE latchkey.organizations ADD COLUMN IF NOT EXISTS external_id text';
const DROP_OF_ORGANIZATIONS = 'ALTER TABLE latchkey.organizations DROP COLUMN IF EXISTS external_id';

// A token that was replaced keeps its row: `rotated_to` is the token in its place, and `ends_token_id` the one that ends when
// this one is first used. `ends_at` is an end that the JWT does not know of. `is_end_given` tells an end (or none) that the host
// gave from one that the policy of the method gave. `num_uses` never falls: the uses that have come
// back are counted beside it.
const COLUMNS: readonly [name: string, type: string][] = [
  ['external_id', 'text'],
  ['metadata', 'jsonb'],
  ['permissions', 'jsonb'],
  ['trusted_ips', 'jsonb'],
  ['is_end_given', 'boolean NOT NULL DEFAULT false'],
  ['disabled_at', 'timestamptz(3)'],
  ['ends_at', 'timestamptz(3)'],
  ['rotated_to', 'uuid'],
  ['rotation_key', 'bytea'],
  ['ends_token_id', 'uuid'],
  ['uses_refill_amount', 'integer NOT NULL DEFAULT 0'],
  ['uses_refill_interval', 'integer NOT NULL DEFAULT 0'],
  ['uses_refilled', 'bigint NOT NULL DEFAULT 0'],
  ['uses_refilled_at', 'timestamptz(3)'],
];

const TOKENS = `
  ALTER TABLE latchkey.identity_access_tokens
    ${COLUMNS.map(([name, type]) => `ADD COLUMN IF NOT EXISTS ${name} ${type}`).join(',\n    ')}`;
const DROP_OF_TOKENS = `
  ALTER TABLE latchkey.identity_access_tokens
    ${COLUMNS.map(([name]) => `DROP COLUMN IF EXISTS ${name}`).join(',\n    ')}`;

const UNIQUE: [name: string, on: string][] = [
  ['uq_organizations_external_id', 'latchkey.organizations (external_id) WHERE external_id IS NOT NULL'],
  [
    // The key in place of another one has its id.
    'uq_identity_access_tokens_external_id',
    `latchkey.identity_access_tokens (organization_id, external_id)
      WHERE external_id IS NOT NULL AND rotated_to IS NULL`,
  ],
];

const INDEXES: [name: string, on: string][] = [
  [
    'ix_identity_access_tokens_keys',
    `latchkey.identity_access_tokens (organization_id, created_at, id) WHERE auth_method = 'token-auth'`,
  ],
  [
    'ix_identity_access_tokens_ends_at',
    `latchkey.identity_access_tokens (ends_at) WHERE ends_at IS NOT NULL AND expires_at IS NULL`,
  ],
];

// The caller's organization is told to the host by the host's own id.
function noteOrganization(columns: string): string {
  return `
  DROP TRIGGER IF EXISTS note_update ON latchkey.organizations;
  CREATE TRIGGER note_update AFTER UPDATE OF ${columns} ON latchkey.organizations
    FOR EACH ROW EXECUTE FUNCTION latchkey.note_changed_row('id');
  ALTER TABLE latchkey.organizations ENABLE ALWAYS TRIGGER note_update`;
}

const KEY_COLUMNS: readonly string[] = [
  'external_id',
  'metadata',
  'permissions',
  'trusted_ips',
  'disabled_at',
  'ends_at',
  'rotated_to',
  'ends_token_id',
  'uses_refill_amount',
  'uses_refill_interval',
];

/** The trigger of 1764100000000, with further columns. */
function noteToken(further: readonly string[]): string {
  const noted = [
    ...['identity_id', 'organization_id', 'auth_method_id', 'auth_method', 'name', 'access_token_ttl'],
    ...['access_token_max_ttl', 'access_token_period', 'num_uses_limit', 'revoked_at', 'client_secret_id'],
    ...further,
  ];
  const of = (row: string) => `(${noted.map((column) => `${row}.${column}`).join(', ')})`;
  return `
  DROP TRIGGER IF EXISTS note_update ON latchkey.identity_access_tokens;
  CREATE TRIGGER note_update AFTER UPDATE OF ${noted.join(', ')}, expires_at ON latchkey.identity_access_tokens FOR EACH ROW
    WHEN (${of('OLD')} IS DISTINCT FROM ${of('NEW')}
          -- A later expiry is no reason: the JWT that has it tells.
          OR NEW.expires_at < coalesce(OLD.expires_at, 'infinity'))
    EXECUTE FUNCTION latchkey.note_changed_token();
  ALTER TABLE latchkey.identity_access_tokens ENABLE ALWAYS TRIGGER note_update`;
}

// How many of the uses have come back by now: at each interval some, and never more than were spent.
const REFILLED = `
  CREATE OR REPLACE FUNCTION latchkey.uses_refilled(
    num_uses bigint, amount integer, seconds integer, refilled bigint, refilled_at timestamptz
  ) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN amount <= 0 OR seconds <= 0 OR refilled_at IS NULL OR refilled_at > now() THEN refilled
                ELSE least(num_uses, refilled + amount * floor(extract(epoch FROM now() - refilled_at) / seconds)::bigint) END
  $$`;

const TYPES = `
    life text, has_instance boolean, token_id uuid, token_name text, created_ms numeric, expires_ms numeric, is_revoked boolean,
    num_uses bigint, num_uses_limit integer, auth_method text, client_secret_id uuid, identity_auth json,
    access_token_ttl integer, access_token_max_ttl integer, access_token_period integer,
    identity_id uuid, identity_name text, is_instance_admin boolean,
    organization_id uuid, organization_name text, organization_slug text,
    role text, is_active boolean, secret_id uuid, is_secret_revoked boolean, metadata jsonb,
    method_id uuid, method_ttl integer, method_max_ttl integer, method_period integer, trusted_ips jsonb`;

interface Told {
  readonly expires: string;
  readonly isRevoked: string;
  readonly numUses: string;
  readonly trustedIps: string;
  /** Columns after the common ones. */
  readonly further?: string;
}

function body({ expires, isRevoked, numUses, trustedIps, further = '' }: Told): string {
  return `LANGUAGE plpgsql STABLE ROWS 1
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off SET row_security = off AS $$
  #variable_conflict use_column
  BEGIN
    RETURN QUERY
    SELECT latchkey.life(), n.id IS NOT NULL, t.id, t.name,
           trunc(extract(epoch FROM t.created_at) * 1000), trunc(extract(epoch FROM ${expires}) * 1000),
           ${isRevoked} OR coalesce(t.created_at < n.tokens_refused_before, false),
           ${numUses}, t.num_uses_limit, t.auth_method, t.client_secret_id, t.identity_auth,
           t.access_token_ttl, t.access_token_max_ttl, t.access_token_period,
           i.id, i.name, i.is_instance_admin, o.id, o.name, o.slug, m.role, m.is_active,
           s.id, s.revoked_at IS NOT NULL OR coalesce(s.created_at < n.client_secrets_refused_before, false),
           (SELECT jsonb_object_agg(l.key, l.value) FROM latchkey.identity_metadata l WHERE l.identity_id = i.id),
           a.id, a.access_token_ttl, a.access_token_max_ttl, a.access_token_period, ${trustedIps}${further}
      FROM (VALUES (asked)) AS one (id)
      LEFT JOIN latchkey.instance n ON n.id = 1
      LEFT JOIN latchkey.identity_access_tokens t ON t.id = one.id
      LEFT JOIN latchkey.identities i ON i.id = t.identity_id
      LEFT JOIN latchkey.organizations o ON o.id = t.organization_id
      LEFT JOIN latchkey.organization_memberships m
        ON m.organization_id = t.organization_id AND m.identity_id = t.identity_id
      LEFT JOIN latchkey.identity_auth_methods a ON a.id = t.auth_method_id
      LEFT JOIN latchkey.client_secrets s ON s.id = t.client_secret_id;
  END $$`;
}

const AS_BEFORE: Told = {
  expires: 't.expires_at',
  isRevoked: 't.revoked_at IS NOT NULL',
  numUses: 't.num_uses',
  trustedIps: 'a.access_token_trusted_ips',
};

// A node of the former version knows no permissions of a key and no pause: to it, such a key is revoked. Addresses and ends it
// knows by the names it has for them.
const UNKNOWN_TO_FORMER_NODES: Told = {
  expires: 'least(t.expires_at, t.ends_at)',
  isRevoked: '(t.revoked_at IS NOT NULL OR t.disabled_at IS NOT NULL OR t.permissions IS NOT NULL)',
  numUses: 't.num_uses',
  trustedIps: 'CASE WHEN a.id IS NULL THEN NULL ELSE coalesce(t.trusted_ips, a.access_token_trusted_ips) END',
};

/** The function of 1765100000000, which nodes of that version go on asking. */
function formerState(told: Told): string {
  return `CREATE OR REPLACE FUNCTION latchkey.token_state(asked uuid) RETURNS TABLE (${TYPES}
  ) ${body(told)}`;
}

// The uses that count against the limit are told, not those there ever were.
const STATE = `
  CREATE OR REPLACE FUNCTION latchkey.token_state_of_key(asked uuid) RETURNS TABLE (${TYPES},
    external_id text, organization_external_id text, is_disabled boolean, ends_ms numeric, is_rotated boolean,
    ends_token_id uuid, permissions jsonb, key_metadata jsonb, key_trusted_ips jsonb
  ) ${body({
    ...AS_BEFORE,
    numUses: `t.num_uses - latchkey.uses_refilled(
             t.num_uses, t.uses_refill_amount, t.uses_refill_interval, t.uses_refilled, t.uses_refilled_at)`,
    further: `,
           t.external_id, o.external_id, t.disabled_at IS NOT NULL, trunc(extract(epoch FROM t.ends_at) * 1000),
           t.rotated_to IS NOT NULL, t.ends_token_id, t.permissions, t.metadata, t.trusted_ips`,
  })}`;
