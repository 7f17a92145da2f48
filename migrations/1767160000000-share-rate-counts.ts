import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inShortTransaction } from '../src/database/build-index';

/** A key that takes the place of another one shares the count of its rate limits. */
export class ShareRateCounts1767160000000 implements MigrationInterface {
  name = 'ShareRateCounts1767160000000';

  /** Short transactions: each lock is held for a moment, and given up when it cannot be had. */
  transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, [COLUMN]);
    await inShortTransaction(runner, [READ]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, ['DROP FUNCTION IF EXISTS latchkey.counted_with']);
    await inShortTransaction(runner, [DROP_COLUMN]);
  }
}

// The first key of a chain of rotations. It is set when a key is made, and never changed: no node has to hear of it.
const COLUMN = 'ALTER TABLE latchkey.identity_access_tokens ADD COLUMN IF NOT EXISTS counted_with uuid';

// Beside the function for the facts, which nodes of the former version go on asking. Plans once for a connection, as that does.
const READ = `
  CREATE OR REPLACE FUNCTION latchkey.counted_with(asked uuid) RETURNS uuid
  LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off SET row_security = off AS $$
  BEGIN
    RETURN (SELECT t.counted_with FROM latchkey.identity_access_tokens t WHERE t.id = asked);
  END $$`;

const DROP_COLUMN = 'ALTER TABLE latchkey.identity_access_tokens DROP COLUMN IF EXISTS counted_with';
