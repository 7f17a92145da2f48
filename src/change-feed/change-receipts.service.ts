import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Clock } from '../common/clock/clock';
import { CoalescedTask } from '../common/async/coalesced-task';
import { VerificationPools } from '../database/connections/verification-pools';
import { inSchemaOf, SEES_ALL_ROWS } from '../database/schema';
import { LatchkeySettings } from '../latchkey.options';
import { NOTHING } from './changed-subjects';
import { goneAfterMs } from './freshness';
import { ChangeListener } from './change.listener';
import { ChangeFeedService } from './change-feed.service';

/** Identifies a change by its transaction. */
export interface Receipt {
  /** PostgreSQL's `xid8`; no two committed transactions share one. */
  readonly xid: string;
}

/** The nodes that have applied a change. */
export interface Spread {
  readonly applied: string[];
  readonly pending: string[];
}

interface WaitingCaller {
  readonly xid: string;
}

interface NodeRow {
  readonly name: string;
  readonly unseen: readonly string[];
}

const ASK_AGAIN_MS = 15;
/** Beyond this many waiting callers, a further one is told once which nodes have applied the change by then. */
const MAX_WAITING = 1_000;

/** The receipt of a change, and the nodes that have applied it. */
@Injectable()
export class ChangeReceiptsService {
  private readonly marks = new CoalescedTask(() => this.mark());
  private readonly polls = new CoalescedTask(() => this.poll());
  private readonly waitingFor = new Set<WaitingCaller>();
  private polledAt = -Infinity;

  constructor(
    private readonly database: VerificationPools,
    private readonly changeFeed: ChangeFeedService,
    private readonly clock: Clock,
    private readonly push: ChangeListener,
    private readonly settings: LatchkeySettings,
  ) {}

  /** The receipt of the changes in a transaction so far; null if they do not affect verification. */
  async of(tx: EntityManager): Promise<Receipt | null> {
    const [receipt] = await tx.query<Receipt[]>(inSchemaOf(tx, RECEIPT));
    return receipt ?? null;
  }

  /**
   * After a commit: applies the change to this node, and tells the others. From then on nothing older is answered here, even if
   * the read failed.
   */
  async applyLocally(): Promise<void> {
    this.push.announce();
    await this.changeFeed.catchUp().catch(() => this.changeFeed.invalidate());
  }

  /**
   * Waits until every live node has applied a change, at most for the bound. A node that is then still pending no longer
   * answers from memory: it is cut off, frozen or gone. If nothing was left to change, all changes so far count.
   *
   * @throws DatabaseUnavailableError when it is unknown which nodes have applied the change.
   */
  async waitForNodes(receipt: Receipt | null): Promise<Spread> {
    const { xid } = receipt ?? (await this.marks.run());
    const isCrowded = this.waitingFor.size >= MAX_WAITING;
    const deadline = isCrowded ? -Infinity : performance.now() + this.settings.revocationBoundMs;
    const waiting: WaitingCaller = { xid };
    this.waitingFor.add(waiting);
    try {
      return await this.follow(waiting, deadline);
    } finally {
      this.waitingFor.delete(waiting);
    }
  }

  private async follow({ xid }: WaitingCaller, deadline: number): Promise<Spread> {
    for (;;) {
      const nodes = await this.polls.run().catch((error: unknown) => this.tryAgain(error, deadline));
      const spread = nodes && spreadOf(xid, nodes);
      const isEverywhere = spread?.pending.length === 0 && this.isListComplete();
      if (spread && (isEverywhere || performance.now() > deadline)) return spread;
    }
  }

  /**
   * The change is made. A failed question about it is repeated while there is time, and does not turn the answer into an error.
   */
  private tryAgain(error: unknown, deadline: number): undefined {
    if (performance.now() > deadline) throw error;
  }

  /**
   * One question for all waiting callers, at intervals. It uses the connection of the change feed, and takes none from
   * verification.
   */
  private async poll(): Promise<NodeRow[]> {
    await pause(this.polledAt + ASK_AGAIN_MS - performance.now());
    this.polledAt = performance.now();
    const xids = [...new Set([...this.waitingFor].map(({ xid }) => xid))];
    const answer = await this.database.readChanges<{ nodes: NodeRow[] }>(SPREAD, [xids, this.goneAfterSeconds()]);
    return answer?.nodes ?? [];
  }

  /** After a crash of the database the list of nodes is empty until they are back. */
  private isListComplete(): boolean {
    const { changeFeed, clock, settings } = this;
    // If the database's clock has just jumped ahead, heartbeats look older than they are.
    const isClockSteady = clock.steadyForMs() > this.goneAfterSeconds() * 1_000;
    return (
      changeFeed.freshness.isConfirmed() && changeFeed.incarnation.ageMs() > settings.revocationBoundMs && isClockSteady
    );
  }

  /** A change without a transaction: a node that has applied it has applied everything before. */
  private async mark(): Promise<Receipt> {
    const [receipt] = await this.database.write<Receipt>(MARK);
    this.push.announce();
    return receipt!;
  }

  private goneAfterSeconds(): number {
    return goneAfterMs(this.settings.revocationBoundMs) / 1_000;
  }
}

function spreadOf(xid: string, nodes: NodeRow[]): Spread {
  const knows = ({ unseen }: NodeRow) => !unseen.includes(xid);
  const named = (rows: NodeRow[]) => rows.map(({ name }) => name);
  return { applied: named(nodes.filter(knows)), pending: named(nodes.filter((node) => !knows(node))) };
}

const RECEIPT = `
  SELECT xid::text FROM latchkey.verdict_changes WHERE xid = pg_current_xact_id_if_assigned() LIMIT 1`;

const MARK = `
  SELECT pg_current_xact_id()::text AS xid FROM latchkey.note_verdict_change('${NOTHING}')`;

// The names come in order, each with the changes among those asked about that it has not applied.
const SPREAD = `
  SELECT coalesce(json_agg(json_build_object('name', name, 'unseen', ARRAY(
           SELECT xid FROM unnest($1::text[]) AS asked (xid) WHERE NOT pg_visible_in_snapshot(xid::xid8, confirmed)))
         ORDER BY name), '[]') AS nodes
    FROM latchkey.nodes WHERE seen_at > clock_timestamp() - make_interval(secs => $2) HAVING ${SEES_ALL_ROWS}`;
