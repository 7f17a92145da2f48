import type { SqlRunner } from '../../database/sql-runner';
import type { AuditStream, ClaimedStream, DeadLetter, StreamPlace } from './audit-stream';

/** The most streams of one organization. Lists have them all. */
export const MOST_STREAMS = 10;

interface NewStream {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly url: string;
  readonly caCert: string;
  readonly sealedSecret: Buffer;
}

/** The settings of a stream that a manager changes. */
export type StreamChanges = Partial<Pick<AuditStream, 'name' | 'url' | 'caCert' | 'isEnabled'>>;

/** The delivery that was tried, and how it ended. */
export interface Failure {
  readonly fault: string;
  readonly pauseMs: number;
}

/** Events that are given up. */
export type GivenUp = Pick<DeadLetter, 'batch' | 'first' | 'count' | 'attempts' | 'lastFault'>;

/** A stream of events that are sealed from now on; undefined if the organization has as many streams as it can have. */
export async function insertStream(run: SqlRunner, stream: NewStream): Promise<AuditStream | undefined> {
  const { id, organizationId, name, url, caCert, sealedSecret } = stream;
  const [row] = await run<AuditStream>(INSERT, [id, organizationId, name, url, caCert, sealedSecret, MOST_STREAMS]);
  return row;
}

/** The streams of an organization, oldest first. */
export function readStreams(run: SqlRunner, organizationId: string): Promise<AuditStream[]> {
  return run<AuditStream>(`${READ} WHERE s.organization_id = $1 ORDER BY s.created_at, s.id`, [organizationId]);
}

export async function readStream(run: SqlRunner, organizationId: string, id: string): Promise<AuditStream | undefined> {
  const [row] = await run<AuditStream>(`${READ} WHERE s.organization_id = $1 AND s.id = $2`, [organizationId, id]);
  return row;
}

/** A stream, locked until the transaction ends. */
export async function holdStream(run: SqlRunner, organizationId: string, id: string): Promise<AuditStream | undefined> {
  const [row] = await run<AuditStream>(`${READ} WHERE s.organization_id = $1 AND s.id = $2 FOR UPDATE OF s`, [
    organizationId,
    id,
  ]);
  return row;
}

/** Changes a stream. It is tried at once, however long its pause was. */
export async function updateStream(run: SqlRunner, { id }: AuditStream, changes: StreamChanges): Promise<void> {
  const { name = null, url = null, caCert = null, isEnabled = null } = changes;
  await run(UPDATE, [id, name, url, caCert, isEnabled]);
}

export async function deleteStream(run: SqlRunner, id: string): Promise<void> {
  await run('DELETE FROM latchkey.audit_streams WHERE id = $1', [id]);
}

/** The dead letters of a stream, newest first, after a place in that order. */
export function readDeadLetters(
  run: SqlRunner,
  streamId: string,
  { after, limit }: { after: { createdAt: Date; id: string } | undefined; limit: number },
): Promise<DeadLetter[]> {
  return run<DeadLetter>(DEAD_LETTERS, [streamId, after?.createdAt ?? 'infinity', after?.id ?? null, limit]);
}

/** Makes the dead letters of a stream due. @returns how many. */
export async function reviveDeadLetters(run: SqlRunner, streamId: string): Promise<number> {
  return (await run(REVIVE, [streamId])).length;
}

/** How a node takes over streams. */
export interface Claim {
  readonly lease: string;
  readonly leaseMs: number;
  /** The most of those whose last delivery succeeded, and of those whose last delivery failed. */
  readonly healthy: number;
  readonly failing: number;
}

/** Takes over streams that have something to deliver and that no other node delivers. */
export async function claimStreams(run: SqlRunner, claim: Claim): Promise<ClaimedStream[]> {
  const { lease, leaseMs, healthy, failing } = claim;
  const rows = await run<ClaimedRow>(CLAIM, [lease, leaseMs, healthy, failing]);
  return rows.map((row) => ({ ...row, batch: Number(row.batch), lease }));
}

type ClaimedRow = Omit<ClaimedStream, 'batch' | 'lease'> & { readonly batch: string };

/** The settings of a stream that its deliveries depend on. */
type StreamSettings = Pick<ClaimedStream, 'url' | 'caCert' | 'sealedSecret'>;

