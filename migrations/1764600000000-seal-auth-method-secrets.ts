import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/** The secrets of an auth method's configuration, encrypted by the application. */
export class SealAuthMethodSecrets1764600000000 implements MigrationInterface {
  name = 'SealAuthMethodSecrets1764600000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, UP));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, DOWN));
  }
}

const UP = 'ALTER TABLE latchkey.identity_auth_methods ADD COLUMN sealed_secrets bytea';
const DOWN = 'ALTER TABLE latchkey.identity_auth_methods DROP COLUMN sealed_secrets';
