import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/** What a login found out about its identity goes with the token through every renewal. */
export class KeepIdentityAuth1764500000000 implements MigrationInterface {
  name = 'KeepIdentityAuth1764500000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, UP));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, DOWN));
  }
}

// Not jsonb, which sorts keys and refuses some text: it is to come out as it went in.
const UP = 'ALTER TABLE latchkey.identity_access_tokens ADD COLUMN identity_auth json';
const DOWN = 'ALTER TABLE latchkey.identity_access_tokens DROP COLUMN identity_auth';
