import { Injectable } from '@nestjs/common';
import { DatabaseUnavailableError } from '../../common/errors/common.errors';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import type { Party } from '../../common/async/query-context';
import { DURABLE } from '../../database/durable';
import { SEES_ALL_ROWS } from '../../database/schema';
import { SETTLED_AT, USES_REFILLED } from '../uses-refilled';
import { keepingFirstUses } from '../../changes/hooks/token-event.store';
import { TokenEvents } from '../../changes/hooks/token-events.service';
import { VerificationPools } from '../../database/connections/verification-pools';

interface WaitingUse {
  readonly at: Date;
  readonly resolve: (isGranted: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** The most requests that wait for one token. */
const MAX_WAITING = 10_000;

/**
 * Spends the uses of limited tokens, exactly (decision 7, guarantee P9).
 *
 * The invariant: at any moment, on any number of nodes and after any crash, the row counts at least the uses that were granted,
 * and never more than its limit. A use is granted only after the statement that counted it has committed; a crash in between
 * loses uses and never gains one.
 *
 * While one statement about a token is under way, the requests that arrive for it gather, and the next statement spends for all
 * of them: a token costs one statement at a time on each node, however many requests use it. Nothing is reserved in advance, so
 * no use is ever out of reach of another node.
 */
@Injectable()
export class UsageLimiter {
  private readonly gathering = new Map<string, WaitingUse[]>();

  constructor(
    private readonly database: VerificationPools,
    private readonly events: TokenEvents,
  ) {}

  /**
   * Spends one use. False when none is left, or when the token was revoked a moment ago.
   *
   * @param party whose turn it takes.
   */
  spend(tokenId: string, at: Date, party?: Party): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const request = { at, resolve, reject };
      const waiting = this.gathering.get(tokenId);
      if (waiting === undefined) void this.work(tokenId, [request], party);
      else if (waiting.length < MAX_WAITING) waiting.push(request);
      else reject(new DatabaseUnavailableError());
    });
  }

  private async work(tokenId: string, first: WaitingUse[], party: Party | undefined): Promise<void> {
    for (let requests = first; requests.length > 0;) {
      const next: WaitingUse[] = [];
      this.gathering.set(tokenId, next);
      const failure = await this.spendFor(tokenId, requests, party);
      requests = failure === undefined ? next : [];
      // The requests that have gathered meanwhile have spent nothing. To try for them would make them wait twice the time
      // limit.
      if (failure !== undefined) for (const { reject } of next) reject(failure);
    }
    this.gathering.delete(tokenId);
  }

  /** In the order of arrival: the first are granted the uses that are left. */
  private async spendFor(tokenId: string, requests: WaitingUse[], party: Party | undefined): Promise<unknown> {
    try {
      const parameters = [tokenId, requests.length, requests.at(-1)!.at];
      const [row] = await this.database.write<Spent>(this.spending(), parameters, party);
      const granted = row?.granted ?? 0;
      if (granted < 0) throw new DatabaseUnavailableError(new UnreadableValueError('a count'));
      if (row?.is_first) this.events.tellFirstUses([tokenId]);
      requests.forEach(({ resolve }, index) => resolve(index < granted));
      return undefined;
    } catch (error) {
      for (const { reject } of requests) reject(error);
      return error;
    }
  }

  /** The statement that also finds a first use is for hosts that want to hear of it. */
  private spending(): string {
    const { inMemory, inOutbox } = this.events.wanted('firstUsed');
    if (inOutbox) return SPEND_KEEPING_FIRST_USE;
    return inMemory ? SPEND_FINDING_FIRST_USE : SPEND;
  }
}

interface Spent {
  readonly granted: number | null;
  readonly is_first?: boolean;
}

// The row is locked before it is read: the number granted is the difference to the former count. A granted use is not lost with
// the server, whatever the role's default says. -1 is returned if a change by hand left a count below 0.
const spend = (further = '', answer = '') => `
  WITH durable AS MATERIALIZED (${DURABLE}
  ), before AS MATERIALIZED (
    SELECT t.id, t.num_uses, ${USES_REFILLED} AS refilled,
           t.last_used_at IS NULL AND t.auth_method = 'token-auth' AS is_unused
      FROM latchkey.identity_access_tokens t, durable
     WHERE t.id = $1 AND t.num_uses - ${USES_REFILLED} < t.num_uses_limit
       AND t.revoked_at IS NULL AND t.disabled_at IS NULL
       AND EXISTS (SELECT FROM latchkey.identity_auth_methods a WHERE a.id = t.auth_method_id) FOR NO KEY UPDATE OF t
  ), spent AS (
    UPDATE latchkey.identity_access_tokens t
       SET num_uses = CASE WHEN before.num_uses < 0 THEN before.num_uses
                           ELSE least(before.num_uses + $2::integer, before.refilled + t.num_uses_limit) END,
           uses_refilled = before.refilled, uses_refilled_at = ${SETTLED_AT},
           last_used_at = greatest(t.last_used_at, $3)
      FROM before WHERE t.id = before.id
    RETURNING CASE WHEN before.num_uses < 0 THEN -1 ELSE (t.num_uses - before.num_uses)::integer END AS granted
  )${further}
  SELECT (SELECT granted FROM spent) AS granted${answer} WHERE ${SEES_ALL_ROWS}`;

const FIRST_USE = `, first AS MATERIALIZED (
    SELECT before.id, $3::timestamptz AS at FROM before, spent WHERE is_unused AND granted > 0
  )`;
const IS_FIRST = ', EXISTS (SELECT FROM first) AS is_first';

const SPEND = spend();
const SPEND_FINDING_FIRST_USE = spend(FIRST_USE, IS_FIRST);
const SPEND_KEEPING_FIRST_USE = spend(`${FIRST_USE}, kept AS (${keepingFirstUses('first')})`, IS_FIRST);
