import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inShortTransaction } from '../src/database/build-index';

/** A key may be held to so many requests in a period. */
export class AddRateLimits1766500000000 implements MigrationInterface {
  name = 'AddRateLimits1766500000000';

  /** Short transactions: each lock is held for a moment, and given up when it cannot be had. */
  transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, [COLUMN]);
    await inShortTransaction(runner, [READ, NOTE]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, [DROP]);
    await inShortTransaction(runner, [DROP_COLUMN]);
  }
}

const COLUMN = 'ALTER TABLE latchkey.identity_access_tokens ADD COLUMN IF NOT EXISTS rate_limits jsonb';

// Beside the function for the facts, which nodes of the former version go on asking. Plans once for a connection, as that does.
const READ = `
  CREATE OR REPLACE FUNCTION latchkey.rate_limits_of(asked uuid) RETURNS jsonb
  LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off SET row_security = off AS $$
  BEGIN
    RETURN (SELECT t.rate_limits FROM latchkey.identity_access_tokens t WHERE t.id = asked);
  END $$`;

const NOTE = `
  DROP TRIGGER IF EXISTS note_rate_limits ON latchkey.identity_access_tokens;
  CREATE TRIGGER note_rate_limits AFTER UPDATE OF rate_limits ON latchkey.identity_access_tokens FOR EACH ROW
    WHEN (OLD.rate_limits IS DISTINCT FROM NEW.rate_limits)
    EXECUTE FUNCTION latchkey.note_changed_token();
  ALTER TABLE latchkey.identity_access_tokens ENABLE ALWAYS TRIGGER note_rate_limits`;

const DROP = `
  DROP TRIGGER IF EXISTS note_rate_limits ON latchkey.identity_access_tokens;
  DROP FUNCTION IF EXISTS latchkey.rate_limits_of`;
const DROP_COLUMN = 'ALTER TABLE latchkey.identity_access_tokens DROP COLUMN IF EXISTS rate_limits';
