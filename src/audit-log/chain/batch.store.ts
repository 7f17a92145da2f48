import type { SqlRunner } from '../../database/sql-runner';
import { type AuditLogRow, ROW } from '../logged-event';
import type { ChainedBatch } from './event-chain';

/** The most events of one batch: their hashes are read and sent together. */
export const LARGEST_BATCH = 1_000;

/** A batch as it is kept. */
export interface SealedBatch extends ChainedBatch {
  readonly eventIds: readonly string[];
  /** The times of its first and its last event, in milliseconds since the epoch. */
  readonly firstAt: number;
  readonly lastAt: number;
  readonly hash: Buffer;
}

/** Whether an event waits to be sealed. */
export async function hasUnsealed(run: SqlRunner): Promise<boolean> {
  const [row] = await run<{ has: boolean }>('SELECT EXISTS (SELECT FROM latchkey.audit_unsealed) AS has');
  return row!.has;
}

/**
 * Whether it is the turn of this node to seal, until its transaction ends. The others do not wait.
 *
 * @returns the time of the database in milliseconds since the epoch; undefined if another node seals.
 */
export async function takeTurn(run: SqlRunner): Promise<number | undefined> {
  const [turn] = await run<{ is_mine: boolean; now: Date }>(TURN);
  return turn!.is_mine ? turn!.now.getTime() : undefined;
}

/**
 * Takes committed events of one organization out of the queue, oldest first. An event that commits later is sealed later,
 * whatever its time is: so nothing is missed, and no writer waits.
 */
export async function takeUnsealed(run: SqlRunner): Promise<AuditLogRow[]> {
  return run<AuditLogRow>(TAKE, [LARGEST_BATCH]);
}

/** The numbers of the first and the last batch with events of a time; undefined if no batch has any. */
export async function rangeOf(
  run: SqlRunner,
  organizationId: string,
  { from, to }: { from: Date; to: Date },
): Promise<{ first: number; last: number } | undefined> {
  const [range] = await run<{ first: string | null; last: string | null }>(RANGE, [organizationId, from, to]);
  const [first, last] = [Number(range?.first ?? 0), Number(range?.last ?? 0)];
  return first > 0 && first <= last ? { first, last } : undefined;
}

/** One batch; undefined if it was removed with its events. */
export async function readBatch(
  run: SqlRunner,
  organizationId: string,
  number: number,
): Promise<SealedBatch | undefined> {
  const [row] = await run<BatchRow>(READ, [organizationId, number]);
  if (row === undefined) return undefined;
  return {
    organizationId,
    number,
    sealedAt: row.sealed_at.getTime(),
    firstAt: row.first_at.getTime(),
    lastAt: row.last_at.getTime(),
    eventIds: row.event_ids,
    eventHashes: row.event_hashes,
    previousHash: row.previous_hash,
    hash: row.hash,
  };
}

/** The events of a batch, in no order. Those of a month that was removed are not among them. */
export async function readEventsOf(run: SqlRunner, batch: SealedBatch): Promise<AuditLogRow[]> {
  const { organizationId, firstAt, lastAt, eventIds } = batch;
  return run<AuditLogRow>(EVENTS, [organizationId, new Date(firstAt), new Date(lastAt), eventIds]);
}

/** Removes batches whose events are all older than a time. @returns how many. */
export async function removeBatches(run: SqlRunner, before: Date, most: number): Promise<number> {
  const [row] = await run<{ pruned: number }>(REMOVE, [before, most]);
  return row!.pruned;
}

interface BatchRow {
  readonly sealed_at: Date;
  readonly first_at: Date;
  readonly last_at: Date;
  readonly event_ids: string[];
  readonly event_hashes: Buffer[];
  readonly previous_hash: Buffer;
  readonly hash: Buffer;
}

/** The last batch of an organization. */
export async function lastBatch(
  run: SqlRunner,
  organizationId: string,
): Promise<{ number: number; hash: Buffer; sealedAt: number } | undefined> {
  const [last] = await run<{ number: string; hash: Buffer; sealed_at: Date }>(LAST, [organizationId]);
  return last && { number: Number(last.number), hash: last.hash, sealedAt: last.sealed_at.getTime() };
}

export async function insertBatch(run: SqlRunner, batch: SealedBatch): Promise<void> {
  const { organizationId, number, sealedAt, firstAt, lastAt, eventIds, eventHashes, previousHash, hash } = batch;
  const times = [sealedAt, firstAt, lastAt].map((at) => new Date(at));
  await run(INSERT, [organizationId, number, ...times, eventIds, eventHashes, previousHash, hash]);
}

const TURN = `
  SELECT pg_try_advisory_xact_lock(hashtextextended('latchkey.seal_audit_log', 0)) AS is_mine, clock_timestamp()::timestamptz(3) AS now`;

const TAKE = `
  WITH oldest AS MATERIALIZED (
    SELECT organization_id FROM latchkey.audit_unsealed ORDER BY created_at, id LIMIT 1
  ), taken AS (
    DELETE FROM latchkey.audit_unsealed u USING (
      SELECT created_at, id FROM latchkey.audit_unsealed
       WHERE organization_id = (SELECT organization_id FROM oldest) ORDER BY created_at, id LIMIT $1) AS next
     WHERE u.created_at = next.created_at AND u.id = next.id
    RETURNING u.created_at, u.id
  )
  SELECT ${ROW} FROM latchkey.audit_logs WHERE (created_at, id) IN (SELECT created_at, id FROM taken) ORDER BY created_at, id`;

const RANGE = `
  SELECT (SELECT min(number) FROM latchkey.audit_batches WHERE organization_id = $1 AND last_at >= $2) AS first,
         (SELECT max(number) FROM latchkey.audit_batches WHERE organization_id = $1 AND first_at < $3) AS last`;

const READ = `
  SELECT sealed_at, first_at, last_at, event_ids, event_hashes, previous_hash, hash
    FROM latchkey.audit_batches WHERE organization_id = $1 AND number = $2`;

const EVENTS = `
  SELECT ${ROW} FROM latchkey.audit_logs
   WHERE organization_id = $1 AND created_at BETWEEN $2 AND $3 AND id = ANY ($4::uuid[])`;

const REMOVE = `
  WITH pruned AS (
    DELETE FROM latchkey.audit_batches WHERE (organization_id, number) IN (
      SELECT organization_id, number FROM latchkey.audit_batches WHERE last_at < $1 LIMIT $2)
    RETURNING 1
  )
  SELECT count(*)::integer AS pruned FROM pruned`;

const LAST = `
  SELECT number, hash, sealed_at FROM latchkey.audit_batches WHERE organization_id = $1 ORDER BY number DESC LIMIT 1`;

const INSERT = `
  INSERT INTO latchkey.audit_batches (
    organization_id, number, sealed_at, first_at, last_at, event_ids, event_hashes, previous_hash, hash)
  VALUES ($1, $2, $3, $4, $5, $6::uuid[], $7::bytea[], $8, $9)`;
