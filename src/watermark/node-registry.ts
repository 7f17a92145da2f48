import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { loggable } from '../common/errors/database-errors';
import { GateDatabase } from '../database/gate-database';
import { type Confirmed, Watermark } from './watermark';

const HEARTBEAT_MS = 2_000;

/**
 * Makes this node known to the others, through the database alone: a row with a heartbeat, and how far the node has got. It
 * costs a write in two seconds, one more when changes have been learnt of, and no WAL.
 */
@Injectable()
export class NodeRegistry implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly id = randomUUID();
  readonly name = `${hostname()}:${process.pid}`;
  private readonly logger = new Logger(NodeRegistry.name);
  private readonly startedAt = new Date();
  private latest: Confirmed | undefined;
  private writing: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;
  private isFailing = false;

  constructor(
    private readonly database: GateDatabase,
    private readonly watermark: Watermark,
  ) {}

  onApplicationBootstrap(): void {
    this.watermark.onProgress((confirmed) => {
      this.latest = confirmed;
      this.write();
    });
    this.timer = setInterval(() => this.write(), HEARTBEAT_MS);
    this.timer.unref();
  }

  /** Taken off the list at once, so that nobody waits for it. */
  async onApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    await this.writing;
    await this.database.write('DELETE FROM latchkey.nodes WHERE id = $1', [this.id]).catch(() => undefined);
  }

  /** One write at a time; what is learnt of meanwhile goes into the next. */
  private write(): void {
    if (this.writing || !this.latest || this.isStopped) return;
    const written = this.latest;
    this.writing = this.put(written).finally(() => {
      this.writing = undefined;
      if (this.latest !== written) this.write();
    });
  }

  private async put({ snapshot, revision }: Confirmed): Promise<void> {
    try {
      await this.database.write(BEAT, [this.id, this.name, this.startedAt, snapshot, revision]);
      this.isFailing = false;
    } catch (error) {
      if (!this.isFailing) this.logger.debug({ event: 'node.not_written', cause: loggable(error) });
      this.isFailing = true;
    }
  }
}

const BEAT = `
  INSERT INTO latchkey.nodes (id, name, started_at, seen_at, confirmed, applied_revision)
  VALUES ($1, $2, $3, clock_timestamp(), $4::pg_snapshot, $5)
  ON CONFLICT (id) DO UPDATE
    SET seen_at = excluded.seen_at, confirmed = excluded.confirmed, applied_revision = excluded.applied_revision`;
