import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { SafeLogger } from '../common/safe-logger';
import { Clock } from '../common/clock/clock';
import { DatabaseUnavailableError } from '../common/errors/common.errors';
import { loggable } from '../common/errors/database-errors';
import { VerificationPools } from '../database/connections/verification-pools';
import { LatchkeySettings } from '../latchkey.options';
import { ChangedSubjects, EVERYTHING } from './changed-subjects';
import { NodeMarkService } from './node-mark.service';
import { type Answer, type AnswerRow, readAnswer } from './change-feed-answer';

/** Reads in one bound: one that fails, or a pause of the event loop, leaves time for another. */
const READS_PER_BOUND = 4;
/** After so long without a word nobody asks what happened meanwhile; everything counts as changed. Changes are kept longer. */
const LOST_AFTER_MS = 60_000;
const SUSPENDED_MS = 1_000;
/** Beyond the patience of the connection: this process was stopped while it waited. */
const LONGEST_READ_MS = 1_000;
const NOTABLE_FAILURES = 2;
/** The part of a read's time that this process spent on other work. */
const BUSY = 0.5;
/** More changes than this at once are not told apart. */
const MANY_CHANGES = 10_000;
const NOTABLE_SKEW_MS = 5_000;

/** What a node has confirmed, as other nodes are told of it. */
export interface Confirmed {
  /** The snapshot of the read: PostgreSQL's own word for which transactions it has seen. */
  readonly snapshot: string;
  /** The last revision up to which none is missing: ids of transactions, the smaller of which have all ended. */
  readonly revision: number;
}

/**
 * What this node knows, and as of when: the bound on how long a revoked token can live (promises P1 to P5).
 *
 * A node may answer from memory only while it has confirmed, by its own read of the primary, that it knows every change
 * committed up to less than the bound ago. Changes carry the id of their transaction, and a read asks for all those that
 * the snapshot of the last read did not see: what commits late or out of order is not missed. A push makes a read happen
 * sooner; nothing rests on it.
 */
@Injectable()
export class ChangeFeedService implements OnModuleInit, OnApplicationShutdown {
  readonly changes = new ChangedSubjects();
  private readonly logger = new SafeLogger(ChangeFeedService.name);
  private readonly boundMs: number;
  private readonly listeners: ((confirmed: Confirmed) => void)[] = [];
  private confirmedAt = -Infinity;
  /** How far the wall clock was ahead of the monotonic one, which stands still while a machine is suspended. */
  private wallAheadMs = NaN;
  private epoch: string | undefined;
  /** Names the life of the database that was read from: another after a start or a promotion. Undefined before the first. */
  life: string | undefined;
  /** When this node learnt of the life the database leads. */
  private bornAt = Infinity;
  /** How often memory was found to be void, because the database is not the one it was read from, or was set back. */
  lives = 0;
  private contents: string | undefined;
  /** The database's life has no name yet: it has just begun. */
  private isNameless = false;
  private isUnwatched = false;
  private confirmed: Confirmed | undefined;
  private reading: Promise<void> | undefined;
  private queued: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;
  /** Reads in a row that have failed while this process had time for them. */
  private failures = 0;
  private isSkewed = false;
  private isBehind = false;

  constructor(
    private readonly database: VerificationPools,
    private readonly clock: Clock,
    private readonly mark: NodeMarkService,
    settings: LatchkeySettings,
  ) {
    this.boundMs = settings.revocationBoundMs;
  }

  async onModuleInit(): Promise<void> {
    // A database that is away now is asked again in a moment; until then nothing is answered from memory.
    await this.catchUp().catch(() => undefined);
    this.schedule();
  }

