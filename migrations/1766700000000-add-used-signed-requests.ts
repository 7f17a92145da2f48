import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/** The signed requests that were good for a login, so that each is good for one only. */
export class AddUsedSignedRequests1766700000000 implements MigrationInterface {
  name = 'AddUsedSignedRequests1766700000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, TABLE));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, 'DROP TABLE latchkey.used_signed_requests'));
  }
}

// A request that was used must stay so after a crash too.
const TABLE = `
  CREATE TABLE latchkey.used_signed_requests (
    digest     bytea          CONSTRAINT pk_used_signed_requests PRIMARY KEY,
    expires_at timestamptz(3) NOT NULL
  );
  CREATE INDEX ix_used_signed_requests_expires_at ON latchkey.used_signed_requests (expires_at);
  CREATE TRIGGER make_durable BEFORE INSERT OR UPDATE OR DELETE ON latchkey.used_signed_requests
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey.make_durable()`;
