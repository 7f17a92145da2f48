import type { MigrationInterface, QueryRunner } from 'typeorm';
import { buildIndex, dropIndex } from '../src/database/build-index';

/** The orders identities are listed and searched in: a page is read from an index, and not sorted out of all there are. */
export class IndexIdentityLists1765600000000 implements MigrationInterface {
  name = 'IndexIdentityLists1765600000000';

  /** A transaction for each index: whoever writes waits for one of them at a time. */
  transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    for (const [name, on] of INDEXES) await buildIndex(runner, name, on);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [name] of INDEXES) await dropIndex(runner, name);
  }
}

const INDEXES: [name: string, on: string][] = [
  ['ix_organization_memberships_list', 'latchkey.organization_memberships (organization_id, created_at, id)'],
  ['ix_organization_memberships_role', 'latchkey.organization_memberships (organization_id, role, id)'],
  ['ix_identities_name', 'latchkey.identities (organization_id, name, id)'],
];
