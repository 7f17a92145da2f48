import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock';
import { VerificationPools } from '../database/connections/verification-pools';
import { LatchkeySettings } from '../latchkey.options';
import { ChangeFeedService } from '../change-feed/change-feed.service';
import type { MaintenanceJob } from './maintenance.job';

const BATCH = 1_000;
/** More than two clocks that agree can differ by. */
const MARGIN_MS = 10_000;

/**
 * Removes the rows of tokens that ended before the retention time (decision 9): counted from the last `exp` that was ever
 * signed, or from the revocation or the end of a token that had none. A token without a row is refused, so no token becomes valid again.
 */
@Injectable()
export class TokenPruner implements MaintenanceJob {
  constructor(
    private readonly database: VerificationPools,
    private readonly clock: Clock,
    private readonly changeFeed: ChangeFeedService,
    private readonly settings: LatchkeySettings,
  ) {}

  async runBatch(): Promise<boolean> {
    // Not by a clock that is not confirmed, nor by one alone: a removal is final.
    if (!this.changeFeed.freshness.isConfirmed() || !this.clock.isSteady()) return false;
    const before = new Date(this.clock.epochMs() - this.settings.tokenRetentionSeconds * 1_000 - MARGIN_MS);
    const [row] = await this.database.write<{ pruned: number }>(PRUNE, [before, BATCH]);
    return row?.pruned === BATCH;
  }
}

// The transaction declares that it prunes, so that the removal of long-ended tokens is not recorded as a change. One node at a
// time, and without waiting: rows that are in use are left for the next time.
const PRUNE = `
  WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtextextended('latchkey.prune_tokens', 0)) AS is_mine,
           set_config('latchkey.is_pruning', 'on', true)
  ), expired AS (
    SELECT t.ctid FROM latchkey.identity_access_tokens t WHERE t.expires_at < $1 AND (SELECT is_mine FROM turn)
     ORDER BY t.expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
  ), revoked AS (
    SELECT t.ctid FROM latchkey.identity_access_tokens t WHERE t.expires_at IS NULL AND t.revoked_at < $1 AND (SELECT is_mine FROM turn)
     ORDER BY t.revoked_at LIMIT $2 FOR UPDATE SKIP LOCKED
  ), ended AS (
    SELECT t.ctid FROM latchkey.identity_access_tokens t
     WHERE t.expires_at IS NULL AND t.ends_at IS NOT NULL AND t.ends_at < $1 AND t.revoked_at IS NULL
       AND (SELECT is_mine FROM turn)
     ORDER BY t.ends_at LIMIT $2 FOR UPDATE SKIP LOCKED
  ), pruned AS (
    DELETE FROM latchkey.identity_access_tokens
     WHERE ctid = ANY (ARRAY(SELECT ctid FROM expired UNION ALL SELECT ctid FROM revoked UNION ALL SELECT ctid FROM ended LIMIT $2))
    RETURNING 1
  )
  SELECT count(*)::integer AS pruned FROM pruned`;
