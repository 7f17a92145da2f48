import { performance } from 'node:perf_hooks';
import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { CoalescedTask } from '../../common/async/coalesced-task';
import { withinTime } from '../../common/async/within-time';
import { OverloadedError } from '../../common/errors/common.errors';
import { isUnlucky, loggable } from '../../common/errors/database-errors';
import { SafeLogger } from '../../common/safe-logger';
import { StandingFailureLog } from '../../common/standing-failure-log';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import { VerificationPools } from '../../database/connections/verification-pools';
import { sqlIn, type SqlRunner } from '../../database/sql-runner';
import { LatchkeySettings } from '../../latchkey.options';
import { type AuditLogRow, loggedEvent } from '../logged-event';
import {
  awaitTurn,
  insertBatch,
  lastBatch,
  lookForUnsealed,
  type SealedBatch,
  takeUnsealed,
  tryTurn,
} from './batch.store';
import { hashOfBatch, hashOfEvent, START } from './event-chain';

/** An event is sealed within two seconds: this, and the time of a transaction. */
const INTERVAL_MS = 1_000;
/** How long a shutdown waits for the batch under way. */
const LAST_MS = 2_000;
/** How long a caller waits for the node that seals. Its transactions are short. */
const TURN_MS = 3_000;
/** The most batches of one transaction, so that no transaction is long. */
const BATCHES_AT_ONCE = 20;

/**
 * Seals events into the chain of their organization: one node at a time, in batches, off the path of the writers. Every node
 * tries each second, and all but one find that it is not their turn.
 */
@Injectable()
export class AuditLogSealer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly failures = new StandingFailureLog(new SafeLogger(AuditLogSealer.name));
  private readonly passing = new CoalescedTask(() => this.sealAll(tryTurn));
  private readonly demanded = new CoalescedTask(() => this.sealAll(awaitTurnInTime));
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;
  /** When every event was last seen sealed, as `performance.now()` counts. */
  private sealedAt = performance.now();

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

  /**
   * Seals everything that was committed before the call. If another node is at it, it waits for that node.
   *
   * @returns a time of the database, in milliseconds since the epoch: every batch that was sealed up to it is committed.
   * @throws OverloadedError if the turn does not come, and what the database says.
   */
  seal(): Promise<number> {
    return this.demanded.run();
  }

  /** Milliseconds since this node last saw every event sealed; undefined on a node that seals nothing. */
  get lagMs(): number | undefined {
    return this.settings.maintenance ? performance.now() - this.sealedAt : undefined;
  }

  private async trySeal(): Promise<void> {
    try {
      await this.passing.run();
      this.failures.succeeded();
    } catch (error) {
      // The events stay in the queue, and the next try is a second away.
      this.failures.failed({ event: 'audit.not_sealed', cause: loggable(error) });
    }
  }

  private async sealAll(turn: Turn): Promise<number> {
    // One statement where nothing is to do, which is most of the time, on a connection that the heartbeat keeps open anyway.
    const askedAt = performance.now();
    let { has: hasMore, at } = await lookForUnsealed(this.database.writer());
    let isElsewhere = false;
    while (hasMore && !this.isStopped) {
      const sealed = await this.dataSource.transaction((tx) => sealSome(sqlIn(tx), turn));
      isElsewhere = sealed.at === undefined;
      ({ hasMore, at } = { hasMore: sealed.hasMore, at: sealed.at ?? at });
    }
    if (!hasMore && !isElsewhere) this.sealedAt = askedAt;
    return at;
  }
}

/** Takes the turn to seal. @returns the time of the database; undefined if it is not this node's turn. */
type Turn = (run: SqlRunner) => Promise<number | undefined>;

async function awaitTurnInTime(run: SqlRunner): Promise<number> {
  await run(`SET LOCAL lock_timeout = ${TURN_MS}`);
  try {
    return await awaitTurn(run);
  } catch (error) {
    throw isUnlucky(error) ? new OverloadedError() : error;
  }
}

/** @returns whether there may be more, and the time of the turn. */
async function sealSome(run: SqlRunner, turn: Turn): Promise<{ hasMore: boolean; at: number | undefined }> {
  const now = await turn(run);
  if (now === undefined) return { hasMore: false, at: undefined };
  for (let batches = 0; batches < BATCHES_AT_ONCE; batches += 1) {
    const rows = await takeUnsealed(run);
    if (rows.length === 0) return { hasMore: false, at: now };
    await insertBatch(run, await batchOf(run, rows, now));
  }
  return { hasMore: true, at: now };
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
