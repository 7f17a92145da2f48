import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { ChangeReceiptsService } from '../change-feed/change-receipts.service';
import { takingAway } from '../common/async/query-context';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { AuditTrail } from './audit-trail';
import type { ChangeAttempt } from './change';
import { makeDurable, NothingLeft, OwnUnitOfWork, type UnitOfWork } from './unit-of-work';

type Act<Work, T> = (work: Work) => Promise<T>;

/** Makes changes: each in one transaction, recorded in it, and known to this node before it is answered. */
@Injectable()
export class ChangesService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly receipts: ChangeReceiptsService,
    private readonly trail: AuditTrail,
  ) {}

  /** Makes something new. No node can remember it, so nothing is waited for after the commit. */
  async add<T>(attempt: ChangeAttempt, act: Act<OwnUnitOfWork, T>): Promise<T> {
    return answered(await this.commit(attempt, act));
  }

  /** Changes something. After the commit this node knows, and has told the others. */
  async alter<T>(attempt: ChangeAttempt, act: Act<OwnUnitOfWork, T>): Promise<T> {
    const outcome = await this.commit(attempt, act);
    await this.receipts.applyLocally();
    return answered(outcome);
  }

  /**
   * Takes rights or credentials away, over connections that are kept for that. Where nothing is left to take away, `act` throws
   * `NothingLeft`.
   */
  takeAway<T>(attempt: ChangeAttempt, act: Act<OwnUnitOfWork, T>): Promise<T> {
    return takingAway(() => this.alter(attempt, act));
  }

  /** The part of each that happens in the transaction: for one of a host's, which commits it or not. */
  async within<Work extends UnitOfWork, T>(attempt: ChangeAttempt, work: Work, act: Act<Work, T>): Promise<T> {
    const done = await act(work);
    const target = work.target();
    if (target !== undefined) await this.trail.record(work.run, { ...attempt, target });
    return done;
  }

  private commit<T>(attempt: ChangeAttempt, act: Act<OwnUnitOfWork, T>): Promise<T | NothingLeft> {
    return this.dataSource.transaction(async (tx) => {
      const work = new OwnUnitOfWork(tx);
      try {
        return await this.within(attempt, work, act);
      } catch (error) {
        if (!(error instanceof NothingLeft)) throw error;
        await makeDurable(work.run);
        return error;
      }
    });
  }
}

function answered<T>(outcome: T | NothingLeft): T {
  if (outcome instanceof NothingLeft) throw outcome.refusal;
  return outcome;
}
