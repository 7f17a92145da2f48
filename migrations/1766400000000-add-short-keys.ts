import type { MigrationInterface, QueryRunner } from 'typeorm';
import { dropIndex, inShortTransaction } from '../src/database/build-index';

/** A token may be a short key instead of a JWT: it is found by the keyed hash of the key. */
export class AddShortKeys1766400000000 implements MigrationInterface {
  name = 'AddShortKeys1766400000000';

  /** Short transactions: each lock is held for a moment, and given up when it cannot be had. */
  transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, [COLUMNS]);
    await inShortTransaction(runner, [`CREATE UNIQUE INDEX IF NOT EXISTS ${INDEX} ON ${HASHES}`]);
    await inShortTransaction(runner, [FIND, NOTE]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, [DROP]);
    await dropIndex(runner, INDEX);
    await inShortTransaction(runner, [DROP_COLUMNS]);
  }
}

const COLUMNS = `
  ALTER TABLE latchkey.identity_access_tokens
    ADD COLUMN IF NOT EXISTS key_hash bytea,
    ADD COLUMN IF NOT EXISTS visible_start text`;

const INDEX = 'uq_identity_access_tokens_key_hash';
const HASHES = 'latchkey.identity_access_tokens (key_hash) WHERE key_hash IS NOT NULL';

// Always one row. Plans once for a connection, as the functions for the facts do.
const FIND = `
  CREATE OR REPLACE FUNCTION latchkey.token_with_key(hashes bytea[]) RETURNS TABLE (id uuid, hash bytea)
  LANGUAGE plpgsql STABLE ROWS 1
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off SET row_security = off AS $$
  #variable_conflict use_column
  BEGIN
    RETURN QUERY
    SELECT t.id, t.key_hash
      FROM (VALUES (1)) AS one (n) LEFT JOIN latchkey.identity_access_tokens t ON t.key_hash = ANY (hashes)
     LIMIT 1;
  END $$`;

// The expiry of a JWT stands in the JWT. That of a short key stands in its row alone, and a later one must be told too.
const NOTE = `
  DROP TRIGGER IF EXISTS note_later_expiry ON latchkey.identity_access_tokens;
  CREATE TRIGGER note_later_expiry AFTER UPDATE OF expires_at ON latchkey.identity_access_tokens FOR EACH ROW
    WHEN (NEW.key_hash IS NOT NULL AND OLD.expires_at IS DISTINCT FROM NEW.expires_at)
    EXECUTE FUNCTION latchkey.note_changed_token();
  ALTER TABLE latchkey.identity_access_tokens ENABLE ALWAYS TRIGGER note_later_expiry`;

const DROP = `
  DROP TRIGGER IF EXISTS note_later_expiry ON latchkey.identity_access_tokens;
  DROP FUNCTION IF EXISTS latchkey.token_with_key`;
const DROP_COLUMNS = `
  ALTER TABLE latchkey.identity_access_tokens DROP COLUMN IF EXISTS key_hash, DROP COLUMN IF EXISTS visible_start`;
