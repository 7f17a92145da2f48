import { performance } from 'node:perf_hooks';
import { type OnApplicationShutdown } from '@nestjs/common';
import { Pool, type PoolClient, type PoolConfig } from 'pg';
import { SafeLogger } from '../../common/safe-logger';
import type { Party } from '../../common/async/query-context';
import { isOverlapped, isOwnMistake, isSilent, isUnanswered, loggable } from '../../common/errors/database-errors';
import { DatabaseUnavailableError } from '../../common/errors/common.errors';
import type { Connection } from './connection';
import { inSchema } from '../schema';
import type { SqlRunner } from '../sql-runner';
import type { RequestConnectionsService } from './request-connections';
import { CancellableClient } from './cancellable-client';
import { FairQueue } from './fair-queue';
import { type PoolState, poolState } from './pool-state';

export interface VerificationPoolSettings {
  readonly connection: Connection;
  readonly schema: string;
  readonly gatePoolSize: number;
}

// Together less than a second, so that a request that waits for verification gets an answer within a second.
const WAIT_MS = 400;
const ANSWER_MS = 450;
/**
 * The server gives up first. After its own refusal the connection can still be used, and no backend waits on after Latchkey has
 * given up.
 */
const STATEMENT_MS = 400;
/** Longer than a request waits: a connection that comes too late for one request serves the next. */
const CONNECT_MS = 1_000;
const LATE_MS = 100;
const ATTEMPTS = 4;

/**
 * The most statements that wait for a connection. Beyond that, the party with the most of them is refused at once (guarantee
 * P17).
 */
const MOST_WAITING = { group: 1_000, all: 1_000 };

/**
 * The connections that verification depends on. No other code uses them, so a long transaction of a manager or a host does not
 * delay them. Writes and look-ups have separate pools, because every write hangs while a primary waits for a standby that is gone.
 * The change feed has a connection of its own, so that no number of callers can delay it.
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
   * Runs a statement that reads. It names tables `latchkey.<table>`.
   *
   * @param party the caller whose share of the connections is used; without it, the node's own share.
   * @throws DatabaseUnavailableError, at once under overload.
   */
  async query<Row extends object>(sql: string, parameters: unknown[] = [], party?: Party): Promise<Row[]> {
    return inQueue(this.queue, party, (waitMs) => this.ask<Row>(this.pool, sql, parameters, waitMs));
  }

  /** The same for a statement that writes. */
  async write<Row extends object>(sql: string, parameters: unknown[] = [], party?: Party): Promise<Row[]> {
    return inQueue(this.writingQueue, party, (waitMs) => this.ask<Row>(this.writingPool, sql, parameters, waitMs));
  }

  /** `query` in the form that stores take. */
  reader(party?: Party): SqlRunner {
    return <Row>(sql: string, parameters: unknown[] = []) =>
      this.query<Row & object>(sql, parameters, party) as Promise<Row[]>;
  }

  /** `write` in the form that stores take. */
  writer(party?: Party): SqlRunner {
    return <Row>(sql: string, parameters: unknown[] = []) =>
      this.write<Row & object>(sql, parameters, party) as Promise<Row[]>;
  }

  /** Runs a statement of the change feed, which returns one row. @throws DatabaseUnavailableError */
  async readChanges<Row extends object>(sql: string, parameters: unknown[]): Promise<Row | undefined> {
    const askedAt = performance.now();
    try {
      const [row] = await this.ask<Row>(this.changeFeedPool, sql, parameters);
      this.serving.noteWhetherAway(false);
      return row;
    } catch (error) {
      const tookMs = performance.now() - askedAt;
      if (!isLate(tookMs)) this.serving.noteWhetherAway(true);
      // Requests that asked before this read, and have no answer either, wait for a database that is not available.
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
      // Latchkey's exception filter, which recognises an outage, does not run on a host's own routes. So the outage is named here.
      throw isOwnMistake(error) || error instanceof DatabaseUnavailableError
        ? error
        : new DatabaseUnavailableError(error);
    }
  }

  states(): PoolState[] {
    return [
      poolState('verification', this.pool, this.queue.state),
      poolState('verification-writes', this.writingPool, this.writingQueue.state),
    ];
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

  /** Ends each pool once. An application may be closed twice, by its own code and by a signal, and a pool cannot be ended twice. */
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
    // If an idle connection breaks, the pool opens another one when it is needed.
    pool.on('error', (error) => this.logger.debug({ event: 'database.connection_lost', cause: loggable(error) }));
    return pool;
  }
}

/**
 * A queue without shares, because each statement is short. The party that holds the fewest connections still goes first, so
 * that many tokens of one organization delay only that organization.
 */
function fairQueue(all: number): FairQueue {
  return new FairQueue({ all, group: Infinity, member: Infinity }, MOST_WAITING);
}

/**
 * Runs something when the party gets a place in the queue.
 *
 * @param act receives the time for which it may still wait for a connection.
 */
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

/** Ends a pool. Statements under way are still answered, but the pool takes no new ones. */
function retire(pool: Pool): void {
  pool.end().catch(ignore);
}

/**
 * Runs a statement, and repeats it a few times if it lost against another transaction, because then none of it was done. Under load
 * this is common if the database role isolates transactions more strictly than these statements need.
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

/** Discards a connection after an error: a connection that did not answer in time may never answer again. */
async function throwAway(client: PoolClient, error: unknown): Promise<void> {
  // Cancels before it closes the connection: after that, a pooler no longer knows which statement to cancel.
  if (isUnanswered(error)) await (client as PoolClient & CancellableClient).cancel();
  client.release(!isOverlapped(error));
}

/**
 * Waits for a connection. If the wait ends without one, the attempt to connect continues, for the next request. After an outage all
 * requests need new connections at once: if slow attempts were discarded, a busy machine would open connections for ever and use
 * none of them.
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
 * Whether the database sent nothing for as long as an answer may take. A server that sends a refusal is available. If much more
 * time has passed, this process was too busy to read the answer.
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
