import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { AuditTrail } from '../changes/audit-trail';
import type { Change } from '../changes/change';
import type { MissedObservations } from '../changes/missed-observations';
import type { Observation } from '../changes/observation';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { sqlOn, type SqlRunner } from '../database/sql-runner';
import { eventOfChange, eventOfObservation, gapEvent } from './audit-event';
import { appendEvents } from './audit-log.store';

/** Writes the audit log: a change in its own transaction, and what changed nothing in batches after the answers. */
@Injectable()
export class AuditLogTrail extends AuditTrail {
  private readonly run: SqlRunner;

  constructor(@InjectDataSource(LATCHKEY_DATA_SOURCE) dataSource: DataSource) {
    super();
    this.run = sqlOn(dataSource, dataSource);
  }

  async record(run: SqlRunner, change: Change): Promise<void> {
    await appendEvents(run, [eventOfChange(change)]);
  }

  async observe(observations: readonly Observation[], missed: readonly MissedObservations[]): Promise<void> {
    const events = observations.map(eventOfObservation).filter((event) => event !== undefined);
    events.push(...missed.flatMap(({ owner, count }) => (owner ? [gapEvent(owner, count)] : [])));
    if (events.length > 0) await appendEvents(this.run, events);
  }
}
