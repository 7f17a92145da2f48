import { hostname } from 'node:os';
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CoalescedTask } from '../common/async/coalesced-task';
import { Clock } from '../common/clock/clock';
import { SafeLogger } from '../common/safe-logger';
import { loggable } from '../common/errors/database-errors';
import { VerificationPools } from '../database/connections/verification-pools';
import { NodeMarkService } from './node-mark.service';
import { type Confirmed, ChangeFeedService } from './change-feed.service';

const HEARTBEAT_MS = 2_000;

/**
 * Makes this node known to the others, through the database alone: a row with a heartbeat, and the changes that the node has
 * applied. It costs a write every two seconds, and one more after changes. Only the time that the clock has reached is written
 * to the WAL.
 */
@Injectable()
export class NodeRegistry implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly name = `${hostname()}:${process.pid}`;
  private readonly logger = new SafeLogger(NodeRegistry.name);
  private readonly startedAt = new Date();
  private latest: Confirmed | undefined;
  private readonly writes = new CoalescedTask(() => this.write());
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;
  private isFailing = false;

  constructor(
    private readonly database: VerificationPools,
    private readonly changeFeed: ChangeFeedService,
    private readonly mark: NodeMarkService,
    private readonly clock: Clock,
  ) {}

  get id(): string {
    return this.mark.nodeId;
  }

  /** A node is in the list before it serves, so that a caller who waits for all nodes waits for it too. */
  async onApplicationBootstrap(): Promise<void> {
    this.changeFeed.onProgress((confirmed) => {
      this.latest = confirmed;
      void this.writes.run();
    });
    await this.writes.run();
    this.timer = setInterval(() => void this.writes.run(), HEARTBEAT_MS);
    this.timer.unref();
  }

  /** Removed from the list at once, so that no caller waits for it. */
  async onApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    // Behind the write that is under way; this run writes nothing any more.
    await this.writes.run();
    this.mark.expectNone();
    await this.database.write('DELETE FROM latchkey.nodes WHERE id = $1', [this.id]).catch(() => undefined);
  }

  private async write(): Promise<void> {
    if (!this.latest || this.isStopped) return;
    const { snapshot, revision } = this.latest;
    const mark = this.mark.next();
    try {
      await this.database.write(BEAT, [this.id, this.name, this.startedAt, snapshot, revision, mark]);
      this.mark.confirm(mark);
      await this.putClock();
      this.isFailing = false;
    } catch (error) {
      if (!this.isFailing) this.logger.debug({ event: 'node.not_written', cause: loggable(error) });
      this.isFailing = true;
    }
  }

  /** The time that the clock has reached. */
  private async putClock(): Promise<void> {
    const epochMs = this.clock.noteableMs();
    if (epochMs !== undefined) await this.database.write(REACH, [new Date(epochMs)]);
  }
}

const BEAT = `
  INSERT INTO latchkey.nodes (id, name, started_at, seen_at, confirmed, applied_revision, mark)
  VALUES ($1, $2, $3, clock_timestamp(), $4::pg_snapshot, $5, $6)
  ON CONFLICT (id) DO UPDATE
    SET seen_at = excluded.seen_at, confirmed = excluded.confirmed, applied_revision = excluded.applied_revision,
        mark = excluded.mark`;

// One node in five seconds writes it, and waits for no disk and no standby: a crash loses a few seconds of it.
const REACH = `
  WITH lazily AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
  UPDATE latchkey.clock SET reached = $1 FROM lazily WHERE reached < $1::timestamptz - interval '5 seconds'`;
