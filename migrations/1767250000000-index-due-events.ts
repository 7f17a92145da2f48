import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inShortTransaction } from '../src/database/build-index';

/** The outbox in the order in which its events are due. Among events that all wait for their next attempt, none is looked at. */
export class IndexDueEvents1767250000000 implements MigrationInterface {
  name = 'IndexDueEvents1767250000000';

  /** Short transactions: each lock is held for a moment, and given up when it cannot be had. */
  transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, [dropped(FORMER), indexed(PRESENT)]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, [dropped(PRESENT), indexed(FORMER)]);
  }
}

interface Index {
  readonly name: string;
  readonly columns: string;
}

const FORMER: Index = { name: 'ix_token_events_due', columns: 'position' };
const PRESENT: Index = { name: 'ix_token_events_due_at', columns: 'due_at, position' };

function dropped({ name }: Index): string {
  return `DROP INDEX IF EXISTS latchkey.${name}`;
}

function indexed({ name, columns }: Index): string {
  return `CREATE INDEX IF NOT EXISTS ${name} ON latchkey.token_events (${columns}) WHERE settled_at IS NULL`;
}
