import { performance } from 'node:perf_hooks';
import { type OnApplicationShutdown } from '@nestjs/common';
import { Pool, type PoolClient, type PoolConfig } from 'pg';
import { SafeLogger } from '../../common/safe-logger';
import type { Party } from '../../common/async/query-context';
import { isOverlapped, isOwnMistake, isSilent, isUnanswered, loggable } from '../../common/errors/database-errors';
import { DatabaseUnavailableError } from '../../common/errors/common.errors';
import type { Connection } from './connection';
import { inSchema } from '../schema';
import type { RequestConnectionsService } from './request-connections';
import { CancellableClient } from './cancellable-client';
import { FairQueue } from './fair-queue';

export interface VerificationPoolSettings {
  readonly connection: Connection;
  readonly schema: string;
  readonly gatePoolSize: number;
}

// Together less than a second: a request that waits for verification gets an answer within it.
const WAIT_MS = 400;
const ANSWER_MS = 450;
/**
 * The server gives up first. After its own refusal the connection can still be used, and no backend waits on after Latchkey has
 * given up.
 */
const STATEMENT_MS = 400;
/** Longer than a request waits: a connection that comes too late for one request is there for the next. */
const CONNECT_MS = 1_000;
const LATE_MS = 100;
const ATTEMPTS = 4;

/** Statements that wait for a connection at most; beyond, whoever has most waiting is turned away at once (guarantee P17). */
const MOST_WAITING = { group: 1_000, all: 1_000 };

/**
 * The connections that verification depends on, apart from all others: a long transaction of a manager or a host neither delays
 * them nor involves them. Writes have other connections than look-ups, because every write hangs while a primary waits for a
 * standby that is gone. The change feed has its own, so that no crowd of callers can delay it.
 */
export class VerificationPools implements OnApplicationShutdown {
  private readonly logger = new SafeLogger(VerificationPools.name);
  private pool: Pool;
  private writingPool: Pool;
  private changeFeedPool: Pool;
  private readonly queue: FairQueue;
  private readonly writingQueue: FairQueue;

  constructor(
    private readonly settings: VerificationPoolSettings,
    private readonly serving: RequestConnectionsService,
  ) {
    this.pool = this.connectGate();
    this.writingPool = this.connectWriting();
    this.changeFeedPool = this.connectChangeFeed();
    this.queue = fairQueue(settings.gatePoolSize);
    this.writingQueue = fairQueue(settings.gatePoolSize);
  }

  /**
   * Looks something up by a statement that names tables `latchkey.<table>`.
   *
   * @param party whose turn it takes; left out, that of the node itself.
   * @throws DatabaseUnavailableError, at once under overload.
   */
  async query<Row extends object>(sql: string, parameters: unknown[] = [], party?: Party): Promise<Row[]> {
    return inQueue(this.queue, party, (waitMs) => this.ask<Row>(this.pool, sql, parameters, waitMs));
  }

  /** The same for a statement that writes. */
  async write<Row extends object>(sql: string, parameters: unknown[] = [], party?: Party): Promise<Row[]> {
    return inQueue(this.writingQueue, party, (waitMs) => this.ask<Row>(this.writingPool, sql, parameters, waitMs));
  }

  /** @throws DatabaseUnavailableError */
  async readChanges<Row extends object>(sql: string, parameters: unknown[]): Promise<Row | undefined> {
    const askedAt = performance.now();
    try {
      const [row] = await this.ask<Row>(this.changeFeedPool, sql, parameters);
      this.serving.noteWhetherAway(false);
      return row;
    } catch (error) {
      const tookMs = performance.now() - askedAt;
      if (!isLate(tookMs)) this.serving.noteWhetherAway(true);
      // A request that asked before this one and has no answer either is waiting for a database that is away.
      if (isSilence(error, tookMs)) this.serving.abandon(askedAt);
      throw error;
    }
  }

  private async ask<Row extends object>(
    pool: Pool,
    sql: string,
    parameters: unknown[],
    waitMs = WAIT_MS,
  ): Promise<Row[]> {
    try {
      return await runOn<Row>(pool, inSchema(sql, this.settings.schema), parameters, waitMs);
    } catch (error) {
      // Thrown here, because on a host's own route Latchkey's filter is absent, which would tell an outage from a fault.
      throw isOwnMistake(error) || error instanceof DatabaseUnavailableError
        ? error
        : new DatabaseUnavailableError(error);
    }
  }

  /** Continues with new connections: the old ones may lead to a database that is no longer the primary. */
  reconnect(): void {
    retire(this.pool);
    retire(this.writingPool);
    this.pool = this.connectGate();
    this.writingPool = this.connectWriting();
  }

