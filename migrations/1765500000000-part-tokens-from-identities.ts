import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/**
 * Removing an auth method or an identity no longer touches its tokens, of which there may be millions: they are dead because the
 * row of their method is gone. What is left of them is cleared up later, a little at a time.
 */
export class PartTokensFromIdentities1765500000000 implements MigrationInterface {
  name = 'PartTokensFromIdentities1765500000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [REMOVED_METHODS, TOKENS, CLIENT_SECRETS, ADMINISTRATORS]) {
      await runner.query(inSchemaOf(runner, statement));
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, DROP));
  }
}

// The id of a removed method is refused until its tokens are cleared up: a row that is put back by hand revives none of them.
const REMOVED_METHODS = `
  CREATE TABLE latchkey.removed_auth_methods (
    id              uuid        CONSTRAINT pk_removed_auth_methods PRIMARY KEY,
    identity_id     uuid        NOT NULL,
    method          text        NOT NULL,
    removed_at      timestamptz(3) NOT NULL DEFAULT now(),
    cleared_to_time timestamptz NOT NULL DEFAULT '-infinity',
    cleared_to_id   uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'
  );
  CREATE INDEX ix_removed_auth_methods_removed_at ON latchkey.removed_auth_methods (removed_at, id);

  CREATE FUNCTION latchkey.keep_removed_methods() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO latchkey.removed_auth_methods (id, identity_id, method)
    SELECT id, identity_id, method FROM gone ON CONFLICT DO NOTHING;
    RETURN NULL;
  END $$;
  CREATE TRIGGER keep_removed AFTER DELETE ON latchkey.identity_auth_methods
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION latchkey.keep_removed_methods();
  ALTER TABLE latchkey.identity_auth_methods ENABLE ALWAYS TRIGGER keep_removed;

  CREATE FUNCTION latchkey.refuse_removed_method() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF EXISTS (SELECT FROM latchkey.removed_auth_methods WHERE id = NEW.id) THEN
      RAISE EXCEPTION 'auth method % was removed, and its tokens with it: attach it with another id', NEW.id;
    END IF;
    RETURN NEW;
  END $$;
  CREATE TRIGGER refuse_removed BEFORE INSERT ON latchkey.identity_auth_methods
    FOR EACH ROW EXECUTE FUNCTION latchkey.refuse_removed_method()`;

const TOKENS = `
  ALTER TABLE latchkey.identity_access_tokens
    DROP CONSTRAINT fk_identity_access_tokens_identity,
    DROP CONSTRAINT fk_identity_access_tokens_organization`;

// Once for each identity of a statement, not once for each secret.
const CLIENT_SECRETS = `
  CREATE FUNCTION latchkey.note_deleted_secrets() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM latchkey.note_verdict_change(identity_id) FROM (SELECT DISTINCT identity_id FROM gone) AS holders;
    RETURN NULL;
  END $$;
  DROP TRIGGER note_delete ON latchkey.client_secrets;
  CREATE TRIGGER note_delete AFTER DELETE ON latchkey.client_secrets
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION latchkey.note_deleted_secrets();
  -- As the trigger before it: nodes believe their memory only where every change is noted, whoever makes it.
  ALTER TABLE latchkey.client_secrets ENABLE ALWAYS TRIGGER note_delete`;

// For the question whether an administrator is left.
const ADMINISTRATORS = `
  CREATE FUNCTION latchkey.tokens_from() RETURNS timestamptz LANGUAGE sql STABLE
    RETURN (SELECT coalesce(tokens_refused_before, '-infinity') FROM latchkey.instance WHERE id = 1);
  CREATE INDEX ix_organization_memberships_admin ON latchkey.organization_memberships (organization_id, identity_id)
    WHERE role = 'admin';
  CREATE INDEX ix_identities_instance_admin ON latchkey.identities (id) WHERE is_instance_admin`;

const DROP = `
  DROP FUNCTION latchkey.tokens_from;
  DROP INDEX latchkey.ix_identities_instance_admin, latchkey.ix_organization_memberships_admin;
  DROP TRIGGER note_delete ON latchkey.client_secrets;
  DROP FUNCTION latchkey.note_deleted_secrets;
  CREATE TRIGGER note_delete AFTER DELETE ON latchkey.client_secrets
    FOR EACH ROW EXECUTE FUNCTION latchkey.note_changed_row('identity_id');
  ALTER TABLE latchkey.client_secrets ENABLE ALWAYS TRIGGER note_delete;
  DELETE FROM latchkey.identity_access_tokens t
   WHERE NOT EXISTS (SELECT FROM latchkey.identities i WHERE i.id = t.identity_id)
      OR NOT EXISTS (SELECT FROM latchkey.organizations o WHERE o.id = t.organization_id);
  UPDATE latchkey.identity_access_tokens t SET revoked_at = now()
   WHERE t.revoked_at IS NULL AND NOT EXISTS (SELECT FROM latchkey.identity_auth_methods a WHERE a.id = t.auth_method_id);
  ALTER TABLE latchkey.identity_access_tokens
    ADD CONSTRAINT fk_identity_access_tokens_identity FOREIGN KEY (identity_id)
      REFERENCES latchkey.identities (id) ON DELETE CASCADE,
    ADD CONSTRAINT fk_identity_access_tokens_organization FOREIGN KEY (organization_id)
      REFERENCES latchkey.organizations (id) ON DELETE CASCADE;
  DROP FUNCTION latchkey.refuse_removed_method, latchkey.keep_removed_methods CASCADE;
  DROP TABLE latchkey.removed_auth_methods`;
