import type { SqlRunner } from '../../database/sql-runner';
import { type AuditLogRow, ROW } from '../logged-event';
import type { SealedBatch } from './batch.store';

/** The most batches and events that are read at a time. */
const MOST_BATCHES = 50;
const MOST_EVENTS = 1_000;

/** The numbers of the first and the last batch of a part of a chain. */
export interface BatchRange {
  readonly first: number;
  readonly last: number;
}

/**
 * The batches that were sealed in a window, with one from before it and one from behind it, so that their own times prove that none is
 * missing. It goes on to the next batch that has a checkpoint, if there is one near.
 *
 * @returns undefined if the organization has no batch.
 */
export async function rangeOf(
  run: SqlRunner,
  organizationId: string,
  { from, to }: { from: Date; to: Date },
): Promise<BatchRange | undefined> {
  const [range] = await run<{ first: string | null; last: string | null }>(RANGE, [organizationId, from, to]);
  return range?.first && range.last ? { first: Number(range.first), last: Number(range.last) } : undefined;
}

/** Batches with their events. */
export interface FoundBatch {
  readonly batch: SealedBatch;
  /** In their order. Those that retention has removed are not among them. */
  readonly events: readonly AuditLogRow[];
}

/** The next batches of a range, as many as are read at a time. */
export async function readBatches(
  run: SqlRunner,
  organizationId: string,
  { first, last }: BatchRange,
): Promise<FoundBatch[]> {
  const rows = await run<BatchRow>(READ, [organizationId, first, last, MOST_BATCHES, MOST_EVENTS]);
  const batches = rows.map((row) => batchOf(organizationId, row));
  const ids = batches.flatMap(({ eventIds }) => eventIds);
  const events = await readEvents(run, windowOf(organizationId, batches), ids);
  const byId = new Map(events.map((event) => [event.id, event]));
  return batches.map((batch) => ({ batch, events: batch.eventIds.flatMap((id) => byId.get(id) ?? []) }));
}

/** A time within which the events of a batch lie. The table is partitioned by time. */
export interface EventWindow {
  readonly organizationId: string;
  readonly firstAt: Date;
  readonly lastAt: Date;
}

/** Events of a window, in the order of their ids. Those that retention has removed are not among them. */
export async function readEvents(
  run: SqlRunner,
  { organizationId, firstAt, lastAt }: EventWindow,
  ids: readonly string[],
): Promise<AuditLogRow[]> {
  if (ids.length === 0) return [];
  const rows = await run<AuditLogRow>(EVENTS, [organizationId, firstAt, lastAt, ids]);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}

function windowOf(organizationId: string, batches: readonly SealedBatch[]): EventWindow {
  const firstAt = new Date(Math.min(...batches.map((batch) => batch.firstAt)));
  return { organizationId, firstAt, lastAt: new Date(Math.max(...batches.map((batch) => batch.lastAt))) };
}

interface BatchRow {
  readonly number: string;
  readonly sealed_at: Date;
  readonly first_at: Date;
  readonly last_at: Date;
  readonly event_ids: string[];
  readonly event_hashes: Buffer[];
  readonly previous_hash: Buffer;
  readonly hash: Buffer;
}

function batchOf(organizationId: string, row: BatchRow): SealedBatch {
  return {
    organizationId,
    number: Number(row.number),
    sealedAt: row.sealed_at.getTime(),
    firstAt: row.first_at.getTime(),
    lastAt: row.last_at.getTime(),
    eventIds: row.event_ids,
    eventHashes: row.event_hashes,
    previousHash: row.previous_hash,
    hash: row.hash,
  };
}

// An event of the window that was sealed up to an hour after it is in the range too.
const RANGE = `
  WITH own AS NOT MATERIALIZED (SELECT number, sealed_at, first_at FROM latchkey.audit_batches WHERE organization_id = $1),
  first AS (
    SELECT coalesce((SELECT number FROM own WHERE sealed_at < $2 ORDER BY sealed_at DESC, number DESC LIMIT 1),
                    (SELECT number FROM own ORDER BY number LIMIT 1)) AS number),
  last AS (
    SELECT greatest(coalesce((SELECT number FROM own WHERE sealed_at > $3 ORDER BY sealed_at, number LIMIT 1),
                             (SELECT number FROM own ORDER BY number DESC LIMIT 1)),
                    (SELECT number FROM own
                      WHERE sealed_at > $3 AND sealed_at < $3::timestamptz + interval '1 hour' AND first_at < $3
                      ORDER BY sealed_at DESC, number DESC LIMIT 1)) AS number),
  signed AS (
    SELECT number FROM latchkey.audit_checkpoints
     WHERE organization_id = $1 AND number >= (SELECT number FROM last) AND number < (SELECT number FROM last) + 1000
     ORDER BY number LIMIT 1)
  SELECT (SELECT number FROM first) AS first,
         coalesce((SELECT number FROM signed WHERE number IN (SELECT number FROM own)), (SELECT number FROM last)) AS last`;

const READ = `
  SELECT number, sealed_at, first_at, last_at, event_ids, event_hashes, previous_hash, hash FROM (
    SELECT *, sum(cardinality(event_ids)) OVER (ORDER BY number) AS events FROM (
      SELECT * FROM latchkey.audit_batches
       WHERE organization_id = $1 AND number BETWEEN $2 AND $3 ORDER BY number LIMIT $4) AS next) AS counted
   WHERE events <= $5 ORDER BY number`;

const EVENTS = `
  SELECT ${ROW} FROM latchkey.audit_logs
   WHERE organization_id = $1 AND created_at BETWEEN $2 AND $3 AND id = ANY ($4::uuid[])`;
