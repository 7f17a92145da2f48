import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/** The labels of an identity are part of what is known of a caller, and a host may let in by them: their changes are noted too. */
export class NoteMetadataChanges1764400000000 implements MigrationInterface {
  name = 'NoteMetadataChanges1764400000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, UP));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, DOWN));
  }
}

// Once for each identity of a statement: labels are replaced all together.
const UP = `
  CREATE FUNCTION latchkey.note_changed_metadata() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM latchkey.note_verdict_change(identity_id) FROM (SELECT DISTINCT identity_id FROM changed) AS holders;
    RETURN NULL;
  END $$;

  CREATE TRIGGER note_insert AFTER INSERT ON latchkey.identity_metadata
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION latchkey.note_changed_metadata();
  CREATE TRIGGER note_update AFTER UPDATE ON latchkey.identity_metadata
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION latchkey.note_changed_metadata();
  CREATE TRIGGER note_delete AFTER DELETE ON latchkey.identity_metadata
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION latchkey.note_changed_metadata();
  CREATE TRIGGER note_truncate AFTER TRUNCATE ON latchkey.identity_metadata
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey.note_everything()`;

const DOWN = `
  DROP TRIGGER note_truncate ON latchkey.identity_metadata;
  DROP FUNCTION latchkey.note_changed_metadata CASCADE`;
