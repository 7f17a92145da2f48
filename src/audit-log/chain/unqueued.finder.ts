import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { SafeLogger } from '../../common/safe-logger';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import { sqlIn } from '../../database/sql-runner';
import type { MaintenanceJob } from '../../maintenance/maintenance.job';
import { queueForgotten } from './batch.store';

const STATEMENT_MS = 5_000;

/**
 * Looks for events of the last minutes that are in no batch and not in the queue: a person who may delete rows of the queue can
 * keep an event out of the chain. It puts them back, and says so in the log of the node.
 */
@Injectable()
export class UnqueuedFinder implements MaintenanceJob {
  private readonly logger = new SafeLogger(UnqueuedFinder.name);

  constructor(@InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource) {}

  async runBatch(): Promise<boolean> {
    const found = await this.dataSource.transaction(async (tx) => {
      await tx.query(`SET LOCAL statement_timeout = ${STATEMENT_MS}`);
      return queueForgotten(sqlIn(tx));
    });
    if (found > 0) this.logger.warn({ event: 'audit.unqueued_events', found });
    return false;
  }
}
