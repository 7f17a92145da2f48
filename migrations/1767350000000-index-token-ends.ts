import type { MigrationInterface, QueryRunner } from 'typeorm';
import { buildIndex, dropIndex } from '../src/database/build-index';

/** The order in which the tokens of an organization end: a page of them is read from the index, however many there are. */
export class IndexTokenEnds1767350000000 implements MigrationInterface {
  name = 'IndexTokenEnds1767350000000';

  transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await buildIndex(runner, NAME, ON);
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropIndex(runner, NAME);
  }
}

const NAME = 'ix_identity_access_tokens_ends';
const ON = `latchkey.identity_access_tokens
  (organization_id, (coalesce(least(expires_at, ends_at), timestamptz 'infinity')), id) WHERE revoked_at IS NULL`;
