import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock';
import { VerificationPools } from '../database/connections/verification-pools';
import { LatchkeySettings } from '../latchkey.options';
import { removeBatches } from './chain/batch.store';
import type { MaintenanceJob } from '../maintenance/maintenance.job';

const BATCH = 1_000;
const DAY_MS = 86_400_000;

/**
 * Makes the partitions of the audit log for the next months, and removes whole months that are older than the retention time,
 * with the batches that sealed them. No event is deleted by itself.
 */
@Injectable()
export class AuditPartitionKeeper implements MaintenanceJob {
  constructor(
    private readonly database: VerificationPools,
    private readonly clock: Clock,
    private readonly settings: LatchkeySettings,
  ) {}

  async runBatch(): Promise<boolean> {
    // Not by one clock alone: a removal is final.
    const before = this.clock.isSteady() ? this.clock.epochMs() - this.settings.auditRetentionDays * DAY_MS : undefined;
    const removed = before === undefined ? '-infinity' : new Date(before);
    const [kept] = await this.database.write<{ changed: number }>(KEEP, [removed]);
    if (before === undefined) return false;
    const pruned = await removeBatches(this.database.writer(), monthOf(before), BATCH);
    return (kept?.changed ?? 0) > 0 || pruned === BATCH;
  }
}

/** The start of the month (UTC): no whole month before it is kept. */
function monthOf(epochMs: number): Date {
  const time = new Date(epochMs);
  return new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth()));
}

// One node at a time, and without waiting.
const KEEP = `
  SELECT CASE WHEN pg_try_advisory_xact_lock(hashtextextended('latchkey.keep_audit_partitions', 0))
              THEN latchkey.keep_audit_partitions($1) ELSE 0 END AS changed`;