/** The present settings of a stream that this node still holds; undefined if it was removed, paused or taken over. */
export async function advance(
  run: SqlRunner,
  { id, lease }: ClaimedStream,
  { batch, sent }: StreamPlace,
  { leaseMs, isDelivered }: { leaseMs: number; isDelivered: boolean },
): Promise<StreamSettings | undefined> {
  const [row] = await run<StreamSettings & { isEnabled: boolean }>(ADVANCE, [
    id,
    lease,
    batch,
    sent,
    leaseMs,
    isDelivered,
  ]);
  return row?.isEnabled ? row : undefined;
}

/** Lets go of a stream. */
export async function release(run: SqlRunner, { id, lease }: ClaimedStream): Promise<void> {
  await run(RELEASE, [id, lease]);
}

/** Notes a failed delivery, and lets go of the stream until its pause is over. */
export async function noteFailure(
  run: SqlRunner,
  { id, lease }: ClaimedStream,
  { fault, pauseMs }: Failure,
): Promise<void> {
  await run(FAIL, [id, lease, fault, pauseMs]);
}

/** Puts events aside as a dead letter, and moves on behind them. The next ones are tried at once. */
export async function giveUp(
  run: SqlRunner,
  { id, lease }: ClaimedStream,
  next: StreamPlace,
  letter: GivenUp,
): Promise<void> {
  const { batch, first, count, attempts, lastFault } = letter;
  await run(GIVE_UP, [id, lease, next.batch, next.sent, batch, first, count, attempts, lastFault]);
}

/** The dead letters of a stream that are due, in the order of the chain. */
export async function dueDeadLetters(run: SqlRunner, streamId: string, most: number): Promise<DeadLetter[]> {
  const rows = await run<Omit<DeadLetter, 'batch'> & { batch: string }>(DUE_LETTERS, [streamId, most]);
  return rows.map((row) => ({ ...row, batch: Number(row.batch) }));
}

/** Removes a dead letter that was delivered. */
export async function removeDeadLetter(run: SqlRunner, id: string): Promise<void> {
  await run('DELETE FROM latchkey.audit_dead_letters WHERE id = $1', [id]);
}

/** Notes that a dead letter failed again. None of the stream is due any longer. */
export async function keepDeadLetter(run: SqlRunner, streamId: string, id: string, fault: string): Promise<void> {
  await run(KEEP_LETTER, [streamId, id, fault]);
}

const READ = `
  SELECT s.id, s.organization_id AS "organizationId", s.name, s.url, s.ca_cert AS "caCert", s.is_enabled AS "isEnabled", s.attempts,
         s.delivered_at AS "deliveredAt", s.failing_since AS "failingSince", s.last_fault AS "lastFault",
         s.created_at AS "createdAt", s.updated_at AS "updatedAt",
         (SELECT count(*)::integer FROM latchkey.audit_dead_letters d WHERE d.stream_id = s.id) AS "deadLetterCount"
    FROM latchkey.audit_streams s`;

// The lock is that of the organization's row, so that two calls at once cannot both make the last stream.
const INSERT = `
  WITH organization AS MATERIALIZED (SELECT id FROM latchkey.organizations WHERE id = $2 FOR NO KEY UPDATE)
  INSERT INTO latchkey.audit_streams (id, organization_id, name, url, ca_cert, sealed_secret, batch)
  SELECT $1, o.id, $3, $4, $5, $6,
         coalesce((SELECT max(number) FROM latchkey.audit_batches WHERE organization_id = o.id), 0) + 1
    FROM organization o WHERE (SELECT count(*) FROM latchkey.audit_streams WHERE organization_id = o.id) < $7
  RETURNING id, organization_id AS "organizationId", name, url, ca_cert AS "caCert", is_enabled AS "isEnabled", attempts,
    delivered_at AS "deliveredAt", failing_since AS "failingSince", last_fault AS "lastFault",
    created_at AS "createdAt", updated_at AS "updatedAt", 0 AS "deadLetterCount"`;

const UPDATE = `
  UPDATE latchkey.audit_streams
     SET name = coalesce($2, name), url = coalesce($3, url), ca_cert = coalesce($4, ca_cert),
         is_enabled = coalesce($5, is_enabled), due_at = now(),
         updated_at = now()
   WHERE id = $1`;

