import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock';
import { VerificationPools } from '../database/connections/verification-pools';
import { ChangeFeedService } from '../change-feed/change-feed.service';
import type { MaintenanceJob } from './maintenance.job';

const BATCH = 5_000;
/** Ten times longer than the time for which any node continues from its last state. */
const KEPT_MS = 600_000;

/**
 * Removes changes that every node has applied, and old records of nodes. A change is removed only when a snapshot taken ten
 * minutes ago had seen it: if its transaction committed late, it could otherwise be removed before a node had read it. A node
 * that was away for longer starts with an empty memory (see `ChangeFeedService`).
 */
@Injectable()
export class ChangePruner implements MaintenanceJob {
  private seen: Seen | undefined;

  constructor(
    private readonly database: VerificationPools,
    private readonly changeFeed: ChangeFeedService,
    private readonly clock: Clock,
  ) {}

  async runBatch(): Promise<boolean> {
    // A database that was set back meanwhile assigns the ids that were seen again.
    if (this.seen === undefined || this.seen.lives !== this.changeFeed.incarnation.lives) return this.look();
    if (performance.now() - this.seen.atMs < KEPT_MS) return false;
    return this.prune(this.seen);
  }

  private async look(): Promise<false> {
    const { lives } = this.changeFeed.incarnation;
    const [row] = await this.database.query<Pick<Seen, 'snapshot' | 'life'>>(LOOK);
    this.seen = row && { ...row, lives, atMs: performance.now() };
    return false;
  }

  private async prune({ snapshot, life }: Seen): Promise<boolean> {
    if (await this.pruneBatch(PRUNE_CHANGES, [BATCH, snapshot, life])) return true;
    // The other rows are removed by time, and not by one clock alone.
    if (!this.clock.isSteady()) return this.look();
    await this.database.write(`DELETE FROM latchkey.nodes WHERE seen_at < now() - interval '1 day'`);
    if (await this.pruneBatch(PRUNE_BATCHES, [BATCH])) return true;
    return this.look();
  }

  /** Removes a batch, and says whether it was a full one: then there may be more. */
  private async pruneBatch(statement: string, parameters: unknown[]): Promise<boolean> {
    const [row] = await this.database.write<{ pruned: number }>(statement, parameters);
    return row?.pruned === BATCH;
  }
}

interface Seen {
  readonly snapshot: string;
  /** In another incarnation of the database, the ids of unfinished transactions may be assigned again. */
  readonly life: string;
  readonly lives: number;
  readonly atMs: number;
}

const LOOK = 'SELECT pg_current_snapshot()::text AS snapshot, latchkey.life() AS life';

const PRUNE_BATCHES = `
  WITH pruned AS (
    DELETE FROM latchkey.use_batches WHERE id = ANY (ARRAY(
      SELECT id FROM latchkey.use_batches WHERE written_at < now() - interval '1 day'
       ORDER BY written_at LIMIT $1 FOR UPDATE SKIP LOCKED))
    RETURNING 1
  )
  SELECT count(*)::integer AS pruned FROM pruned`;

// Ids of transactions that are still to come belong to another cluster.
const PRUNE_CHANGES = `
  WITH pruned AS (
    DELETE FROM latchkey.verdict_changes WHERE revision IN (
      SELECT revision FROM latchkey.verdict_changes
       WHERE (xid < pg_snapshot_xmax($2::pg_snapshot) AND pg_visible_in_snapshot(xid, $2::pg_snapshot)
              OR xid >= pg_snapshot_xmax(pg_current_snapshot()))
         AND latchkey.life() = $3
       LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING 1
  )
  SELECT count(*)::integer AS pruned FROM pruned`;
