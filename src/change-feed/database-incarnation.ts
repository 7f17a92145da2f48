import { performance } from 'node:perf_hooks';
import { DatabaseUnavailableError } from '../common/errors/common.errors';
import { SafeLogger } from '../common/safe-logger';
import type { VerificationPools } from '../database/connections/verification-pools';
import type { Answer } from './change-feed-answer';
import type { NodeMarkService } from './node-mark.service';

/**
 * Which life the database leads, as a node learns from each read. A start of the server after a crash, a promotion, a restore and a
 * replaced data directory begin another. What a node remembers of a former life is void.
 */
export class DatabaseIncarnation {
  private readonly logger = new SafeLogger(DatabaseIncarnation.name);
  private epoch: string | undefined;
  /** Names the life that was read from. Undefined before the first read. */
  life: string | undefined;
  /** How many times memory was discarded, because the database is another one or was set back. */
  lives = 0;
  /** When this node learnt of the life. */
  private bornAt = Infinity;
  private contents: string | undefined;
  /** The life has no name yet: it has just begun. */
  private isNameless = false;
  private isUnwatched = false;

  constructor(
    private readonly database: VerificationPools,
    private readonly mark: NodeMarkService,
  ) {}

  /** Milliseconds since this node learnt of the life. */
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
    // With leading zeros, they sort like numbers.
    if (!latest.startsWith(`${cluster} `) || timeline >= latest) return;
    this.database.reconnectChangeFeed();
    throw new DatabaseUnavailableError(new Error('a primary that has been replaced'));
  }

  /**
   * Takes over what an answer says of the database, and says whether memory rests on what is no longer there. After a start of the
   * server, and on a promoted standby, ids of transactions may be handed out again, and what was seen of them is void. Memory is
   * void, too, when the tables are not those of before, when ids go back, and when the row that this node wrote last is not there:
   * then the database was set back, whichever life it leads now.
   *
   * @param known the snapshot of the last read, if there is one.
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
    // Another timeline: connections may still lead to the former primary.
    if (former !== undefined && timelineOf(former) !== timelineOf(epoch)) this.database.reconnect();
    this.epoch = epoch;
    this.life = life;
    if (life.endsWith(' ')) void this.name();
    return former !== epoch;
  }

  /** Gives a database that has just begun a life its name. */
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

/** Whether the database has handed out fewer ids of transactions than it had before. */
function isBack(snapshot: string, known: string | undefined): boolean {
  return known !== undefined && xmaxOf(snapshot) < xmaxOf(known);
}

/** The first id that no transaction had been given when a snapshot (`xmin:xmax:open`) was taken. */
function xmaxOf(snapshot: string): bigint {
  return BigInt(snapshot.split(':', 2)[1]!);
}

const NAME = 'INSERT INTO latchkey.incarnations DEFAULT VALUES ON CONFLICT DO NOTHING';
