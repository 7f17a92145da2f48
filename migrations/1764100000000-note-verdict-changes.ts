import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/** What nodes that keep facts in memory must know: every change of something a verdict rests on. */
export class NoteVerdictChanges1764100000000 implements MigrationInterface {
  name = 'NoteVerdictChanges1764100000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [CHANGES, NODES, USE_BATCHES, FUNCTIONS, TRIGGERS, PRUNING]) {
      await runner.query(inSchemaOf(runner, statement));
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, DROP));
  }
}

// The transaction's own id stands beside the change: numbers from a sequence are not handed out in the order of commits,
// so that who reads on from the highest number seen misses what commits late. Snapshots miss nothing.
const CHANGES = `
  CREATE TABLE latchkey.verdict_changes (
    revision   bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_verdict_changes PRIMARY KEY,
    xid        xid8   NOT NULL DEFAULT pg_current_xact_id(),
    subject_id uuid   NOT NULL
  );
  CREATE INDEX ix_verdict_changes_xid ON latchkey.verdict_changes (xid)`;

// Unlogged: heartbeats are worthless after a crash, and cost no WAL.
const NODES = `
  CREATE UNLOGGED TABLE latchkey.nodes (
    id               uuid        CONSTRAINT pk_nodes PRIMARY KEY,
    name             text        NOT NULL,
    started_at       timestamptz NOT NULL,
    seen_at          timestamptz NOT NULL,
    confirmed        pg_snapshot NOT NULL,
    applied_revision bigint      NOT NULL
  ) WITH (fillfactor = 50)`;

const USE_BATCHES = `
  CREATE TABLE latchkey.use_batches (
    id         uuid        CONSTRAINT pk_use_batches PRIMARY KEY,
    written_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE INDEX ix_use_batches_written_at ON latchkey.use_batches (written_at)`;

// An acknowledged revocation survives a crash of the server also where the role's default says it need not.
const FUNCTIONS = `
  CREATE FUNCTION latchkey.note_verdict_change(subject uuid) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    IF current_setting('synchronous_commit') = 'off' THEN
      PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    INSERT INTO latchkey.verdict_changes (subject_id) VALUES (subject);
    PERFORM pg_notify('latchkey_verdict_changes', '');
  END $$;

  CREATE FUNCTION latchkey.note_changed_row() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF TG_OP <> 'INSERT' THEN
      PERFORM latchkey.note_verdict_change((to_jsonb(OLD) ->> TG_ARGV[0])::uuid);
    END IF;
    IF TG_OP = 'INSERT' OR TG_OP = 'UPDATE' AND to_jsonb(NEW) -> TG_ARGV[0] IS DISTINCT FROM to_jsonb(OLD) -> TG_ARGV[0] THEN
      PERFORM latchkey.note_verdict_change((to_jsonb(NEW) ->> TG_ARGV[0])::uuid);
    END IF;
    RETURN NULL;
  END $$;

  -- Tokens whose auth method is gone have been noted with it: there may be millions.
  CREATE FUNCTION latchkey.note_changed_token() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF EXISTS (SELECT FROM latchkey.identity_auth_methods WHERE id = OLD.auth_method_id) THEN
      PERFORM latchkey.note_verdict_change(NEW.id);
    END IF;
    RETURN NULL;
  END $$;

  CREATE FUNCTION latchkey.note_deleted_tokens() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM latchkey.note_verdict_change(identity_id) FROM (
      SELECT DISTINCT identity_id FROM gone
       WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())) AS holders;
    RETURN NULL;
  END $$;

  -- The nil uuid stands for everything there is.
  CREATE FUNCTION latchkey.note_everything() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM latchkey.note_verdict_change('00000000-0000-0000-0000-000000000000');
    RETURN NULL;
  END $$`;

