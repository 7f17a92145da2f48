import { Injectable } from '@nestjs/common';
import type { SqlRunner } from '../../database/sql-runner';
import type { AccessTokenEventName, ToldEvent, UntoldEvent } from './access-token-events';

/** An event that this node has taken over for one attempt. */
export interface ClaimedEvent {
  readonly told: ToldEvent;
  readonly attempts: number;
  /** The handlers that have heard it. */
  readonly heardBy: readonly string[];
}

/** How an attempt ended. */
export interface SettledEvent {
  readonly id: string;
  readonly attempts: number;
  readonly heardBy: readonly string[];
  readonly isSettled: boolean;
  readonly isDead: boolean;
}

/** Which ended tokens are told now. */
export interface Ending {
  /** Up to when tokens have ended for certain. */
  readonly upTo: Date;
  readonly most: number;
  /** Whether a handler is to hear it from the outbox. Otherwise the row only says that it was told. */
  readonly isKept: boolean;
}

/**
 * Writes `token_events`, the outbox: a row is an event that handlers hear at least once. The rows of a token are delivered in the
 * order of their positions. A change locks its token before its event gets a position, so this is the order of the commits.
 */
@Injectable()
export class TokenEventStore {
  /** Keeps events in the transaction of their change. */
  async keep(run: SqlRunner, events: readonly UntoldEvent[]): Promise<void> {
    await run(KEEP, [JSON.stringify(events)]);
  }

  /** The events with what the database knows of their tokens. Tokens of logins have none. */
  async tell(run: SqlRunner, events: readonly UntoldEvent[]): Promise<ToldEvent[]> {
    const rows = await run<{ told: ToldEvent }>(TELL, [JSON.stringify(events)]);
    return rows.map(({ told }) => told);
  }

  /** Tells which tokens have ended, each once. Fewer than `most`: these were all. */
  async tellEnded(run: SqlRunner, { upTo, most, isKept }: Ending): Promise<ToldEvent[]> {
    const rows = await run<{ told: ToldEvent }>(TELL_ENDED, [upTo, most, isKept]);
    return rows.map(({ told }) => told);
  }

  /** Takes events over for an attempt: of each token the first one that is not settled. For a while no other node gets them. */
  claim(run: SqlRunner, types: readonly AccessTokenEventName[], most: number): Promise<ClaimedEvent[]> {
    return run<ClaimedEvent>(CLAIM, [types, most]);
  }

  /** Notes how attempts ended, unless another node has taken the event over since. */
  async settle(run: SqlRunner, events: readonly SettledEvent[]): Promise<void> {
    await run(SETTLE, [JSON.stringify(events)]);
  }

  /** The events that were given up, oldest first. */
  deadLetters(run: SqlRunner, most: number): Promise<{ told: ToldEvent; attempts: number }[]> {
    return run(DEAD_LETTERS, [most]);
  }

  /** Makes a dead letter due again. @returns false where there is no such dead letter. */
  async revive(run: SqlRunner, id: string): Promise<boolean> {
    return (await run(REVIVE, [id])).length === 1;
  }

  /** Removes rows that are no longer needed. @returns how many rows. */
  async prune(run: SqlRunner, most: number): Promise<number> {
    return (await run(PRUNE, [most])).length;
  }
}

const KNOWN = `jsonb_build_object('name', t.name, 'externalId', t.external_id, 'metadata', coalesce(t.metadata, '{}'),
             'organizationExternalId', o.external_id)`;

const OWNERS = `jsonb_build_object('identityId', t.identity_id, 'organizationId', t.organization_id)`;

const TOLD = `
  SELECT e || ${KNOWN} || CASE WHEN t.id IS NULL THEN '{}' ELSE ${OWNERS} END AS told, n
    FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS given (e, n)
    LEFT JOIN latchkey.identity_access_tokens t ON t.id = (e ->> 'tokenId')::uuid
    LEFT JOIN latchkey.organizations o ON o.id = coalesce(t.organization_id, (e ->> 'organizationId')::uuid)
   WHERE e ->> 'tokenId' IS NULL OR t.auth_method = 'token-auth'
   ORDER BY n`;

const TELL = `SELECT told FROM (${TOLD}) AS known`;

const KEEP = `
  INSERT INTO latchkey.token_events (id, type, subject, told)
  SELECT (told ->> 'id')::uuid, told ->> 'type',
         coalesce(told ->> 'tokenId', told ->> 'identityId', told ->> 'organizationId', told ->> 'id')::uuid, told
    FROM (${TOLD}) AS known`;

/** An event of a token `t` of the organization `o` that no caller made. */
const untold = (type: AccessTokenEventName, at: string, more = `'{}'`) => `
  jsonb_build_object('id', gen_random_uuid(), 'type', '${type}', 'at', trunc(extract(epoch FROM ${at}) * 1000),
    'tokenId', t.id, 'actor', jsonb_build_object('kind', 'system'), 'requestId', NULL, 'address', NULL)
  || ${OWNERS} || ${KNOWN} || ${more}`;

