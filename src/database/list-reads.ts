import type { DataSource, EntityManager } from 'typeorm';
import { OverloadedError, ReadTooCostlyError } from '../common/errors/common.errors';
import { isGivenUp } from '../common/errors/database-errors';
import { FairTurns } from './fair-turns';

/** Whoever reads lists waits for it, and nobody else: a statement that takes longer is given up. */
const READ_MS = 1_000;
const WAIT_MS = 5_000;
const WAITING = 1_000;
const WAITING_OF_ONE = 100;

/** How such a read is refused, for the API documentation. */
export const READ_REFUSALS = [new OverloadedError(), new ReadTooCostlyError()];

/**
 * Reads whose work grows with the data of a tenant: lists and searches. Together they take half of the connections at most,
 * and those of one organization half of these, so that the others find some for deleting and revoking.
 */
export class ListReads {
  private readonly turns: FairTurns;

  constructor(
    private readonly dataSource: DataSource,
    poolSize: number,
  ) {
    const atOnce = Math.max(1, Math.floor(poolSize / 2));
    const atOnceOfOne = Math.max(1, Math.floor(atOnce / 2));
    this.turns = new FairTurns({
      atOnce,
      atOnceOfOne,
      waitingOfOne: WAITING_OF_ONE,
      waiting: WAITING,
      waitMs: WAIT_MS,
    });
  }

  /**
   * Reads on one connection, when it is the organization's turn.
   *
   * @throws OverloadedError, ReadTooCostlyError
   */
  async read<Result>(organizationId: string, work: (tx: EntityManager) => Promise<Result>): Promise<Result> {
    try {
      return await this.turns.run(organizationId, () => this.readOnce(work));
    } catch (error) {
      throw isGivenUp(error) ? new ReadTooCostlyError(error) : error;
    }
  }

  /** In a transaction, because a pooler in transaction mode would share a session's setting. */
  private readOnce<Result>(work: (tx: EntityManager) => Promise<Result>): Promise<Result> {
    return this.dataSource.transaction(async (tx) => {
      await tx.query(`SET LOCAL statement_timeout = ${READ_MS}`);
      return work(tx);
    });
  }
}
