import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/**
 * What a verdict depends on, in a form that no setting changes: booleans, and times as milliseconds. A timestamp that a client
 * fails to read looks like one that is not there. And a moment before which nothing that was issued is good any more.
 */
export class ReadTokenState1765100000000 implements MigrationInterface {
  name = 'ReadTokenState1765100000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [LIFE, CUTOFF, STATE]) await runner.query(inSchemaOf(runner, statement));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, DROP));
  }
}

// Names the life that the database leads: its timeline, the database itself, the start of its server, and the name that a crash
// takes. Files cannot be put back under a server that runs, so a database that was set back has been started since. Null on a
// standby; ends with a blank until somebody has given it a name.
const LIFE = `
  CREATE FUNCTION latchkey.life() RETURNS text LANGUAGE plpgsql STABLE AS $$
  BEGIN
    IF pg_is_in_recovery() THEN RETURN NULL; END IF;
    RETURN left(pg_walfile_name(pg_current_wal_lsn()), 8)
           || ' ' || (SELECT oid FROM pg_database WHERE datname = current_database())
           || ' ' || extract(epoch FROM pg_postmaster_start_time())
           || ' ' || coalesce((SELECT id::text FROM latchkey.incarnations), '');
  END $$`;

const CUTOFF = `
  ALTER TABLE latchkey.instance
    ADD COLUMN tokens_refused_before         timestamptz(3),
    ADD COLUMN client_secrets_refused_before timestamptz(3);

  CREATE TRIGGER note_update AFTER UPDATE OF tokens_refused_before, client_secrets_refused_before ON latchkey.instance
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey.note_everything();
  CREATE TRIGGER note_delete AFTER DELETE ON latchkey.instance
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey.note_everything();
  CREATE TRIGGER note_truncate AFTER TRUNCATE ON latchkey.instance
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey.note_everything();

  -- Null where the row that would say so is gone: then no client secret is good.
  CREATE FUNCTION latchkey.client_secrets_from() RETURNS timestamptz LANGUAGE sql STABLE
    RETURN (SELECT coalesce(client_secrets_refused_before, '-infinity') FROM latchkey.instance WHERE id = 1)`;

// Plans as token_facts does, which nodes of earlier versions go on asking. Times are numeric: text that no setting changes, and
// infinite where they are. Rows that a policy hides would look like rows that are gone: the statement then fails (42501).
const STATE = `
  CREATE FUNCTION latchkey.token_state(asked uuid) RETURNS TABLE (
    life text, has_instance boolean, token_id uuid, token_name text, created_ms numeric, expires_ms numeric, is_revoked boolean,
    num_uses bigint, num_uses_limit integer, auth_method text, client_secret_id uuid, identity_auth json,
    access_token_ttl integer, access_token_max_ttl integer, access_token_period integer,
    identity_id uuid, identity_name text, is_instance_admin boolean,
    organization_id uuid, organization_name text, organization_slug text,
    role text, is_active boolean, secret_id uuid, is_secret_revoked boolean, metadata jsonb,
    method_id uuid, method_ttl integer, method_max_ttl integer, method_period integer, trusted_ips jsonb
  ) LANGUAGE plpgsql STABLE ROWS 1
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off SET row_security = off AS $$
  #variable_conflict use_column
  BEGIN
    RETURN QUERY
    SELECT latchkey.life(), n.id IS NOT NULL, t.id, t.name,
           trunc(extract(epoch FROM t.created_at) * 1000), trunc(extract(epoch FROM t.expires_at) * 1000),
           t.revoked_at IS NOT NULL OR coalesce(t.created_at < n.tokens_refused_before, false),
           t.num_uses, t.num_uses_limit, t.auth_method, t.client_secret_id, t.identity_auth,
           t.access_token_ttl, t.access_token_max_ttl, t.access_token_period,
           i.id, i.name, i.is_instance_admin, o.id, o.name, o.slug, m.role, m.is_active,
           s.id, s.revoked_at IS NOT NULL OR coalesce(s.created_at < n.client_secrets_refused_before, false),
           (SELECT jsonb_object_agg(l.key, l.value) FROM latchkey.identity_metadata l WHERE l.identity_id = i.id),
           a.id, a.access_token_ttl, a.access_token_max_ttl, a.access_token_period, a.access_token_trusted_ips
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

const DROP = `
  DROP FUNCTION latchkey.token_state;
  DROP FUNCTION latchkey.client_secrets_from;
  DROP TRIGGER note_update ON latchkey.instance;
  DROP TRIGGER note_delete ON latchkey.instance;
  DROP TRIGGER note_truncate ON latchkey.instance;
  ALTER TABLE latchkey.instance DROP COLUMN client_secrets_refused_before, DROP COLUMN tokens_refused_before;
  DROP FUNCTION latchkey.life`;
