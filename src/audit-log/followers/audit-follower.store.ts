import type { SqlRunner } from '../../database/sql-runner';
import type { EventWindow } from '../chain/batch-reads.store';

/** For how long a node has taken a follower over. If the node dies, another one goes on after that time. */
const LEASE = `now() + interval '30 seconds'`;

/** A follower that this node has taken over, and its place. */
export interface HeldFollower {
  readonly name: string;
  readonly lease: string;
  /** The position of the last batch of which everything was taken, as PostgreSQL writes it. */
  readonly position: string;
  readonly sent: number;
  readonly attempts: number;
}

export type FollowerPlace = Pick<HeldFollower, 'position' | 'sent'>;

/** A batch of any organization. */
export interface FollowedBatch extends EventWindow {
  readonly position: string;
  readonly eventIds: readonly string[];
}

/** Has a follower begin behind the present end, unless it is known. */
export async function addFollower(run: SqlRunner, name: string): Promise<void> {
  await run(ADD, [name]);
}

/** Takes a follower over that has something to take; undefined if it has nothing, or another node has it. */
export async function claimFollower(run: SqlRunner, name: string, lease: string): Promise<HeldFollower | undefined> {
  const [row] = await run<Omit<HeldFollower, 'name' | 'lease'>>(CLAIM, [name, lease]);
  return row && { ...row, name, lease };
}

/** The first batch behind a position; undefined at the end. */
export async function batchBehind(run: SqlRunner, position: string): Promise<FollowedBatch | undefined> {
  const [row] = await run<FollowedBatch>(BATCH, [position]);
  return row;
}

/** Moves on. @returns false if another node has taken the follower over. */
export async function moveFollower(
  run: SqlRunner,
  held: HeldFollower,
  { position, sent }: FollowerPlace,
): Promise<boolean> {
  return (await run(MOVE, [held.name, held.lease, position, sent])).length === 1;
}

/** Lets go of a follower; after a failure until its pause is over. */
export async function releaseFollower(
  run: SqlRunner,
  { name, lease }: HeldFollower,
  failedForMs?: number,
): Promise<void> {
  await run(RELEASE, [name, lease, failedForMs ?? null]);
}

const ADD = `
  INSERT INTO latchkey.audit_followers (name, position)
  SELECT $1, coalesce(max(position), 0) FROM latchkey.audit_batches
  ON CONFLICT (name) DO NOTHING`;

const CLAIM = `
  UPDATE latchkey.audit_followers f SET lease = $2, leased_until = ${LEASE}
   WHERE f.name = $1 AND f.due_at <= now() AND coalesce(f.leased_until, '-infinity') < now()
     AND EXISTS (SELECT FROM latchkey.audit_batches b WHERE b.position > f.position)
  RETURNING f.position, f.sent, f.attempts`;

const BATCH = `
  SELECT position, organization_id AS "organizationId", first_at AS "firstAt", last_at AS "lastAt", event_ids AS "eventIds"
    FROM latchkey.audit_batches WHERE position > $1 ORDER BY position LIMIT 1`;

const MOVE = `
  UPDATE latchkey.audit_followers SET position = $3, sent = $4, attempts = 0, leased_until = ${LEASE}
   WHERE name = $1 AND lease = $2
  RETURNING name`;

const RELEASE = `
  UPDATE latchkey.audit_followers
     SET lease = NULL, leased_until = NULL, attempts = CASE WHEN $3::double precision IS NULL THEN attempts ELSE attempts + 1 END,
         due_at = now() + coalesce($3::double precision, 0) * interval '1 millisecond'
   WHERE name = $1 AND lease = $2`;