  /** Last of all: requests are still being answered while other things stop. */
  onApplicationShutdown(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  /**
   * Whether facts read at a moment (as `performance.now()` counts) may still be answered with, unless they have changed:
   * either they were read less than the bound ago, or everything that happened since is known up to less than that ago.
   */
  isFresh(readAt: number, now = performance.now()): boolean {
    return (now - this.confirmedAt < this.boundMs || now - readAt < this.boundMs) && this.isAwake(now);
  }

  isConfirmed(): boolean {
    return this.isFresh(-Infinity);
  }

  /** Milliseconds since the moment up to which everything is known; Infinity before the first read. */
  ageMs(): number {
    return performance.now() - this.confirmedAt;
  }

  /** Milliseconds since this node learnt of the life the database leads: it begins another when it has crashed, or is replaced. */
  ageOfLifeMs(): number {
    return performance.now() - this.bornAt;
  }

  get revision(): number {
    return this.confirmed?.revision ?? 0;
  }

  /** From now on nothing older is answered from memory, whatever it is. */
  invalidate(): void {
    this.confirmedAt = -Infinity;
    this.confirmed = undefined;
    this.changes.addEverything();
  }

  /** Calls a listener whenever changes have been learnt of, and with the first read. */
  onProgress(listener: (confirmed: Confirmed) => void): void {
    this.listeners.push(listener);
    if (this.confirmed) listener(this.confirmed);
  }

  /**
   * Learns of every change committed before this call. Whoever asks while a read is under way shares the next one.
   *
   * @throws DatabaseUnavailableError when the primary cannot be asked.
   */
  catchUp(): Promise<void> {
    if (this.queued) return this.queued;
    if (!this.reading) return this.begin();
    const begin = () => {
      this.queued = undefined;
      return this.begin();
    };
    this.queued = this.reading.then(begin, begin);
    return this.queued;
  }

  private begin(): Promise<void> {
    const before = performance.eventLoopUtilization();
    const reading = this.read().then(
      () => this.succeed(),
      (error: unknown) => this.fail(error, performance.eventLoopUtilization(before)),
    );
    this.reading = reading.finally(() => (this.reading = undefined));
    return this.reading;
  }

  private async read(): Promise<void> {
    const sentAt = performance.now();
    const wallAheadMs = Date.now() - sentAt;
    const isLost = sentAt - this.confirmedAt > LOST_AFTER_MS || !this.isAwake(sentAt);
    const known = isLost ? null : (this.confirmed?.snapshot ?? null);
    const mark = this.mark.expected();
    const answer = readAnswer(await this.database.readChanges<AnswerRow>(READ, [known, this.mark.nodeId]));
    this.requireLatest(answer.cluster, answer.life);
    this.apply(answer, known === null, this.mark.isLost(answer.mark, mark));
    const receivedAt = performance.now();
    this.confirmedAt = sentAt;
    // After a pause of this process nobody can say when in between the database looked at its clock.
    if (receivedAt - sentAt >= LONGEST_READ_MS) return;
    this.clock.synchronize(answer.now, sentAt, receivedAt, answer.reachedMs);
    this.wallAheadMs = wallAheadMs;
  }

  /**
   * Who has seen a promoted standby takes nothing from the primary it replaced, though that may still run, and be all that can
   * be reached.
   */
  private requireLatest(cluster: string, life: string): void {
    const [timeline, latest] = [timelineOf(`${cluster} ${life}`), timelineOf(this.epoch ?? '')];
    // Written with leading noughts, they sort as numbers do.
    if (!latest.startsWith(`${cluster} `) || timeline >= latest) return;
    this.database.reconnectChangeFeed();
    throw new DatabaseUnavailableError(new Error('a primary that has been replaced'));
  }

  /**
   * False when the two clocks have parted since the last read: the machine was suspended, or its wall clock set. Nor before the
   * first read. What the time is must be asked then, before anything is judged by it.
   */
  isAwake(now = performance.now()): boolean {
    return Math.abs(Date.now() - now - this.wallAheadMs) < SUSPENDED_MS;
  }

  private apply(answer: Answer, isFirst: boolean, isMarkLost: boolean): void {
    const { snapshot, subjects } = answer;
    const isAnew = this.isVoid(answer, isMarkLost) || isFirst;
    if (isAnew) this.changes.addEverything();
    else if (subjects.length > 0) this.changes.add(subjects);
    this.confirmed = { snapshot, revision: lastBefore(snapshot) };
    if (isAnew || subjects.length > 0) this.tell(this.confirmed);
  }

  /**
   * Whether memory rests on what is no longer there. After a start of the server, and on a promoted standby, ids of transactions
   * may be handed out again, and what was seen of them is void. So it is when the tables are others than they were, when ids go
   * back, and when what this node wrote last is not there: then the database was set back, whatever it leads now.
   */
  private isVoid({ snapshot, cluster, life, contents, isWatched }: Answer, isMarkLost: boolean): boolean {
    const reasons = {
      isAnother: this.isNewLife(cluster, life),
      isReplaced: this.isReplaced(contents),
      isBack: this.isBack(snapshot),
      isMarkLost,
    };
    const isUndone = Object.values(reasons).includes(true);
    if (isUndone) this.beginLife(reasons);
    this.isNameless = life.endsWith(' ');
    this.noteWatched(isWatched);
    // Until it has a name, and while changes go unnoted, every read counts as the first.
    return isUndone || !isWatched || this.isNameless;
  }

  private isReplaced(contents: string): boolean {
    const former = this.contents;
    this.contents = contents;
    return former !== undefined && former !== contents;
  }

  private isBack(snapshot: string): boolean {
    return this.confirmed !== undefined && xmaxOf(snapshot) < xmaxOf(this.confirmed.snapshot);
  }

  private beginLife({ isAnother, ...reasons }: Record<string, boolean>): void {
    // A life that has just been given its name is no news.
    const isNaming = this.isNameless && !Object.values(reasons).includes(true);
    if (this.lives > 0 && !isNaming) this.logger.log({ event: 'watermark.new_life', isAnother, ...reasons });
    this.lives += 1;
    this.bornAt = performance.now();
    this.mark.forget();
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

  private noteWatched(isWatched: boolean): void {
    if (!isWatched && !this.isUnwatched) this.logger.error({ event: 'database.changes_not_noted' });
    this.isUnwatched = !isWatched;
  }

  /** Gives a database that has just begun a life its name. Until it has one, every read counts as the first. */
  private async name(): Promise<void> {
    await this.database.write(NAME).catch(() => undefined);
  }

  private tell(confirmed: Confirmed): void {
    for (const listener of this.listeners) listener(confirmed);
  }

  private succeed(): void {
    if (this.failures >= NOTABLE_FAILURES) this.logger.log({ event: 'watermark.confirmed' });
    this.failures = 0;
    const skewMs = Math.round(this.clock.skewMs());
    const behindMs = Math.round(this.clock.databaseBehindMs());
    const isSkewed = Math.abs(skewMs) > NOTABLE_SKEW_MS;
    if (isSkewed && !this.isSkewed) this.logger.warn({ event: 'clock.skewed', skewMs });
    this.isSkewed = isSkewed;
    const isBehind = behindMs > NOTABLE_SKEW_MS;
    if (isBehind && !this.isBehind) this.logger.error({ event: 'clock.database_set_back', behindMs });
    this.isBehind = isBehind;
  }

  private fail(error: unknown, { utilization }: EventLoopUtilization): never {
    // A process that was busy itself has learnt nothing about the database: its answer may have been there in time.
    if (utilization < BUSY) this.failures += 1;
    // Once per outage. A single read is made up for by the next, before the bound.
    if (this.failures === NOTABLE_FAILURES && !this.isStopped && utilization < BUSY)
      this.logger.warn({ event: 'watermark.unconfirmed', cause: loggable(error) });
    throw error;
  }

  private schedule(): void {
    if (this.isStopped) return;
    this.timer = setTimeout(() => {
      void this.catchUp()
        .catch(() => undefined)
        .then(() => this.schedule());
    }, this.boundMs / READS_PER_BOUND);
    // Latchkey never keeps its host's process alive.
    this.timer.unref();
  }
}

/** The cluster and its timeline, without the rest that names a life. */
function timelineOf(epoch: string): string {
  return epoch.split(' ', 2).join(' ');
}

/** The last transaction before the oldest that was open when a snapshot (`xmin:xmax:open`) was taken. */
function lastBefore(snapshot: string): number {
  return Number.parseInt(snapshot, 10) - 1;
}

/** The first id that no transaction had been given when a snapshot was taken. */
function xmaxOf(snapshot: string): bigint {
  return BigInt(snapshot.split(':', 2)[1]!);
}

const NAME = 'INSERT INTO latchkey.incarnations DEFAULT VALUES ON CONFLICT DO NOTHING';

// One statement, hence one snapshot: the one it answers is the one the changes were read in. What the last one had not seen is
// what came after it and what was open then: asked for like this, a transaction that stays open for hours makes no read look
// through all that happened since. A transaction id beyond the snapshot comes from another cluster, by way of a dump, and
// means nothing here.
const READ = `
  SELECT pg_current_snapshot()::text AS snapshot, extract(epoch FROM clock_timestamp()) * 1000 AS now_ms,
         (SELECT trunc(extract(epoch FROM reached) * 1000) FROM latchkey.clock) AS reached_ms,
         (SELECT system_identifier FROM pg_control_system())::text AS cluster, latchkey.life() AS life,
         (SELECT mark FROM latchkey.nodes WHERE id = $2) AS mark, c.contents, c.is_watched,
         (SELECT CASE WHEN count(*) > ${MANY_CHANGES} THEN json_build_array('${EVERYTHING}')
                      ELSE coalesce(json_agg(DISTINCT subject_id), '[]') END
            FROM (SELECT subject_id FROM latchkey.verdict_changes
                   WHERE (xid >= pg_snapshot_xmax($1::pg_snapshot) OR xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::pg_snapshot))))
                     AND xid < pg_snapshot_xmax(pg_current_snapshot())
                   LIMIT ${MANY_CHANGES + 1}) AS unseen) AS subjects
    FROM latchkey.contents() AS c`;
