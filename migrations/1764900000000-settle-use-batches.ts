import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/** What became of a batch of uses, for the node that was not told. */
export class SettleUseBatches1764900000000 implements MigrationInterface {
  name = 'SettleUseBatches1764900000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, UP));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, DOWN));
  }
}

// A batch that is void was never written, and cannot be any more: its id is taken.
const UP = `
  ALTER TABLE latchkey.use_batches
    ADD COLUMN left_out uuid[]  NOT NULL DEFAULT '{}',
    ADD COLUMN is_void  boolean NOT NULL DEFAULT false`;

const DOWN = 'ALTER TABLE latchkey.use_batches DROP COLUMN left_out, DROP COLUMN is_void';
