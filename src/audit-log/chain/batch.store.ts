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

/** Whether an event waits to be sealed, and a time of the database: what was sealed before it is committed. */
export async function lookForUnsealed(run: SqlRunner): Promise<{ has: boolean; at: number }> {
  const [row] = await run<{ has: boolean; at: Date }>(UNSEALED);
  return { has: row!.has, at: row!.at.getTime() };
}

/**
 * Whether it is the turn of this node to seal, until its transaction ends. The others do not wait.
 *
 * @returns the time of the database in milliseconds since the epoch; undefined if another node seals.
 */
export async function tryTurn(run: SqlRunner): Promise<number | undefined> {
  const [turn] = await run<{ is_mine: boolean; now: Date }>(TRY_TURN);
  return turn!.is_mine ? turn!.now.getTime() : undefined;
}

/** The same, and waits for the node that seals: for `lock_timeout` at most. @throws what the database says then. */
export async function awaitTurn(run: SqlRunner): Promise<number> {
  await run(AWAIT_TURN);
  const [turn] = await run<{ now: Date }>('SELECT clock_timestamp()::timestamptz(3) AS now');
  return turn!.now.getTime();
}

/**
 * Takes committed events of one organization out of the queue, oldest first. An event that commits later is sealed later,
 * whatever its time is: so nothing is missed, and no writer waits.
 */
export async function takeUnsealed(run: SqlRunner): Promise<AuditLogRow[]> {
  return run<AuditLogRow>(TAKE, [LARGEST_BATCH]);
}

/**
 * Puts events back into the queue that are in no batch, half a minute to two and a half minutes after they were written. One node
 * at a time: the queue of another may be sealed meanwhile, and no event belongs into two batches.
 *
 * @returns how many.
 */
export async function queueForgotten(run: SqlRunner): Promise<number> {
  const [turn] = await run<{ is_mine: boolean }>(TRY_SEARCH);
  return turn!.is_mine ? (await run(FORGOTTEN)).length : 0;
}

/** The last batch of an organization that was ever sealed, also if its events are removed. */
export async function lastBatch(
  run: SqlRunner,
  organizationId: string,
): Promise<{ number: number; hash: Buffer; sealedAt: number } | undefined> {
  const [last] = await run<{ number: string; hash: Buffer; sealed_at: Date }>(LAST, [organizationId]);
  return last && { number: Number(last.number), hash: last.hash, sealedAt: last.sealed_at.getTime() };
}

/** Keeps a batch, and has it be the head of its chain. */
export async function insertBatch(run: SqlRunner, batch: SealedBatch): Promise<void> {
  const { organizationId, number, sealedAt, firstAt, lastAt, eventIds, eventHashes, previousHash, hash } = batch;
  const times = [sealedAt, firstAt, lastAt].map((at) => new Date(at));
  await run(INSERT, [organizationId, number, ...times, eventIds, eventHashes, previousHash, hash]);
}

// The start of the statement's transaction is older than what the statement sees.
const UNSEALED = `
  SELECT EXISTS (SELECT FROM latchkey.audit_unsealed) AS has, date_trunc('milliseconds', now())::timestamptz(3) AS at`;

const TURN = `hashtextextended('latchkey.seal_audit_log', 0)`;
const TRY_TURN = `
  SELECT pg_try_advisory_xact_lock(${TURN}) AS is_mine, clock_timestamp()::timestamptz(3) AS now`;
const AWAIT_TURN = `SELECT pg_advisory_xact_lock(${TURN})`;

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

const TRY_SEARCH = `SELECT pg_try_advisory_xact_lock(hashtextextended('latchkey.find_unqueued_events', 0)) AS is_mine`;
const FORGOTTEN = `
  INSERT INTO latchkey.audit_unsealed (created_at, id, organization_id)
  SELECT e.created_at, e.id, e.organization_id FROM latchkey.audit_logs e
    LEFT JOIN (SELECT unnest(event_ids) AS id FROM latchkey.audit_batches
                WHERE sealed_at > now() - interval '160 seconds') AS sealed ON sealed.id = e.id
    LEFT JOIN latchkey.audit_unsealed u ON u.created_at = e.created_at AND u.id = e.id
   WHERE e.created_at > now() - interval '150 seconds' AND e.created_at < now() - interval '30 seconds'
     AND sealed.id IS NULL AND u.id IS NULL
  ON CONFLICT DO NOTHING RETURNING id`;

// A node of the version before keeps batches and no chains, so that the batches may be ahead.
const LAST = `
  SELECT number, hash, sealed_at FROM (
    (SELECT number, hash, sealed_at FROM latchkey.audit_batches WHERE organization_id = $1 ORDER BY number DESC LIMIT 1)
    UNION ALL
    SELECT number, hash, sealed_at FROM latchkey.audit_chains WHERE organization_id = $1) AS last
   ORDER BY number DESC LIMIT 1`;

const INSERT = `
  WITH head AS (
    INSERT INTO latchkey.audit_chains AS c (organization_id, number, hash, sealed_at, first_kept) VALUES ($1, $2, $9, $3, $2)
    ON CONFLICT (organization_id) DO UPDATE
      SET number = excluded.number, hash = excluded.hash, sealed_at = excluded.sealed_at, is_signed = false
  )
  INSERT INTO latchkey.audit_batches (
    organization_id, number, sealed_at, first_at, last_at, event_ids, event_hashes, previous_hash, hash)
  VALUES ($1, $2, $3, $4, $5, $6::uuid[], $7::bytea[], $8, $9)`;
