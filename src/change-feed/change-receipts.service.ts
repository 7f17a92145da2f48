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
import { ChangeListener } from './change.listener';
import { ChangeFeedService } from './change-feed.service';

/** Names a change by the transaction that made it. */
export interface Receipt {
  /** PostgreSQL's `xid8`; no two transactions that have committed share one. */
  readonly xid: string;
}

/** Which nodes have learnt of a change. */
export interface Spread {
  readonly applied: string[];
  readonly pending: string[];
}

interface Waiting {
  readonly xid: string;
}

interface NodeRow {
  readonly name: string;
  readonly unseen: readonly string[];
}

const ASK_AGAIN_MS = 15;
/** Who waits beyond so many is asked for once, and told how far it has spread by then. */
const MAX_WAITING = 1_000;

/** Proof of a change, and of how far it has spread. */
@Injectable()
export class ChangeReceiptsService {
  private readonly marks = new CoalescedTask(() => this.mark());
  private readonly polls = new CoalescedTask(() => this.poll());
  private readonly waitingFor = new Set<Waiting>();
  private polledAt = -Infinity;

  constructor(
    private readonly database: VerificationPools,
    private readonly watermark: ChangeFeedService,
    private readonly clock: Clock,
    private readonly push: ChangeListener,
    private readonly settings: LatchkeySettings,
  ) {}

  /** The receipt of what a transaction has changed so far; null when no verdict rests on it. */
  async of(tx: EntityManager): Promise<Receipt | null> {
    const [receipt] = await tx.query<Receipt[]>(inSchemaOf(tx, RECEIPT));
    return receipt ?? null;
  }

  /** After a commit: has this node learn of it, and tells the others. From then on nothing older is answered here, whether that worked or not. */
  async applyLocally(): Promise<void> {
    this.push.announce();
    await this.watermark.catchUp().catch(() => this.watermark.invalidate());
  }

  /**
   * Waits until every live node has learnt of a change, for as long as the bound at most. A node that is still pending then
   * answers nothing from memory: it is cut off, frozen or gone. When nothing was left to change, what counts is everything
   * changed so far.
   *
   * @throws DatabaseUnavailableError when nothing is known of how far it has spread.
   */
  async waitForNodes(receipt: Receipt | null): Promise<Spread> {
    const { xid } = receipt ?? (await this.marks.run());
    const isCrowded = this.waitingFor.size >= MAX_WAITING;
    const deadline = isCrowded ? -Infinity : performance.now() + this.settings.revocationBoundMs;
    const waiting: Waiting = { xid };
    this.waitingFor.add(waiting);
    try {
      return await this.follow(waiting, deadline);
    } finally {
      this.waitingFor.delete(waiting);
    }
  }

  private async follow({ xid }: Waiting, deadline: number): Promise<Spread> {
    for (;;) {
      const nodes = await this.polls.run().catch((error: unknown) => this.tryAgain(error, deadline));
      const spread = nodes && spreadOf(xid, nodes);
      const isEverywhere = spread?.pending.length === 0 && this.isListComplete();
      if (spread && (isEverywhere || performance.now() > deadline)) return spread;
    }
  }

  /** The change is made: that somebody could not be asked about it is no reason to say otherwise while there is time. */
  private tryAgain(error: unknown, deadline: number): undefined {
    if (performance.now() > deadline) throw error;
  }

  /**
   * One question for all who wait, however many, now and then. Over the connection that changes are read on: it takes none from
   * those who want a verdict.
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
    const { watermark, clock, settings } = this;
    // Where the database's clock has just jumped ahead, heartbeats look older than they are.
    const isClockSteady = clock.steadyForMs() > this.goneAfterSeconds() * 1_000;
    return (
      watermark.freshness.isConfirmed() && watermark.incarnation.ageMs() > settings.revocationBoundMs && isClockSteady
    );
  }

  /** A change of nothing: whoever has learnt of it has learnt of everything before. */
  private async mark(): Promise<Receipt> {
    const [receipt] = await this.database.write<Receipt>(MARK);
    this.push.announce();
    return receipt!;
  }

  /** Three heartbeats missed, and a node is taken for gone; but not while it may still answer from memory. */
  private goneAfterSeconds(): number {
    return Math.max(7, this.settings.revocationBoundMs / 1_000 + 3);
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

// The names come in order, and each with the changes it has not learnt of among those that are asked about.
const SPREAD = `
  SELECT coalesce(json_agg(json_build_object('name', name, 'unseen', ARRAY(
           SELECT xid FROM unnest($1::text[]) AS asked (xid) WHERE NOT pg_visible_in_snapshot(xid::xid8, confirmed)))
         ORDER BY name), '[]') AS nodes
    FROM latchkey.nodes WHERE seen_at > clock_timestamp() - make_interval(secs => $2) HAVING ${SEES_ALL_ROWS}`;
