import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/** An identity has a label once. Of two with one key, verdicts have told the later one, which is kept. */
export class KeepLabelKeysDistinct1765510000000 implements MigrationInterface {
  name = 'KeepLabelKeysDistinct1765510000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, REMOVE_EARLIER));
    await runner.query(inSchemaOf(runner, ADD));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, DROP));
  }
}

const REMOVE_EARLIER = `
  DELETE FROM latchkey.identity_metadata m USING latchkey.identity_metadata later
   WHERE later.identity_id = m.identity_id AND later.key = m.key
     AND (later.position, later.id) > (m.position, m.id)`;

const ADD = `
  ALTER TABLE latchkey.identity_metadata ADD CONSTRAINT uq_identity_metadata_key UNIQUE (identity_id, key)`;

const DROP = 'ALTER TABLE latchkey.identity_metadata DROP CONSTRAINT uq_identity_metadata_key';
