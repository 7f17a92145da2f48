import type { KeyObject } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Clock } from '../../common/clock/clock';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import { sqlOn, type SqlRunner } from '../../database/sql-runner';
import { LatchkeySettings } from '../../latchkey.options';
import type { MaintenanceJob } from '../../maintenance/maintenance.job';
import { AuditLogSealer } from './audit-log.sealer';
import {
  type Checkpoint,
  type CheckpointKey,
  type CheckpointStatement,
  publicKeyOf,
  signCheckpoint,
  signingKey,
} from './checkpoint';
import { type ChainHead, headOf, keepCheckpoints, readCheckpoints, unsignedHeads } from './checkpoint.store';

/** A signature takes the node some fifty microseconds. */
const AT_ONCE = 100;

/** Retention removes nothing younger: a chain that says so was changed by hand. */
const LEAST_RETENTION_MS = 30 * 86_400_000;

/** Signs the heads of the chains: every minute those that grew, and one on demand. */
@Injectable()
export class CheckpointsService implements MaintenanceJob {
  private readonly keys: readonly KeyObject[];
  private readonly run: SqlRunner;

  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) dataSource: DataSource,
    settings: LatchkeySettings,
    private readonly sealer: AuditLogSealer,
    private readonly clock: Clock,
  ) {
    this.run = sqlOn(dataSource, dataSource);
    this.keys = settings.authSecrets.map(signingKey);
  }

  async runBatch(): Promise<boolean> {
    const heads = await unsignedHeads(this.run, AT_ONCE);
    if (heads.length > 0) await this.sign(heads, this.clock.epochMs());
    return heads.length === AT_ONCE;
  }

  /**
   * Seals what has been committed, and signs the head; undefined for an organization without events.
   *
   * @throws OverloadedError, and what the database says.
   */
  async make(organizationId: string): Promise<Checkpoint | undefined> {
    const sealedAt = await this.sealer.seal();
    const head = await headOf(this.run, organizationId);
    // Not before the time up to which everything is sealed, however the clocks differ.
    const [checkpoint] = head ? await this.sign([head], Math.max(sealedAt, this.clock.epochMs())) : [];
    return checkpoint;
  }

  /** Newest first, below a number. */
  list(organizationId: string, below: number, limit: number): Promise<Checkpoint[]> {
    return readCheckpoints(this.run, organizationId, { below, limit });
  }

  /** The present key, then those of the secrets before. */
  publicKeys(): CheckpointKey[] {
    return this.keys.map(publicKeyOf);
  }

  private async sign(heads: readonly ChainHead[], madeAt: number): Promise<Checkpoint[]> {
    const checkpoints = heads.map((head) => signCheckpoint(this.keys[0]!, this.statementOf(head, madeAt)));
    await keepCheckpoints(this.run, checkpoints);
    return checkpoints;
  }

  /** @throws Error for a chain that says what cannot be: Latchkey signs no such statement. */
  private statementOf({ hash, sealedAt, removedBefore, ...head }: ChainHead, madeAt: number): CheckpointStatement {
    if (removedBefore !== null && removedBefore.getTime() > madeAt - LEAST_RETENTION_MS)
      throw new Error(`The chain of ${head.organizationId} says that events younger than 30 days were removed`);
    return {
      ...head,
      hash: hash.toString('hex'),
      madeAt: new Date(madeAt).toISOString(),
      sealedAt: sealedAt.toISOString(),
      removedBefore: removedBefore?.toISOString() ?? null,
    };
  }
}
