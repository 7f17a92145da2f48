import type { EntityManager } from 'typeorm';
import { DURABLE } from '../database/durable';
import { sqlIn, type SqlRunner } from '../database/sql-runner';
import type { ChangeTarget } from './change';

/** One change, while it is being made, in a transaction of Latchkey's or of a host's. */
export class UnitOfWork {
  private outcome: ChangeTarget | 'unchanged' | undefined;

  /** @param run runs SQL in the transaction. */
  constructor(readonly run: SqlRunner) {}

  /** Says what was changed. */
  changed(target: ChangeTarget): void {
    this.outcome = target;
  }

  /** Says that nothing was left to change, or that something else is in the way. Nothing is recorded. */
  unchanged(): void {
    this.outcome = 'unchanged';
  }

  /** @throws TypeError when neither was said: what is not recorded must not be committed. */
  target(): ChangeTarget | undefined {
    if (this.outcome === undefined) throw new TypeError('A change must say what it has changed');
    return this.outcome === 'unchanged' ? undefined : this.outcome;
  }
}

/** The same in a transaction of Latchkey's own, which has an `EntityManager`. */
export class OwnUnitOfWork extends UnitOfWork {
  constructor(readonly tx: EntityManager) {
    super(sqlIn(tx));
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
