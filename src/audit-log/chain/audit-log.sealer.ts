import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { CoalescedTask } from '../../common/async/coalesced-task';
import { withinTime } from '../../common/async/within-time';
import { loggable } from '../../common/errors/database-errors';
import { SafeLogger } from '../../common/safe-logger';
import { StandingFailureLog } from '../../common/standing-failure-log';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import { VerificationPools } from '../../database/connections/verification-pools';
import { sqlIn, type SqlRunner } from '../../database/sql-runner';
import { LatchkeySettings } from '../../latchkey.options';
import { type AuditLogRow, loggedEvent } from '../logged-event';
import { hasUnsealed, insertBatch, lastBatch, type SealedBatch, takeTurn, takeUnsealed } from './batch.store';
import { hashOfBatch, hashOfEvent, START } from './event-chain';

/** An event is sealed within two seconds: this, and the time of a transaction. */
const INTERVAL_MS = 1_000;
/** How long a shutdown waits for the batch under way. */
const LAST_MS = 2_000;
/** The most batches of one transaction, so that no transaction is long. */
const BATCHES_AT_ONCE = 20;

/**
 * Seals events into the chain of their organization: one node at a time, in batches, off the path of the writers. Every node
 * tries each second, and all but one find that it is not their turn.
 */
@Injectable()
export class AuditLogSealer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly failures = new StandingFailureLog(new SafeLogger(AuditLogSealer.name));
  private readonly sealing = new CoalescedTask(() => this.sealAll());
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly database: VerificationPools,
    private readonly settings: LatchkeySettings,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.settings.maintenance) return;
    this.timer = setInterval(() => void this.trySeal(), INTERVAL_MS);
    this.timer.unref();
  }

  /** Once more, while the database is connected. */
  async beforeApplicationShutdown(): Promise<void> {
    if (this.isStopped) return;
    this.isStopped = true;
    clearInterval(this.timer);
    await withinTime(LAST_MS, 'The last sealing', () => this.trySeal()).catch(() => undefined);
  }

  /** Seals everything that was committed before the call, unless another node is at it. @throws what the database says. */
  seal(): Promise<void> {
    return this.sealing.run();
  }

  private async trySeal(): Promise<void> {
    try {
      await this.seal();
      this.failures.succeeded();
    } catch (error) {
      // The events stay in the queue, and the next try is a second away.
      this.failures.failed({ event: 'audit.not_sealed', cause: loggable(error) });
    }
  }

  private async sealAll(): Promise<void> {
    // One statement where nothing is to do, which is most of the time, on a connection that the heartbeat keeps open anyway.
    if (!(await hasUnsealed(this.database.writer()))) return;
    while (await this.dataSource.transaction((tx) => sealSome(sqlIn(tx)))) if (this.isStopped) return;
  }
}

/** @returns whether there may be more. */
async function sealSome(run: SqlRunner): Promise<boolean> {
  const now = await takeTurn(run);
  if (now === undefined) return false;
  for (let batches = 0; batches < BATCHES_AT_ONCE; batches += 1) {
    const rows = await takeUnsealed(run);
    if (rows.length === 0) return false;
    await insertBatch(run, await batchOf(run, rows, now));
  }
  return true;
}

async function batchOf(run: SqlRunner, rows: readonly AuditLogRow[], now: number): Promise<SealedBatch> {
  const organizationId = rows[0]!.organization_id;
  const last = await lastBatch(run, organizationId);
  const batch = {
    organizationId,
    number: (last?.number ?? 0) + 1,
    // A clock that was set back must not put a batch before the one before it.
    sealedAt: Math.max(now, last?.sealedAt ?? 0),
    previousHash: last?.hash ?? START,
    eventHashes: rows.map((row) => hashOfEvent(loggedEvent(row))),
  };
  const times = rows.map(({ created_at }) => created_at.getTime());
  const kept = { eventIds: rows.map(({ id }) => id), firstAt: Math.min(...times), lastAt: Math.max(...times) };
  return { ...batch, ...kept, hash: hashOfBatch(batch) };
}
