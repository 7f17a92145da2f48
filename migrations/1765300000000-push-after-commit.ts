import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/**
 * A change no longer notifies within its own transaction. PostgreSQL refuses the COMMIT of whoever notifies while its queue is full,
 * which one session anywhere in the cluster brings about that listens and stays in a transaction; and it lets those who notify
 * commit one after the other only. The node that has made a change, or found it, tells the others afterwards (PushListener).
 */
export class PushAfterCommit1765300000000 implements MigrationInterface {
  name = 'PushAfterCommit1765300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, noting('')));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, noting("PERFORM pg_notify('latchkey_verdict_changes', '');")));
  }
}

const noting = (push: string) => `
  CREATE OR REPLACE FUNCTION latchkey.note_verdict_change(subject uuid) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    IF current_setting('synchronous_commit') = 'off' THEN
      PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    INSERT INTO latchkey.verdict_changes (subject_id) VALUES (subject);
    ${push}
  END $$`;
