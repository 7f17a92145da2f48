import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/** Settings of auth methods, client secrets, and the count of wrong guesses. */
export class AddUniversalAuth1764200000000 implements MigrationInterface {
  name = 'AddUniversalAuth1764200000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [AUTH_METHODS, CLIENT_SECRETS, LOCKOUTS, TRIGGERS]) {
      await runner.query(inSchemaOf(runner, statement));
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, DROP));
  }
}

const AUTH_METHODS = `
  ALTER TABLE latchkey.identity_auth_methods
    ADD COLUMN config    jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN client_id uuid  CONSTRAINT uq_identity_auth_methods_client_id UNIQUE`;

// Counters stand in no index and leave room on the page. The identity is here once more, without a foreign key, because what
// notes that a secret is gone runs when its auth method is gone already.
const CLIENT_SECRETS = `
  CREATE TABLE latchkey.client_secrets (
    id             uuid    CONSTRAINT pk_client_secrets PRIMARY KEY DEFAULT gen_random_uuid(),
    auth_method_id uuid    NOT NULL CONSTRAINT fk_client_secrets_auth_method
                           REFERENCES latchkey.identity_auth_methods (id) ON DELETE CASCADE,
    identity_id    uuid    NOT NULL,
    hash           bytea   NOT NULL CONSTRAINT uq_client_secrets_hash UNIQUE,
    prefix         text    NOT NULL,
    description    text    NOT NULL,
    ttl            integer NOT NULL,
    num_uses_limit integer NOT NULL,
    num_uses       bigint  NOT NULL DEFAULT 0,
    last_used_at   timestamptz(3),
    revoked_at     timestamptz(3),
    created_at     timestamptz(3) NOT NULL DEFAULT now(),
    updated_at     timestamptz(3) NOT NULL DEFAULT now()
  ) WITH (fillfactor = 85);
  CREATE INDEX ix_client_secrets_list ON latchkey.client_secrets (auth_method_id, created_at, id)`;

// No foreign keys: guesses at clients that do not exist are counted too, or else their answers would tell them apart.
const LOCKOUTS = `
  CREATE TABLE latchkey.auth_lockouts (
    subject_id     uuid           CONSTRAINT pk_auth_lockouts PRIMARY KEY,
    auth_method_id uuid,
    failures       integer        NOT NULL,
    is_locked      boolean        NOT NULL,
    expires_at     timestamptz(3) NOT NULL
  ) WITH (fillfactor = 50);
  CREATE INDEX ix_auth_lockouts_auth_method ON latchkey.auth_lockouts (auth_method_id);
  CREATE INDEX ix_auth_lockouts_expires_at ON latchkey.auth_lockouts (expires_at)`;

// Uses of a secret change no verdict about a token that is out, nor do wrong guesses.
const TRIGGERS = `
  CREATE TRIGGER note_update AFTER UPDATE OF revoked_at ON latchkey.client_secrets
    FOR EACH ROW WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at)
    EXECUTE FUNCTION latchkey.note_changed_row('identity_id');
  CREATE TRIGGER note_delete AFTER DELETE ON latchkey.client_secrets
    FOR EACH ROW EXECUTE FUNCTION latchkey.note_changed_row('identity_id');
  CREATE TRIGGER note_truncate AFTER TRUNCATE ON latchkey.client_secrets
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey.note_everything()`;

const DROP = `
  DROP TABLE latchkey.auth_lockouts, latchkey.client_secrets;
  ALTER TABLE latchkey.identity_auth_methods DROP COLUMN client_id, DROP COLUMN config`;
