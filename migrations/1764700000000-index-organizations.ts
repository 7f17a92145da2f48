import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/** The order organizations are listed in, so that a list of any length is walked at constant cost (decisions 17). */
export class IndexOrganizations1764700000000 implements MigrationInterface {
  name = 'IndexOrganizations1764700000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, UP));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, DOWN));
  }
}

const UP = 'CREATE INDEX ix_organizations_list ON latchkey.organizations (created_at, id)';
const DOWN = 'DROP INDEX latchkey.ix_organizations_list';
