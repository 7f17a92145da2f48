import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { ChangeReceiptsService } from '../change-feed/change-receipts.service';
import { takingAway } from '../common/async/errand';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { makeDurable, NothingLeft, UnitOfWork } from './unit-of-work';

/** Makes changes: each in one transaction, and known to this node before it is answered. */
@Injectable()
export class ChangesService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly receipts: ChangeReceiptsService,
  ) {}

  /** Makes something new. No node can remember it, so nothing is waited for after the commit. */
  async add<T>(act: (work: UnitOfWork) => Promise<T>): Promise<T> {
    return answered(await this.commit(act));
  }

  /** Changes something. After the commit this node knows, and has told the others. */
  async alter<T>(act: (work: UnitOfWork) => Promise<T>): Promise<T> {
    const outcome = await this.commit(act);
    await this.receipts.applyLocally();
    return answered(outcome);
  }

  /**
   * Takes rights or credentials away, over connections that are kept for that. Where nothing is left to take away, `act` throws
   * `NothingLeft`.
   */
  takeAway<T>(act: (work: UnitOfWork) => Promise<T>): Promise<T> {
    return takingAway(() => this.alter(act));
  }

  private commit<T>(act: (work: UnitOfWork) => Promise<T>): Promise<T | NothingLeft> {
    return this.dataSource.transaction((tx) => attempt(tx, act));
  }
}

function answered<T>(outcome: T | NothingLeft): T {
  if (outcome instanceof NothingLeft) throw outcome.refusal;
  return outcome;
}

async function attempt<T>(tx: EntityManager, act: (work: UnitOfWork) => Promise<T>): Promise<T | NothingLeft> {
  const work = new UnitOfWork(tx);
  try {
    return await act(work);
  } catch (error) {
    if (!(error instanceof NothingLeft)) throw error;
    await makeDurable(work.run);
    return error;
  }
}
