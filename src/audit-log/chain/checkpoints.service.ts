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
import { type Checkpoint, type CheckpointKey, publicKeyOf, signCheckpoint, signingKey } from './checkpoint';
import { type ChainHead, headOf, insertCheckpoint, readCheckpoints, unsignedHeads } from './checkpoint.store';

const AT_ONCE = 500;

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
    for (const head of heads) await this.sign(head);
    return heads.length === AT_ONCE;
  }

  /** Seals what has been committed, and signs the head; undefined for an organization without events. */
  async make(organizationId: string): Promise<Checkpoint | undefined> {
    await this.sealer.seal();
    const head = await headOf(this.run, organizationId);
    return head && this.sign(head);
  }

  /** Newest first, below a number. */
  list(organizationId: string, below: number, limit: number): Promise<Checkpoint[]> {
    return readCheckpoints(this.run, organizationId, { below, limit });
  }

  /** The present key, then those of the secrets before. */
  publicKeys(): CheckpointKey[] {
    return this.keys.map(publicKeyOf);
  }

  private sign({ organizationId, number, hash }: ChainHead): Promise<Checkpoint> {
    const statement = { organizationId, number, hash: hash.toString('hex'), madeAt: this.clock.now().toISOString() };
    return insertCheckpoint(this.run, signCheckpoint(this.keys[0]!, statement));
  }
}
