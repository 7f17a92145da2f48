import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Clock } from '../common/clock/clock';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { sqlIn, type SqlRunner } from '../database/sql-runner';
import { LatchkeySettings } from '../latchkey.options';
import type { MaintenanceJob } from '../maintenance/maintenance.job';
import { makePartitions, pruneChain, removePartition, settleDefault } from './chain/retention.store';

const DAY_MS = 86_400_000;
/** A month of many organizations takes a second or two. No writer waits for it. */
const STATEMENT_MS = 10_000;

/**
 * Makes the partitions of the audit log for the next months, and removes whole months that are older than the retention time,
 * then the batches that sealed them. No event is deleted by itself.
 */
@Injectable()
export class AuditPartitionKeeper implements MaintenanceJob {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly clock: Clock,
    private readonly settings: LatchkeySettings,
  ) {}

  /** @throws the first error, after every step was tried: a lock that one cannot have keeps back no other. */
  async runBatch(): Promise<boolean> {
    const steps: Step[] = [makePartitions, settleDefault, (run) => this.remove(run), pruneChain];
    const failures: unknown[] = [];
    let hasMore = false;
    for (const step of steps)
      await this.inTransaction(step).then(
        (didSome) => (hasMore ||= didSome),
        (error: unknown) => failures.push(error),
      );
    if (failures.length > 0) throw failures[0];
    return hasMore;
  }

  /** Not by one clock alone: a removal is final. */
  private async remove(run: SqlRunner): Promise<boolean> {
    if (!this.clock.isSteady()) return false;
    return removePartition(run, new Date(this.clock.epochMs() - this.settings.auditRetentionDays * DAY_MS));
  }

  private inTransaction(step: Step): Promise<boolean> {
    return this.dataSource.transaction(async (tx) => {
      await tx.query(`SET LOCAL statement_timeout = ${STATEMENT_MS}`);
      return step(sqlIn(tx));
    });
  }
}

/** @returns whether it did something. */
type Step = (run: SqlRunner) => Promise<boolean>;
