import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { loggable } from '../common/errors/database-errors';
import { LATCHKEY_DATA_SOURCE } from '../database/data-source-name';
import { inSchemaOf } from '../database/schema';
import { LatchkeySettings } from '../latchkey.options';

interface Uses {
  count: number;
  lastAt: Date;
}

/** So many tokens waiting are written at once, without waiting for the interval. */
const FLUSH_AT = 5_000;

/**
 * Counts the uses of tokens (decisions 7). Limited tokens pay one guarded statement a use: N uses never become N + 1, on any
 * number of nodes. Unlimited ones are summed in memory and written together, so that a hot token is no hot row.
 */
@Injectable()
export class UseCounter implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly logger = new Logger(UseCounter.name);
  private waiting = new Map<string, Uses>();
  private flushing: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  private isClosing = false;
  private isFailing = false;

  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly settings: LatchkeySettings,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => void this.flush(), this.settings.usageFlushIntervalMs);
    // Latchkey never keeps its host's process alive.
    this.timer.unref();
  }

  /** Notes a use of a token without a limit. Costs no query. */
  note(tokenId: string, at: Date): void {
    add(this.waiting, tokenId, { count: 1, lastAt: at });
    if (this.waiting.size >= FLUSH_AT || this.isClosing) void this.flush();
  }

  /** Spends one use of a limited token. False when none is left, or when it was revoked a moment ago. */
  async spend(tokenId: string, at: Date): Promise<boolean> {
    const [, affected] = await this.dataSource.query<[unknown, number]>(inSchemaOf(this.dataSource, SPEND), [
      tokenId,
      at,
    ]);
    return affected === 1;
  }

  /** Writes what has been noted so far. What cannot be written is kept for the next time. */
  flush(): Promise<void> {
    this.flushing = this.flushing.then(() => this.write());
    return this.flushing;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isClosing = true;
    clearInterval(this.timer);
    await this.flush();
  }

  /** Once more, for the requests that were still being answered. */
  async onApplicationShutdown(): Promise<void> {
    await this.flush();
  }

  private async write(): Promise<void> {
    if (this.waiting.size === 0) return;
    const batch = this.waiting;
    this.waiting = new Map();
    const uses = [...batch.values()];
    try {
      await this.dataSource.query(inSchemaOf(this.dataSource, FLUSH), [
        [...batch.keys()],
        uses.map(({ count }) => count),
        uses.map(({ lastAt }) => lastAt),
      ]);
      this.isFailing = false;
    } catch (error) {
      for (const [tokenId, noted] of batch) add(this.waiting, tokenId, noted);
      // Once per outage: the next attempt is a moment away, and fails alike.
      if (!this.isFailing) this.logger.error({ event: 'uses.not_written', tokens: batch.size, cause: loggable(error) });
      this.isFailing = true;
    }
  }
}

function add(waiting: Map<string, Uses>, tokenId: string, { count, lastAt }: Uses): void {
  const uses = waiting.get(tokenId);
  if (uses === undefined) waiting.set(tokenId, { count, lastAt });
  else {
    uses.count += count;
    if (lastAt > uses.lastAt) uses.lastAt = lastAt;
  }
}

const SPEND = `
  UPDATE latchkey.identity_access_tokens
     SET num_uses = num_uses + 1, last_used_at = greatest(last_used_at, $2)
   WHERE id = $1 AND num_uses < num_uses_limit AND revoked_at IS NULL`;

// Locked in the order of ids: two nodes that write the same tokens would otherwise meet in a deadlock.
const FLUSH = `
  WITH used AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS u (id, uses, at)
  ), locked AS (
    SELECT t.id FROM latchkey.identity_access_tokens t JOIN used USING (id) ORDER BY t.id FOR NO KEY UPDATE OF t
  )
  UPDATE latchkey.identity_access_tokens t
     SET num_uses = t.num_uses + used.uses, last_used_at = greatest(t.last_used_at, used.at)
    FROM used JOIN locked USING (id)
   WHERE t.id = used.id`;
