import { setTimeout as pause } from 'node:timers/promises';
import type { QueryRunner } from 'typeorm';
import { isUnlucky } from '../common/errors/database-errors';
import { inSchemaOf } from './schema';

const LOCK_MS = 1_000;
const PAUSE_MS = 500;
const ATTEMPTS = 60;

/**
 * Builds an index in its own transaction, so that its table can be read meanwhile, and written again when the index is built: a
 * second for about 600,000 rows. `CONCURRENTLY` would wait for every statement of the database that began before, including
 * that of the next node that wants to migrate, and so could wait for ever.
 *
 * @param on the table and the columns, `latchkey.<table> (<columns>)`.
 */
export async function buildIndex(runner: QueryRunner, name: string, on: string): Promise<void> {
  return inShortTransaction(runner, [`CREATE INDEX IF NOT EXISTS ${name} ON ${on}`]);
}

/**
 * Runs statements that lock tables in a transaction of their own, and tries again while a lock cannot be had. The migration
 * must set `transaction = false`, and its statements must do no harm when they run a second time: the process may end before
 * the migration is recorded.
 */
export async function inShortTransaction(runner: QueryRunner, statements: readonly string[]): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runOnce(runner, statements);
    } catch (error) {
      if (!isUnlucky(error) || attempt === ATTEMPTS) throw error;
      await pause(PAUSE_MS);
    }
  }
}

/**
 * Writers would queue behind a statement that waits for a long transaction of another session. So a statement does not wait
 * for long.
 */
async function runOnce(runner: QueryRunner, statements: readonly string[]): Promise<void> {
  await runner.startTransaction();
  try {
    await runner.query(`SET LOCAL lock_timeout = ${LOCK_MS}`);
    for (const statement of statements) await runner.query(inSchemaOf(runner, statement));
    await runner.commitTransaction();
  } catch (error) {
    await runner.rollbackTransaction();
    throw error;
  }
}

/** Removes the index, if it exists. */
export async function dropIndex(runner: QueryRunner, name: string): Promise<void> {
  await runner.query(inSchemaOf(runner, `DROP INDEX IF EXISTS latchkey.${name}`));
}
