import { performance } from 'node:perf_hooks';
import { DatabaseUnavailableError } from '../common/errors/common.errors';
import { SafeLogger } from '../common/safe-logger';
import type { VerificationPools } from '../database/connections/verification-pools';
import type { Answer } from './change-feed-answer';
import type { NodeMarkService } from './node-mark.service';

/**
 * The incarnation of the database that this node reads. Each read says which one it is. Another incarnation begins when the
 * server starts after a crash, when a standby is promoted, when a backup is restored, and when the data directory is replaced.
 * The node then discards its memory of the former one.
 */
export class DatabaseIncarnation {
  private readonly logger = new SafeLogger(DatabaseIncarnation.name);
  private epoch: string | undefined;
  /** The name of the incarnation that was read last. Undefined before the first read. */
  life: string | undefined;
  /** How many times the node discarded its memory, because the database was another one or was set back. */
  lives = 0;
  /** When this node first read from this incarnation. */
  private bornAt = Infinity;
  private contents: string | undefined;
  /** The incarnation has just begun and has no name yet. */
  private isNameless = false;
  private isUnwatched = false;

  constructor(
    private readonly database: VerificationPools,
    private readonly mark: NodeMarkService,
  ) {}

  /** Milliseconds since this node first read from this incarnation. */
  ageMs(): number {
    return performance.now() - this.bornAt;
  }

  /**
   * Once a node has read from a promoted standby it ignores the old primary, even if only the old primary is reachable.
   *
   * @throws DatabaseUnavailableError
   */
  requireLatest({ cluster, life }: Answer): void {
    const [timeline, latest] = [timelineOf(`${cluster} ${life}`), timelineOf(this.epoch ?? '')];
    // Timelines are written with leading zeros, so their texts sort like numbers.
    if (!latest.startsWith(`${cluster} `) || timeline >= latest) return;
    this.database.reconnectChangeFeed();
    throw new DatabaseUnavailableError(new Error('a primary that has been replaced'));
  }

  /**
   * Compares an answer with the answers before it. After a start of the server, and on a promoted standby, PostgreSQL may hand out
   * the same transaction ids again, so the node can no longer rely on the ids it has seen. The same holds if the tables were
   * replaced, if transaction ids go back, or if the mark that this node wrote last is missing: then the database was set back.
   *
   * @param known the snapshot of the last read, if there is one.
   * @returns whether the node must discard its memory.
   */
  observe(answer: Answer, known: string | undefined, isMarkLost: boolean): boolean {
    const { snapshot, cluster, life, contents, isWatched } = answer;
    const reasons = {
      isAnother: this.isNewLife(cluster, life),
      isReplaced: this.isReplaced(contents),
      isBack: isBack(snapshot, known),
      isMarkLost,
    };
    const isUndone = Object.values(reasons).includes(true);
    if (isUndone) this.beginLife(reasons);
    this.isNameless = life.endsWith(' ');
    this.noteWatched(isWatched);
    // Until the incarnation has a name, and while changes are not recorded, every read counts as the first.
    return isUndone || !isWatched || this.isNameless;
  }

  private isNewLife(cluster: string, life: string): boolean {
    const [epoch, former] = [`${cluster} ${life}`, this.epoch];
    // On another timeline, old connections may still lead to the former primary.
    if (former !== undefined && timelineOf(former) !== timelineOf(epoch)) this.database.reconnect();
    this.epoch = epoch;
    this.life = life;
    if (life.endsWith(' ')) void this.name();
    return former !== epoch;
  }

  /** Gives a new incarnation its name. */
  private async name(): Promise<void> {
    await this.database.write(NAME).catch(() => undefined);
  }

  private isReplaced(contents: string): boolean {
    const former = this.contents;
    this.contents = contents;
    return former !== undefined && former !== contents;
  }

  private beginLife({ isAnother, ...reasons }: Record<string, boolean>): void {
    // An incarnation that has just got its name is not worth a log line.
    const isNaming = this.isNameless && !Object.values(reasons).includes(true);
    if (this.lives > 0 && !isNaming) this.logger.log({ event: 'change_feed.new_incarnation', isAnother, ...reasons });
    this.lives += 1;
    this.bornAt = performance.now();
    this.mark.expectNone();
  }

  private noteWatched(isWatched: boolean): void {
    if (!isWatched && !this.isUnwatched) this.logger.error({ event: 'database.changes_not_noted' });
    this.isUnwatched = !isWatched;
  }
}

/** The cluster and its timeline, without the rest of the incarnation's name. */
function timelineOf(epoch: string): string {
  return epoch.split(' ', 2).join(' ');
}

/** Whether the database has handed out fewer transaction ids than it had at the last read. */
function isBack(snapshot: string, known: string | undefined): boolean {
  return known !== undefined && xmaxOf(snapshot) < xmaxOf(known);
}

/** The first transaction id that was not yet handed out when a snapshot (`xmin:xmax:open`) was taken. */
function xmaxOf(snapshot: string): bigint {
  return BigInt(snapshot.split(':', 2)[1]!);
}

const NAME = 'INSERT INTO latchkey.incarnations DEFAULT VALUES ON CONFLICT DO NOTHING';
