import type { DataSource, EntityManager } from 'typeorm';
import { currentQueryContext } from '../common/async/query-context';
import { OverloadedError, ReadTooCostlyError } from '../common/errors/common.errors';
import { isGivenUp } from '../common/errors/database-errors';
import { FairQueue } from './connections/fair-queue';

/** A longer statement is given up. Only readers of lists wait for it. */
const READ_MS = 1_000;
const WAIT_MS = 5_000;

/** The refusal of such a read, for the API documentation. */
export const READ_REFUSALS = [new OverloadedError(), new ReadTooCostlyError()];

/**
 * Reads whose work grows with the data of a tenant: lists and searches. Together they get at most half of the connections, and
 * those of one organization half of these, so that deletions and revocations find connections. Within an organization the
 * callers take turns.
 */
export class ListReads {
  private readonly queue: FairQueue;

  constructor(
    private readonly dataSource: DataSource,
    poolSize: number,
  ) {
    const atOnce = Math.max(1, Math.floor(poolSize / 2));
    const ofOne = Math.max(1, Math.floor(atOnce / 2));
    this.queue = new FairQueue({ all: atOnce, group: ofOne, member: ofOne });
  }

  /**
   * Reads on one connection, when it is the organization's turn.
   *
   * @throws OverloadedError, ReadTooCostlyError
   */
  async read<Result>(organizationId: string, work: (tx: EntityManager) => Promise<Result>): Promise<Result> {
    const leave = await this.enter(organizationId);
    try {
      return await this.readOnce(work);
    } catch (error) {
      throw isGivenUp(error) ? new ReadTooCostlyError(error) : error;
    } finally {
      leave();
    }
  }

  /** @returns a function that ends the turn. */
  private enter(organizationId: string): Promise<() => void> {
    const party = { group: organizationId, member: currentQueryContext()?.party?.member ?? '', isCrowd: true };
    return this.queue.take(party, WAIT_MS, () => new OverloadedError());
  }

  /** In a transaction, because a pooler in transaction mode would share the setting of a session. */
  private readOnce<Result>(work: (tx: EntityManager) => Promise<Result>): Promise<Result> {
    return this.dataSource.transaction(async (tx) => {
      await tx.query(`SET LOCAL statement_timeout = ${READ_MS}`);
      return work(tx);
    });
  }
}
