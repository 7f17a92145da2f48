import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Clock } from '../common/clock/clock';
import { Turns } from '../common/turns';
import { GateDatabase } from '../database/gate-database';
import { inSchemaOf } from '../database/schema';
import { LatchkeySettings } from '../latchkey.options';
import { NOTHING } from './changed-subjects';
import { Watermark } from './watermark';

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

const ASK_AGAIN_MS = 15;

/** Proof of a change, and of how far it has spread. */
@Injectable()
export class Receipts {
  private readonly marks = new Turns(() => this.mark());

  constructor(
    private readonly database: GateDatabase,
    private readonly watermark: Watermark,
    private readonly clock: Clock,
    private readonly settings: LatchkeySettings,
  ) {}

  /** The receipt of what a transaction has changed so far; null when no verdict rests on it. */
  async of(tx: EntityManager): Promise<Receipt | null> {
    const [receipt] = await tx.query<Receipt[]>(inSchemaOf(tx.dataSource, RECEIPT));
    return receipt ?? null;
  }

  /** After a commit: has this node learn of it. From then on nothing older is answered here, whether that worked or not. */
  async settle(): Promise<void> {
    await this.watermark.catchUp().catch(() => this.watermark.lapse());
  }

  /**
   * Waits until every live node has learnt of a change, for as long as the bound at most. A node that is still pending then
   * answers nothing from memory: it is cut off, frozen or gone. When nothing was left to change, what counts is everything
   * changed so far.
   */
  async spread(receipt: Receipt | null): Promise<Spread> {
    const deadline = performance.now() + this.settings.revocationBoundMs;
    const { xid } = receipt ?? (await this.marks.take());
    for (;;) {
      const nodes = await this.database.query<{ name: string; applied: boolean }>(SPREAD, [
        xid,
        this.goneAfterSeconds(),
      ]);
      const pending = nodes.filter(({ applied }) => !applied).map(({ name }) => name);
      if ((pending.length === 0 && this.isListComplete()) || performance.now() > deadline) {
        return { applied: nodes.filter(({ applied }) => applied).map(({ name }) => name), pending };
      }
      await pause(ASK_AGAIN_MS);
    }
  }

  /** After a crash of the database the list of nodes is empty until they are back. */
  private isListComplete(): boolean {
    const { watermark, clock, settings } = this;
    // Where the database's clock has just jumped ahead, heartbeats look older than they are.
    const isClockSteady = clock.steadyForMs() > this.goneAfterSeconds() * 1_000;
    return watermark.isConfirmed() && watermark.ageOfLifeMs() > settings.revocationBoundMs && isClockSteady;
  }

  /** A change of nothing: whoever has learnt of it has learnt of everything before. */
  private async mark(): Promise<Receipt> {
    const [receipt] = await this.database.write<Receipt>(MARK);
    return receipt!;
  }

  /** Three heartbeats missed, and a node is taken for gone; but not while it may still answer from memory. */
  private goneAfterSeconds(): number {
    return Math.max(7, this.settings.revocationBoundMs / 1_000 + 3);
  }
}

const RECEIPT = `
  SELECT xid::text FROM latchkey.verdict_changes WHERE xid = pg_current_xact_id_if_assigned() LIMIT 1`;

const MARK = `
  SELECT pg_current_xact_id()::text AS xid FROM latchkey.note_verdict_change('${NOTHING}')`;

const SPREAD = `
  SELECT name, pg_visible_in_snapshot($1::xid8, confirmed) AS applied
    FROM latchkey.nodes WHERE seen_at > clock_timestamp() - make_interval(secs => $2) ORDER BY name`;
