import type { EntityManager } from 'typeorm';
import { DURABLE } from '../database/durable';
import { sqlIn, type SqlRunner } from '../database/sql-runner';
import type { ChangeTarget } from './change';

/**
 * The work of one change in one transaction. The code that makes the change says here what it changed, and the audit trail is
 * told. The transaction is Latchkey's own or a host's.
 */
export class UnitOfWork {
  private readonly changedTargets: ChangeTarget[] = [];
  private isUnchanged = false;

  /** @param run runs SQL in the transaction. */
  constructor(readonly run: SqlRunner) {}

  /** Says that a target was changed. A change of several targets says so for each, beginning with the one it is about. */
  changed(target: ChangeTarget): void {
    this.changedTargets.push(target);
  }

  /** Says that the work found nothing to change, or another change in its way. Nothing is recorded. */
  unchanged(): void {
    this.isUnchanged = true;
  }

  /**
   * Every target that was changed; none where nothing was.
   *
   * @throws TypeError when the code said neither, or both. An unrecorded change must not be committed.
   */
  targets(): readonly ChangeTarget[] {
    const isSaid = this.isUnchanged !== this.changedTargets.length > 0;
    if (!isSaid) throw new TypeError('A change must say either what it has changed, or that it has changed nothing');
    return this.changedTargets;
  }
}

/** A unit of work in a transaction of Latchkey's own, which also has an `EntityManager`. */
export class OwnUnitOfWork extends UnitOfWork {
  constructor(readonly tx: EntityManager) {
    super(sqlIn(tx));
  }
}

/**
 * Thrown by the code of a change that finds nothing left to take away. The caller is refused with `refusal`, but only after the
 * transaction was committed and the standby has confirmed the commit. The reason: an earlier request took the thing away, and
 * its caller may have given up while that commit waited for the standby. Then every node sees the change, but the standby may
 * not have it yet. The second answer must not promise more than the standby holds.
 */
export class NothingLeft extends Error {
  constructor(readonly refusal: Error) {
    super(refusal.message);
  }
}

/**
 * Makes the commit wait for the disk, and for the synchronous standby where there is one. PostgreSQL waits only for
 * transactions that have written something, so this writes a row lock.
 */
export async function makeDurable(run: SqlRunner): Promise<void> {
  await run(MAKE_DURABLE);
}

// A row lock is written to PostgreSQL's log and changes no data. This kind of lock makes no other transaction wait.
const MAKE_DURABLE = `
  WITH durable AS MATERIALIZED (${DURABLE}
  )
  SELECT i.id FROM latchkey.instance i, durable WHERE i.id = 1 FOR KEY SHARE OF i`;