/** A statement that keeps first uses, in the statement that writes them. `uses` names its CTE with the columns `id` and `at`. */
export function keepingFirstUses(uses: string): string {
  return `
    INSERT INTO latchkey.token_events (id, type, subject, told)
    SELECT (told ->> 'id')::uuid, 'firstUsed', subject, told
      FROM (SELECT t.id AS subject, ${untold('firstUsed', 'u.at')} AS told
              FROM ${uses} u JOIN latchkey.identity_access_tokens t ON t.id = u.id
              JOIN latchkey.organizations o ON o.id = t.organization_id) AS known`;
}

// One node at a time. A minute is looked at again, because an end may be committed late. Ends that were told have a row, and the
// mark moves on only when every end up to then was told.
const TELL_ENDED = `
  WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtextextended('latchkey.tell_ended', 0)) AS is_mine
  ), mark AS MATERIALIZED (
    SELECT coalesce((SELECT told_to FROM latchkey.token_event_mark), $1) - interval '1 minute' AS since
      FROM turn WHERE is_mine
  ), passed AS (
    SELECT t.id FROM mark, latchkey.identity_access_tokens t
     WHERE t.expires_at > since AND t.expires_at <= $1 AND t.auth_method = 'token-auth'
     UNION
    SELECT t.id FROM mark, latchkey.identity_access_tokens t WHERE t.ends_at > since AND t.ends_at <= $1
  ), ended AS MATERIALIZED (
    SELECT t.id AS subject, ${untold(
      'expired',
      'least(t.expires_at, t.ends_at)',
      `jsonb_build_object('reason', CASE WHEN t.rotated_to IS NULL OR t.expires_at <= t.ends_at THEN 'expired' ELSE 'rotated' END)`,
    )} AS told
      FROM passed JOIN latchkey.identity_access_tokens t USING (id) JOIN latchkey.organizations o ON o.id = t.organization_id,
           mark
     WHERE t.auth_method = 'token-auth' AND t.revoked_at IS NULL AND least(t.expires_at, t.ends_at) > since
       AND EXISTS (SELECT FROM latchkey.identity_auth_methods a WHERE a.id = t.auth_method_id)
       AND NOT EXISTS (SELECT FROM latchkey.token_events e WHERE e.subject = t.id AND e.type = 'expired')
     LIMIT $2
  ), moved AS (
    INSERT INTO latchkey.token_event_mark (id, told_to)
    SELECT 1, $1 FROM mark WHERE (SELECT count(*) FROM ended) < $2
    ON CONFLICT (id) DO UPDATE SET told_to = greatest(latchkey.token_event_mark.told_to, excluded.told_to)
  )
  INSERT INTO latchkey.token_events (id, type, subject, told, settled_at)
  SELECT (told ->> 'id')::uuid, 'expired', subject, told, CASE WHEN $3::boolean THEN NULL ELSE now() END FROM ended
  ON CONFLICT (subject) WHERE type = 'expired' DO NOTHING
  RETURNING told`;

// An event of a kind for which no handler is left holds no other one up. Those that have been due longest come first: others that
// fail again and again come behind new ones.
const CLAIM = `
  WITH due AS MATERIALIZED (
    SELECT e.id FROM latchkey.token_events e
     WHERE e.settled_at IS NULL AND e.due_at <= now() AND e.type = ANY ($1::text[])
       AND NOT EXISTS (SELECT FROM latchkey.token_events f
                        WHERE f.subject = e.subject AND f.position < e.position AND f.settled_at IS NULL
                          AND f.type = ANY ($1::text[]))
     ORDER BY e.due_at, e.position LIMIT $2 FOR NO KEY UPDATE OF e SKIP LOCKED
  )
  UPDATE latchkey.token_events e SET attempts = e.attempts + 1, due_at = now() + interval '30 seconds'
    FROM due WHERE e.id = due.id
  RETURNING e.told, e.attempts, e.heard_by AS "heardBy"`;

// The pause doubles after each attempt, up to ten minutes.
const SETTLE = `
  UPDATE latchkey.token_events e
     SET heard_by = s."heardBy", is_dead = s."isDead", settled_at = CASE WHEN s."isSettled" THEN now() END,
         due_at = now() + least(2 ^ least(e.attempts, 10), 600) * interval '1 second'
    FROM jsonb_to_recordset($1::jsonb)
           AS s (id uuid, attempts integer, "heardBy" text[], "isSettled" boolean, "isDead" boolean)
   WHERE e.id = s.id AND e.attempts = s.attempts AND e.settled_at IS NULL`;

const DEAD_LETTERS = `
  SELECT told, attempts FROM latchkey.token_events WHERE is_dead ORDER BY position LIMIT $1`;

const REVIVE = `
  UPDATE latchkey.token_events SET is_dead = false, settled_at = NULL, attempts = 0, due_at = now()
   WHERE id = $1 AND is_dead RETURNING id`;

// Delivered events are kept for a day, so that an end is told once. Those that no handler took are kept for thirty days.
const PRUNE = `
  DELETE FROM latchkey.token_events WHERE id = ANY (ARRAY(
    SELECT id FROM latchkey.token_events
     WHERE (settled_at < now() - interval '1 day' AND NOT is_dead) OR created_at < now() - interval '30 days'
     ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED))
  RETURNING id`;
