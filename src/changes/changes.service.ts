import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { ChangeReceiptsService } from '../change-feed/change-receipts.service';
import { takingAway } from '../common/async/query-context';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import type { SqlRunner } from '../database/sql-runner';
import { AuditTrail } from './audit-trail';
import { CallerStanding, verifiedAt } from './caller-standing';
import type { Change, ChangeAttempt, ChangeTarget } from './change';
import { TokenEvents } from './hooks/token-events.service';
import { makeDurable, NothingLeft, OwnUnitOfWork, type UnitOfWork } from './unit-of-work';

type Act<Work, T> = (work: Work) => Promise<T>;

/**
 * Makes changes. Each change is one transaction, and is recorded in it. This node knows the change before its caller is
 * answered.
 */
@Injectable()
export class ChangesService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly receipts: ChangeReceiptsService,
    private readonly trail: AuditTrail,
    private readonly events: TokenEvents,
    private readonly standing: CallerStanding,
  ) {}

  /** Makes something new. No node can remember it yet, so the answer waits for nothing after the commit. */
  async add<T>(attempt: ChangeAttempt, act: Act<OwnUnitOfWork, T>): Promise<T> {
    return answered(await this.commit(attempt, act));
  }

  /** Changes something. After the commit this node knows of it, and has told the other nodes. */
  async alter<T>(attempt: ChangeAttempt, act: Act<OwnUnitOfWork, T>): Promise<T> {
    const outcome = await this.commit(attempt, act);
    await this.receipts.applyLocally();
    return answered(outcome);
  }

  /**
   * Takes rights or credentials away, over connections that are kept for that purpose. `act` throws `NothingLeft` where nothing
   * is left to take away.
   */
  takeAway<T>(attempt: ChangeAttempt, act: Act<OwnUnitOfWork, T>): Promise<T> {
    return takingAway(() => this.alter(attempt, act));
  }

  /** The part of a change that runs in the transaction. A host calls it alone, and commits its own transaction or not. */
  async within<Work extends UnitOfWork, T>(attempt: ChangeAttempt, work: Work, act: Act<Work, T>): Promise<T> {
    const done = await act(work);
    const targets = work.targets();
    if (targets.length > 0) await this.record(work.run, { ...attempt, targets });
    return done;
  }

  private async record(run: SqlRunner, change: Change): Promise<void> {
    await this.trail.record(run, change);
    await this.events.keep(run, change);
  }

  private async commit<T>(attempt: ChangeAttempt, act: Act<OwnUnitOfWork, T>): Promise<T | NothingLeft> {
    const beganAt = performance.now();
    let targets: readonly ChangeTarget[] = [];
    const outcome = await this.dataSource.transaction(async (tx) => {
      const work = new OwnUnitOfWork(tx);
      try {
        const done = await this.within(attempt, work, act);
        targets = work.targets();
        await this.requireStanding(attempt, beganAt);
        return done;
      } catch (error) {
        if (!(error instanceof NothingLeft)) throw error;
        await makeDurable(work.run);
        return error;
      }
    });
    if (targets.length > 0) this.events.tell({ ...attempt, targets });
    return outcome;
  }

  /**
   * A change may wait for seconds, for others or for an answer from outside, and its caller may have lost its rights meanwhile. To
   * take something away stays easy: it widens no rights.
   */
  private async requireStanding({ actor, action }: ChangeAttempt, beganAt: number): Promise<void> {
    if (typeof actor === 'string' || !('caller' in actor) || /^(delete|revoke)-/.test(action)) return;
    await this.standing.require(actor, performance.now() - (verifiedAt(actor.caller) ?? beganAt));
  }
}

function answered<T>(outcome: T | NothingLeft): T {
  if (outcome instanceof NothingLeft) throw outcome.refusal;
  return outcome;
}