const TRIGGERS = `
  CREATE TRIGGER note_update AFTER UPDATE OF name, slug ON latchkey.organizations
    FOR EACH ROW EXECUTE FUNCTION latchkey.note_changed_row('id');
  CREATE TRIGGER note_delete AFTER DELETE ON latchkey.organizations
    FOR EACH ROW EXECUTE FUNCTION latchkey.note_changed_row('id');

  CREATE TRIGGER note_update AFTER UPDATE OF name, organization_id, is_instance_admin ON latchkey.identities
    FOR EACH ROW EXECUTE FUNCTION latchkey.note_changed_row('id');
  CREATE TRIGGER note_delete AFTER DELETE ON latchkey.identities
    FOR EACH ROW EXECUTE FUNCTION latchkey.note_changed_row('id');

  CREATE TRIGGER note_insert AFTER INSERT ON latchkey.organization_memberships
    FOR EACH ROW EXECUTE FUNCTION latchkey.note_changed_row('identity_id');
  CREATE TRIGGER note_update
    AFTER UPDATE OF organization_id, identity_id, role, is_active ON latchkey.organization_memberships
    FOR EACH ROW EXECUTE FUNCTION latchkey.note_changed_row('identity_id');
  CREATE TRIGGER note_delete AFTER DELETE ON latchkey.organization_memberships
    FOR EACH ROW EXECUTE FUNCTION latchkey.note_changed_row('identity_id');

  CREATE TRIGGER note_update AFTER UPDATE ON latchkey.identity_auth_methods
    FOR EACH ROW EXECUTE FUNCTION latchkey.note_changed_row('identity_id');
  CREATE TRIGGER note_delete AFTER DELETE ON latchkey.identity_auth_methods
    FOR EACH ROW EXECUTE FUNCTION latchkey.note_changed_row('identity_id');

  CREATE TRIGGER note_update
    AFTER UPDATE OF identity_id, organization_id, auth_method_id, auth_method, name, access_token_ttl, access_token_max_ttl,
                    access_token_period, num_uses_limit, expires_at, revoked_at, client_secret_id
    ON latchkey.identity_access_tokens FOR EACH ROW
    WHEN ((OLD.identity_id, OLD.organization_id, OLD.auth_method_id, OLD.auth_method, OLD.name, OLD.access_token_ttl,
           OLD.access_token_max_ttl, OLD.access_token_period, OLD.num_uses_limit, OLD.revoked_at, OLD.client_secret_id)
          IS DISTINCT FROM
          (NEW.identity_id, NEW.organization_id, NEW.auth_method_id, NEW.auth_method, NEW.name, NEW.access_token_ttl,
           NEW.access_token_max_ttl, NEW.access_token_period, NEW.num_uses_limit, NEW.revoked_at, NEW.client_secret_id)
          -- A later expiry is no reason: the JWT that has it tells.
          OR NEW.expires_at < coalesce(OLD.expires_at, 'infinity'))
    EXECUTE FUNCTION latchkey.note_changed_token();
  CREATE TRIGGER note_delete AFTER DELETE ON latchkey.identity_access_tokens
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION latchkey.note_deleted_tokens();
  CREATE TRIGGER note_truncate AFTER TRUNCATE ON latchkey.identity_access_tokens
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey.note_everything();
  CREATE TRIGGER note_truncate AFTER TRUNCATE ON latchkey.organization_memberships
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey.note_everything();
  CREATE TRIGGER note_truncate AFTER TRUNCATE ON latchkey.identity_auth_methods
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey.note_everything()`;

const PRUNING = `
  CREATE INDEX ix_identity_access_tokens_expires_at ON latchkey.identity_access_tokens (expires_at);
  CREATE INDEX ix_identity_access_tokens_revoked_at ON latchkey.identity_access_tokens (revoked_at)
    WHERE expires_at IS NULL`;

const DROP = `
  DROP INDEX latchkey.ix_identity_access_tokens_revoked_at, latchkey.ix_identity_access_tokens_expires_at;
  DROP FUNCTION latchkey.note_everything, latchkey.note_deleted_tokens, latchkey.note_changed_token,
                latchkey.note_changed_row CASCADE;
  DROP FUNCTION latchkey.note_verdict_change;
  DROP TABLE latchkey.use_batches, latchkey.nodes, latchkey.verdict_changes`;
