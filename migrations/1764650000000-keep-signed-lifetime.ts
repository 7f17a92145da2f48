import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/** The lifetime a token was last signed for. It cannot be told from the expiry, which an earlier JWT may have set. */
export class KeepSignedLifetime1764650000000 implements MigrationInterface {
  name = 'KeepSignedLifetime1764650000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, ADD));
    await runner.query(inSchemaOf(runner, FILL));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, DROP));
  }
}

const ADD = 'ALTER TABLE latchkey.identity_access_tokens ADD COLUMN signed_ttl integer NOT NULL DEFAULT 0';

const FILL = `
  UPDATE latchkey.identity_access_tokens
     SET signed_ttl = extract(epoch FROM date_trunc('second', expires_at)
                                       - date_trunc('second', coalesce(last_renewed_at, created_at)))
   WHERE expires_at IS NOT NULL`;

const DROP = 'ALTER TABLE latchkey.identity_access_tokens DROP COLUMN signed_ttl';
