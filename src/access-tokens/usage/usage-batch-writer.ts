import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { SafeLogger } from '../../common/safe-logger';
import { StandingFailureLog } from '../../common/standing-failure-log';
import { isGivenUp, isUnlucky, loggable } from '../../common/errors/database-errors';
import { keepingFirstUses } from '../../changes/hooks/token-event.store';
import type { TokenEvents } from '../../changes/hooks/token-events.service';
import type { VerificationPools } from '../../database/connections/verification-pools';
import { SEES_ALL_ROWS } from '../../database/schema';
import type { PendingUses, Uses } from './pending-uses';

/** Uses that are written together. */
interface Batch {
  readonly id: string;
  /** As `performance.now()` counts, so that a clock that jumps does not change the age of the batch. */
  readonly sentAt: number;
  readonly uses: Map<string, Uses>;
}

/** The most tokens that one statement writes. */
export const LARGEST_BATCH = 5_000;
/** After a successful batch, the next one may be larger by this factor. */
const GROWTH = 1.25;
/** After this time the outcome of a batch counts as forgotten. The database keeps it twice as long. */
const FORGOTTEN_MS = 43_200_000;

/**
 * Writes pending uses in batches, each exactly once.
 *
 * A row that another transaction has locked is left out, and waits for the next batch. A batch that takes too long is split into
 * smaller ones. If a batch was not confirmed, the next write first asks the database for its outcome. The answer is final: written
 * (except for the rows left out), or voided.
 */
export class UsageBatchWriter {
  /** The batch whose write has ended without an answer of the server. It may have been written, or may still be. */
  private uncertain: Batch | undefined;
  private readonly failures: StandingFailureLog;
  /** How many tokens the next batch may contain: fewer after a batch that was too large. */
  private most = LARGEST_BATCH;

  constructor(
    private readonly database: VerificationPools,
    private readonly pending: PendingUses,
    logger: SafeLogger,
    private readonly events: TokenEvents,
  ) {
    this.failures = new StandingFailureLog(logger, 'error');
  }

  /** Tokens whose uses may or may not have been written. */
  get uncertainTokens(): number {
    return this.uncertain?.uses.size ?? 0;
  }

  /** Writes the uses that are pending now. Uses that cannot be written stay pending. */
  async writeAll(): Promise<void> {
    if (this.uncertain !== undefined && !(await this.resolve(this.uncertain))) return;
    // Uses that are counted during the write wait for the next flush. Under load there are always more, and the writing would
    // never end.
    const batches = Math.ceil(this.pending.size / this.most);
    for (let written = 0; written < batches; written += 1) {
      if (this.pending.size === 0 || !(await this.write(this.nextBatch()))) return;
    }
  }

  private nextBatch(): Batch {
    return { id: randomUUID(), sentAt: performance.now(), uses: this.pending.take(this.most) };
  }

  private async write(batch: Batch): Promise<boolean> {
    const { id, uses } = batch;
    const noted = [...uses.values()];
    try {
      const counts = noted.map(({ count }) => count);
      const times = noted.map(({ lastAt }) => new Date(lastAt));
      const [row] = await this.database.write<Written>(this.flush(), [id, [...uses.keys()], counts, times]);
      for (const tokenId of row?.left_out ?? []) this.pending.add(tokenId, uses.get(tokenId)!);
      this.events.tellFirstUses(row?.first_used ?? []);
      this.succeed();
      return true;
    } catch (error) {
      this.fail(batch, error);
      return false;
    }
  }

  /** The statement that also finds first uses is for hosts that want to hear of them. */
  private flush(): string {
    const { inMemory, inOutbox } = this.events.wanted('firstUsed');
    if (inOutbox) return FLUSH_KEEPING_FIRST_USES;
    return inMemory ? FLUSH_FINDING_FIRST_USES : FLUSH;
  }

  private fail(batch: Batch, error: unknown): void {
    const { uses } = batch;
    if (isGivenUp(error)) this.part(uses);
    else if (isUnlucky(error)) this.pending.addAll(uses);
    else this.uncertain = batch;
    this.say(uses, error);
  }