const DEAD_LETTERS = `
  SELECT id, batch::integer AS batch, first, count, attempts, last_fault AS "lastFault", is_due AS "isDue",
         given_up_at AS "createdAt"
    FROM latchkey.audit_dead_letters
   WHERE stream_id = $1 AND (given_up_at, id) < ($2::timestamptz, coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
   ORDER BY given_up_at DESC, id DESC LIMIT $4`;

const REVIVE = `
  WITH due AS (UPDATE latchkey.audit_streams SET due_at = now() WHERE id = $1)
  UPDATE latchkey.audit_dead_letters SET is_due = true WHERE stream_id = $1 RETURNING id`;

const due = (attempts: string, most: string) => `
    SELECT s.id FROM latchkey.audit_streams s
     WHERE s.is_enabled AND s.due_at <= now() AND coalesce(s.leased_until, '-infinity') < now() AND s.attempts ${attempts}
       AND (EXISTS (SELECT FROM latchkey.audit_batches b WHERE b.organization_id = s.organization_id AND b.number >= s.batch)
            OR EXISTS (SELECT FROM latchkey.audit_dead_letters d WHERE d.stream_id = s.id AND d.is_due))
     ORDER BY s.due_at LIMIT ${most} FOR NO KEY UPDATE OF s SKIP LOCKED`;

const CLAIM = `
  WITH healthy AS MATERIALIZED (${due('= 0', '$3')}), failing AS MATERIALIZED (${due('> 0', '$4')})
  UPDATE latchkey.audit_streams s SET lease = $1, leased_until = now() + $2 * interval '1 millisecond'
    FROM (SELECT id FROM healthy UNION ALL SELECT id FROM failing) AS due WHERE s.id = due.id
  RETURNING s.id, s.organization_id AS "organizationId", s.url, s.ca_cert AS "caCert", s.sealed_secret AS "sealedSecret", s.attempts, s.batch, s.sent`;

const ADVANCE = `
  UPDATE latchkey.audit_streams
     SET batch = $3, sent = $4, leased_until = now() + $5 * interval '1 millisecond',
         attempts = CASE WHEN $6 THEN 0 ELSE attempts END, failing_since = CASE WHEN $6 THEN NULL ELSE failing_since END,
         last_fault = CASE WHEN $6 THEN NULL ELSE last_fault END, delivered_at = CASE WHEN $6 THEN now() ELSE delivered_at END
   WHERE id = $1 AND lease = $2
  RETURNING url, ca_cert AS "caCert", sealed_secret AS "sealedSecret", is_enabled AS "isEnabled"`;

// Behind the streams that wait by now: those of slow receivers must not be claimed first again.
const RELEASE = `
  UPDATE latchkey.audit_streams SET lease = NULL, leased_until = NULL, due_at = now() WHERE id = $1 AND lease = $2`;

const FAIL = `
  UPDATE latchkey.audit_streams
     SET attempts = attempts + 1, failing_since = coalesce(failing_since, now()), last_fault = $3,
         due_at = now() + $4 * interval '1 millisecond', lease = NULL, leased_until = NULL
   WHERE id = $1 AND lease = $2`;

const GIVE_UP = `
  WITH moved AS (
    UPDATE latchkey.audit_streams
       SET batch = $3, sent = $4, attempts = 0, last_fault = $9, due_at = now(), lease = NULL, leased_until = NULL
     WHERE id = $1 AND lease = $2
    RETURNING id
  )
  INSERT INTO latchkey.audit_dead_letters (stream_id, batch, first, count, attempts, last_fault)
  SELECT id, $5, $6, $7, $8, $9 FROM moved`;

const DUE_LETTERS = `
  SELECT id, batch, first, count, attempts, last_fault AS "lastFault", is_due AS "isDue", given_up_at AS "createdAt"
    FROM latchkey.audit_dead_letters WHERE stream_id = $1 AND is_due ORDER BY batch, first LIMIT $2`;

const KEEP_LETTER = `
  UPDATE latchkey.audit_dead_letters
     SET is_due = false, attempts = attempts + CASE WHEN id = $2 THEN 1 ELSE 0 END,
         last_fault = CASE WHEN id = $2 THEN $3 ELSE last_fault END
   WHERE stream_id = $1 AND is_due`;
