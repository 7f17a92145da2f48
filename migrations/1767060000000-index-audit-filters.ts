import type { MigrationInterface, QueryRunner } from 'typeorm';
import { buildIndex, dropIndex } from '../src/database/build-index';

/** Indexes for the filters of the audit log that had none: they read the whole window where a value is seldom. */
export class IndexAuditFilters1767060000000 implements MigrationInterface {
  name = 'IndexAuditFilters1767060000000';

  /** Each index in a short transaction of its own. */
  transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    for (const [name, on] of INDEXES) await buildIndex(runner, name, on);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [name] of INDEXES) await dropIndex(runner, name);
  }
}

// Without a list of pending entries: the writer that finds it full would wait until all are sorted in.
const INDEXES: readonly (readonly [name: string, on: string])[] = [
  ['ix_audit_logs_actor_type', 'latchkey.audit_logs (organization_id, actor_type, created_at, id)'],
  [
    'ix_audit_logs_user_agent_type',
    'latchkey.audit_logs (organization_id, user_agent_type, created_at, id) WHERE user_agent_type IS NOT NULL',
  ],
  ['ix_audit_logs_metadata', 'latchkey.audit_logs USING gin (event_metadata jsonb_path_ops) WITH (fastupdate = off)'],
];
