import type { EntityManager } from 'typeorm';
import { DURABLE } from '../database/durable';
import { sqlIn, type SqlRunner } from '../database/sql-runner';

/** One change, while it is being made: the transaction it is made in. */
export class UnitOfWork {
  /** Runs SQL in the transaction. */
  readonly run: SqlRunner;

  constructor(readonly tx: EntityManager) {
    this.run = sqlIn(tx);
  }
}

/**
 * What is thrown where nothing is left to take away: the caller is refused with the error, but the transaction is committed, and
 * the answer waits for the standby. Whoever took it away before may have been given up while it waited: then every node sees the
 * change, and no other disk has it.
 */
export class NothingLeft extends Error {
  constructor(readonly refusal: Error) {
    super(refusal.message);
  }
}

/**
 * Has the commit wait until the log is on the disk, and on the standby where there is a synchronous one: a transaction that has
 * written nothing waits for nothing.
 */
export async function makeDurable(run: SqlRunner): Promise<void> {
  await run(MAKE_DURABLE);
}

// A lock is written to the log, and changes nothing. This one is in the way of no other transaction.
const MAKE_DURABLE = `
  WITH durable AS MATERIALIZED (${DURABLE}
  )
  SELECT i.id FROM latchkey.instance i, durable WHERE i.id = 1 FOR KEY SHARE OF i`;
