import type { SqlRunner } from '../../database/sql-runner';

/** How many batches of one chain are removed at a time. */
const MOST_BATCHES = 200;

/** Makes the partitions of the next months. @returns whether it did. */
export async function makePartitions(run: SqlRunner): Promise<boolean> {
  return changes(run, inTurn('latchkey.make_audit_partitions()'));
}

/** Makes an ordinary partition of the default one, if that has events. @returns whether it did. */
export async function settleDefault(run: SqlRunner): Promise<boolean> {
  return changes(run, inTurn('latchkey.settle_audit_default()'));
}

/** Removes one partition whose events are all older than a time, and notes that on their chains. @returns whether it did. */
export async function removePartition(run: SqlRunner, before: Date): Promise<boolean> {
  return changes(run, inTurn('latchkey.remove_audit_partition($1)'), [before]);
}

/**
 * Removes batches without events from the start of one chain, up to the first batch that has an event, or is the last one. So the
 * batches that are left are one piece, and the chain goes on from its head.
 *
 * @returns whether there may be more.
 */
export async function pruneChain(run: SqlRunner): Promise<boolean> {
  const [pruned] = await run<{ chains: number }>(PRUNE, [MOST_BATCHES]);
  return pruned!.chains > 0;
}

async function changes(run: SqlRunner, sql: string, parameters: unknown[] = []): Promise<boolean> {
  const [row] = await run<{ changed: number }>(sql, parameters);
  return row!.changed > 0;
}

/** One node at a time, and without waiting. */
function inTurn(call: string): string {
  return `SELECT CASE WHEN pg_try_advisory_xact_lock(hashtextextended('latchkey.keep_audit_partitions', 0)) THEN ${call} ELSE 0 END AS changed`;
}

// Checkpoints of batches that are gone can confirm nothing any more.
const PRUNE = `
  WITH chain AS MATERIALIZED (
    SELECT organization_id, number, first_kept, removed_before FROM latchkey.audit_chains
     WHERE NOT is_pruned LIMIT 1 FOR UPDATE SKIP LOCKED
  ), old AS MATERIALIZED (
    SELECT b.number, EXISTS (
             SELECT FROM latchkey.audit_logs e
              WHERE e.organization_id = b.organization_id AND e.created_at BETWEEN b.first_at AND b.last_at
                AND e.id = ANY (b.event_ids)) AS has_events
      FROM chain c JOIN latchkey.audit_batches b USING (organization_id)
     WHERE b.number >= c.first_kept AND b.number < c.number AND b.sealed_at < c.removed_before
     ORDER BY b.number LIMIT $1
  ), kept AS MATERIALIZED (
    SELECT coalesce(min(number) FILTER (WHERE has_events), max(number) + 1) AS number,
           count(*) < $1 OR bool_or(has_events) AS is_last
      FROM old
  ), removed AS (
    DELETE FROM latchkey.audit_batches b USING chain c, kept
     WHERE b.organization_id = c.organization_id AND b.number >= c.first_kept AND b.number < kept.number
  ), signed AS (
    DELETE FROM latchkey.audit_checkpoints p USING chain c, kept
     WHERE p.organization_id = c.organization_id AND p.number < kept.number
  ), noted AS (
    UPDATE latchkey.audit_chains a
       SET first_kept = coalesce(kept.number, a.first_kept), is_pruned = kept.is_last,
           is_signed = a.is_signed AND coalesce(kept.number, a.first_kept) = a.first_kept
      FROM chain c, kept WHERE a.organization_id = c.organization_id
    RETURNING 1
  )
  SELECT count(*)::integer AS chains FROM noted`;
