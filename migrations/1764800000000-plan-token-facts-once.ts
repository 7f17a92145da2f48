import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/**
 * What a verdict depends on, as a function: PostgreSQL plans the statements of one once for a connection, and planning this
 * one takes several times as long as running it. A prepared statement would do the same, but not through a pooler in
 * transaction mode.
 */
export class PlanTokenFactsOnce1764800000000 implements MigrationInterface {
  name = 'PlanTokenFactsOnce1764800000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, UP));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, DOWN));
  }
}

// Nodes of this version go on asking this function while those of the next one start: what a later one wants to know besides,
// it asks of a function by another name. One row always, its token null where there is none. The plan is made while the
// tables may still be empty, and must be right for millions: never by reading a table from end to end. PostgreSQL says so by a
// cost that is beyond all bounds, and would compile for hundreds of milliseconds what looks that dear.
const UP = `
  CREATE FUNCTION latchkey.token_facts(asked uuid) RETURNS TABLE (
    incarnation text, token_id uuid, token_name text, created_at timestamptz, expires_at timestamptz, revoked_at timestamptz,
    num_uses bigint, num_uses_limit integer, auth_method text, client_secret_id uuid, identity_auth json,
    access_token_ttl integer, access_token_max_ttl integer, access_token_period integer,
    identity_id uuid, identity_name text, is_instance_admin boolean,
    organization_id uuid, organization_name text, organization_slug text,
    role text, is_active boolean, secret_id uuid, secret_revoked_at timestamptz, metadata jsonb,
    method_id uuid, method_ttl integer, method_max_ttl integer, method_period integer, trusted_ips jsonb
  ) LANGUAGE plpgsql STABLE ROWS 1
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $$
  #variable_conflict use_column
  BEGIN
    RETURN QUERY
    SELECT latchkey.incarnation(), t.id, t.name, t.created_at, t.expires_at, t.revoked_at,
           t.num_uses, t.num_uses_limit, t.auth_method, t.client_secret_id, t.identity_auth,
           t.access_token_ttl, t.access_token_max_ttl, t.access_token_period,
           i.id, i.name, i.is_instance_admin, o.id, o.name, o.slug, m.role, m.is_active, s.id, s.revoked_at,
           (SELECT jsonb_object_agg(l.key, l.value) FROM latchkey.identity_metadata l WHERE l.identity_id = i.id),
           a.id, a.access_token_ttl, a.access_token_max_ttl, a.access_token_period, a.access_token_trusted_ips
      FROM (VALUES (asked)) AS one (id)
      LEFT JOIN latchkey.identity_access_tokens t ON t.id = one.id
      LEFT JOIN latchkey.identities i ON i.id = t.identity_id
      LEFT JOIN latchkey.organizations o ON o.id = t.organization_id
      LEFT JOIN latchkey.organization_memberships m
        ON m.organization_id = t.organization_id AND m.identity_id = t.identity_id
      LEFT JOIN latchkey.identity_auth_methods a ON a.id = t.auth_method_id
      LEFT JOIN latchkey.client_secrets s ON s.id = t.client_secret_id;
  END $$`;

const DOWN = 'DROP FUNCTION latchkey.token_facts';