  /** Asks for the outcome of a batch. After that, the batch can no longer be written. */
  private async resolve({ id, uses, sentAt }: Batch): Promise<boolean> {
    try {
      const [found] = await this.database.write<Outcome>(RESOLVE, [id, performance.now() - sentAt < FORGOTTEN_MS]);
      this.uncertain = undefined;
      if (found === undefined) this.pending.lose(sumOf(uses));
      const unwritten = found?.is_void ? [...uses.keys()] : (found?.left_out ?? []);
      for (const tokenId of unwritten) this.pending.add(tokenId, uses.get(tokenId)!);
      return true;
    } catch (error) {
      this.say(uses, error);
      return false;
    }
  }

  private say(uses: Map<string, Uses>, error: unknown): void {
    this.failures.failed({ event: 'uses.not_written', tokens: uses.size, cause: loggable(error) });
  }

  private succeed(): void {
    this.failures.succeeded();
    this.most = Math.min(LARGEST_BATCH, Math.ceil(this.most * GROWTH));
    this.pending.sayLost();
  }

  /** Splits a batch. The server has said that nothing was written. The uses go into later batches, behind those that wait. */
  private part(uses: Map<string, Uses>): void {
    this.most = Math.ceil(uses.size / 2);
    this.pending.addAll(uses);
  }
}

function sumOf(uses: Map<string, Uses>): number {
  return [...uses.values()].reduce((sum, { count }) => sum + count, 0);
}

interface Outcome {
  readonly is_void: boolean;
  readonly left_out: string[];
}

interface Written {
  readonly left_out: string[];
  readonly first_used?: string[];
}

// A first use is found on the row after it was locked: of any number of nodes one finds it.
const FIRST_USES = `, first AS MATERIALIZED (
    SELECT id, used.at FROM locked JOIN used USING (id) WHERE is_unused AND auth_method = 'token-auth'
  )`;

// The rows are locked in the order of their ids: two nodes that write the same tokens would otherwise deadlock. The skipped
// rows are looked up only if there are any. A token whose row was deleted is not among them.
const flush = (further = '', answer = '') => `
  WITH used AS (
    SELECT * FROM unnest($2::uuid[], $3::bigint[], $4::timestamptz[]) AS u (id, uses, at)
  ), locked AS MATERIALIZED (
    SELECT t.id, t.last_used_at IS NULL AS is_unused, t.auth_method
      FROM latchkey.identity_access_tokens t JOIN used USING (id) ORDER BY t.id
       FOR NO KEY UPDATE OF t SKIP LOCKED
  ), batch AS (
    INSERT INTO latchkey.use_batches (id, left_out)
    SELECT $1, ARRAY(SELECT t.id FROM latchkey.identity_access_tokens t JOIN used USING (id)
                      WHERE (SELECT count(*) FROM locked) < cardinality($2::uuid[])
                        AND NOT EXISTS (SELECT FROM locked WHERE locked.id = t.id))
     WHERE ${SEES_ALL_ROWS}
    RETURNING left_out
  ), written AS (
    UPDATE latchkey.identity_access_tokens t
       SET num_uses = t.num_uses + used.uses, last_used_at = greatest(t.last_used_at, used.at)
      FROM used JOIN locked USING (id)
     WHERE t.id = used.id
  )${further}
  SELECT left_out${answer} FROM batch`;

const FLUSH = flush();
const FLUSH_FINDING_FIRST_USES = flush(FIRST_USES, ', ARRAY(SELECT id FROM first) AS first_used');
const FLUSH_KEEPING_FIRST_USES = flush(
  `${FIRST_USES}, kept AS (${keepingFirstUses('first')})`,
  ', ARRAY(SELECT id FROM first) AS first_used',
);

// The statement waits for an attempt that is still under way. Batches are deleted after a day. So a batch that is older than half a
// day may be gone already, and then the statement returns no row.
const RESOLVE = `
  INSERT INTO latchkey.use_batches (id, is_void) SELECT $1, true WHERE $2::boolean
  ON CONFLICT (id) DO UPDATE SET id = excluded.id
  RETURNING is_void, left_out`;
