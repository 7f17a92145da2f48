import type { SqlRunner } from '../../database/sql-runner';
import { type AuditLogRow, ROW } from '../logged-event';

/** A batch of the chain, as its receivers need it. */
export interface StreamedBatch {
  readonly organizationId: string;
  readonly number: number;
  readonly sealedAt: Date;
  readonly firstAt: Date;
  readonly lastAt: Date;
  readonly previousHash: Buffer;
  readonly hash: Buffer;
  /** In their order. */
  readonly eventIds: readonly string[];
}

/** The first batch of an organization from a number on; undefined for none. Batches that retention has removed are passed over. */
export async function batchFrom(
  run: SqlRunner,
  organizationId: string,
  from: number,
): Promise<StreamedBatch | undefined> {
  const [row] = await run<Omit<StreamedBatch, 'number'> & { number: string }>(BATCH, [organizationId, from]);
  return row && { ...row, number: Number(row.number) };
}

/** Events of a batch, in no order. Those of a month that was removed are not among them. */
export async function eventsOf(run: SqlRunner, batch: StreamedBatch, ids: readonly string[]): Promise<AuditLogRow[]> {
  const { organizationId, firstAt, lastAt } = batch;
  return run<AuditLogRow>(EVENTS, [organizationId, firstAt, lastAt, ids]);
}

const BATCH = `
  SELECT organization_id AS "organizationId", number, sealed_at AS "sealedAt", first_at AS "firstAt", last_at AS "lastAt",
         previous_hash AS "previousHash", hash, event_ids AS "eventIds"
    FROM latchkey.audit_batches WHERE organization_id = $1 AND number >= $2 ORDER BY number LIMIT 1`;

const EVENTS = `
  SELECT ${ROW} FROM latchkey.audit_logs
   WHERE organization_id = $1 AND created_at BETWEEN $2 AND $3 AND id = ANY ($4::uuid[])`;
