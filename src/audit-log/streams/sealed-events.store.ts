import type { SqlRunner } from '../../database/sql-runner';
import type { EventWindow } from '../chain/batch-reads.store';

/** A batch of the chain, as its receivers need it. */
export interface StreamedBatch extends EventWindow {
  readonly number: number;
  readonly sealedAt: Date;
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

const BATCH = `
  SELECT organization_id AS "organizationId", number, sealed_at AS "sealedAt", first_at AS "firstAt", last_at AS "lastAt",
         previous_hash AS "previousHash", hash, event_ids AS "eventIds"
    FROM latchkey.audit_batches WHERE organization_id = $1 AND number >= $2 ORDER BY number LIMIT 1`;