  /** The same for the connection of the change feed. */
  reconnectChangeFeed(): void {
    retire(this.changeFeedPool);
    this.changeFeedPool = this.connectChangeFeed();
  }

  /** A pool may be ended once only, and an application may be closed twice: by its own code and by a signal. */
  async onApplicationShutdown(): Promise<void> {
    const pools = [this.pool, this.writingPool, this.changeFeedPool];
    await Promise.all(pools.filter((pool) => !pool.ending).map((pool) => pool.end()));
  }

  private connectGate(): Pool {
    return this.connect({ max: this.settings.gatePoolSize, application_name: 'latchkey gate' });
  }

  private connectWriting(): Pool {
    return this.connect({ max: this.settings.gatePoolSize, application_name: 'latchkey gate, writing' });
  }

  private connectChangeFeed(): Pool {
    return this.connect({ max: 1, application_name: 'latchkey change feed' });
  }

  private connect(config: PoolConfig): Pool {
    const pool = new Pool({
      ...this.settings.connection.pg,
      Client: CancellableClient,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: ANSWER_MS,
      statement_timeout: STATEMENT_MS,
      keepAlive: true,
      // Latchkey never keeps its host's process alive.
      allowExitOnIdle: true,
      ...config,
    });
    // An idle connection that breaks is replaced when the next one is wanted.
    pool.on('error', (error) => this.logger.debug({ event: 'database.connection_lost', cause: loggable(error) }));
    return pool;
  }
}

/**
 * Nobody has a share, for each statement takes a moment; but whoever holds the fewest goes first, so that a crowd of one
 * organization's tokens keeps only that organization waiting.
 */
function fairQueue(all: number): FairQueue {
  return new FairQueue({ all, group: Infinity, member: Infinity }, MOST_WAITING);
}

/** @param act is told how long it may still wait for a connection. */
async function inQueue<Result>(
  queue: FairQueue,
  party: Party | undefined,
  act: (waitMs: number) => Promise<Result>,
): Promise<Result> {
  const cameAt = performance.now();
  const leave = await queue.take(party, WAIT_MS, notInTime).catch((error: unknown) => {
    throw error instanceof DatabaseUnavailableError ? error : new DatabaseUnavailableError(error);
  });
  try {
    return await act(cameAt + WAIT_MS - performance.now());
  } finally {
    leave();
  }
}

function notInTime(): DatabaseUnavailableError {
  return new DatabaseUnavailableError(new Error('no connection in time'));
}

/** Statements under way are still answered; no new one is sent on it. */
function retire(pool: Pool): void {
  pool.end().catch(ignore);
}

/**
 * Repeats a statement once if it lost against another: none of it was done. Where the role's default isolates transactions more
 * than these statements need, that is common under load.
 */
async function runOn<Row extends object>(
  pool: Pool,
  sql: string,
  parameters: unknown[],
  waitMs: number,
): Promise<Row[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runOnce<Row>(pool, sql, parameters, waitMs);
    } catch (error) {
      if (attempt === ATTEMPTS || !isOverlapped(error)) throw error;
    }
  }
}

async function runOnce<Row extends object>(
  pool: Pool,
  sql: string,
  parameters: unknown[],
  waitMs: number,
): Promise<Row[]> {
  const client = await connection(pool, waitMs);
  try {
    const { rows } = await client.query<Row>(sql, parameters);
    client.release();
    return rows;
  } catch (error) {
    void throwAway(client, error);
    throw error;
  }
}

/** After any error: a connection that did not answer in time may never answer again. */
async function throwAway(client: PoolClient, error: unknown): Promise<void> {
  // Before the connection is closed: after that, a pooler in between no longer knows which statement is meant.
  if (isUnanswered(error)) await (client as PoolClient & CancellableClient).cancel();
  client.release(!isOverlapped(error));
}

/**
 * If a request gives up in time, the attempt to connect continues. After an outage every request needs a new connection at
 * once. If slow attempts were discarded, a busy machine would make connections without end and use none of them.
 */
async function connection(pool: Pool, waitMs: number): Promise<PoolClient> {
  const coming = pool.connect();
  let timer: NodeJS.Timeout | undefined;
  const givenUp = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      coming.then((client) => client.release(), ignore);
      reject(notInTime());
    }, waitMs);
  });
  try {
    return await Promise.race([coming, givenUp]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Whether the database said nothing at all for as long as an answer may take. A server that refuses is there. If more time has
 * passed, this process was too busy to listen.
 */
function isSilence(error: unknown, tookMs: number): boolean {
  return error instanceof DatabaseUnavailableError && isSilent(error.cause) && !isLate(tookMs);
}

function isLate(tookMs: number): boolean {
  return tookMs >= ANSWER_MS + LATE_MS;
}

function ignore(): void {
  // Reported elsewhere.
}
