import { performance } from 'node:perf_hooks';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { type Client, type ClientConfig, Pool, type PoolClient, type PoolConfig } from 'pg';
import { currentQueryContext } from '../../common/async/query-context';
import { DatabaseUnavailableError, OverloadedError } from '../../common/errors/common.errors';
import { isSilent, isUnanswered } from '../../common/errors/database-errors';
import { CancellableClient } from './cancellable-client';
import { sharesOf, FairQueue } from './fair-queue';
import { type PoolState, poolState } from './pool-state';

/** Connections for statements that take rights away, beside those for everything else. */
export const REVOKING_POOL_SIZE = 4;
/** How long a request waits for a turn, or for a new connection, while the database works. */
const PATIENCE_MS = 7_000;
/** The same while the database does not answer: together with the rest of a request, less than a second. */
const AWAY_MS = 800;

type Connected = (error: Error | undefined, client?: PoolClient, release?: (error?: Error | boolean) => void) => void;

/** For statements under way when the application ends. */
const LAST_STATEMENTS_MS = 2_000;

/**
 * The connections that answer requests. A connection whose statement will not be answered is closed. The request that waits for
 * it gets an error then, and the connection does not return to the pool, where the next statement would queue behind the one
 * that hangs.
 *
 * While the database works, a request waits for a turn, in order and for some seconds. While the database is away, no request
 * waits for long. The change feed knows which is the case, by reading.
 */
@Injectable()
export class RequestConnectionsService implements OnApplicationShutdown {
  /** Statements under way and connections being made, with their start (as `performance.now()` counts). */
  private readonly pending = new Map<CancellableClient, number>();
  private readonly queues = new Set<FairQueue>();
  private readonly pools: { readonly name: string; readonly pool: Pool; readonly queue: FairQueue }[] = [];
  /** False until the database has answered once. */
  private isAway = true;
  /** The class from which a pool makes its connections: `new Pool({ Client })`. */
  readonly Client = this.watchedClient();
  /** The part of node-postgres that TypeORM uses: a pool. */
  readonly driver = { Pool: this.queuedPool() };

  /**
   * Gives up statements that were sent before a moment and have no answer yet, and requests that have waited for a turn since
   * then.
   */
  abandon(sentBefore: number): void {
    for (const [client, sentAt] of this.pending) if (sentAt < sentBefore) close(client);
    for (const queue of this.queues) queue.abandon(sentBefore, new DatabaseUnavailableError());
  }

  states(): PoolState[] {
    return this.pools.map(({ name, pool, queue }) => poolState(name, pool, queue.state));
  }

  /** Records whether the database has just answered. */
  noteWhetherAway(isAway: boolean): void {
    this.isAway = isAway;
  }

  /**
   * All requests have been answered by then. A statement that continues or hangs would delay the end for as long as it may
   * take.
   */
  onApplicationShutdown(): void {
    setTimeout(() => this.abandon(Infinity), LAST_STATEMENTS_MS).unref();
  }

  private watchedClient(): typeof Client {
    const watch = (client: CancellableClient, answer: unknown) => this.watch(client, answer);
    const watchConnecting = (client: CancellableClient) => this.watchConnecting(client);
    return class extends CancellableClient {
      constructor(config?: string | ClientConfig) {
        super(config);
        const ask = this.query.bind(this) as (...asked: unknown[]) => unknown;
        this.query = ((...asked: unknown[]) => watch(this, ask(...asked))) as Client['query'];
        watchConnecting(this);
      }
    };
  }

  /** A pool makes a connection only to connect it at once. */
  private watchConnecting(client: CancellableClient): void {
    this.pending.set(client, performance.now());
    const isOver = () => {
      clearTimeout(timer);
      this.pending.delete(client);
    };
    const timer = setTimeout(() => this.isAway && close(client), AWAY_MS);
    timer.unref();
    client.once('connect', isOver).once('error', isOver).once('end', isOver);
  }

  /** TypeORM uses promises. Calls with a callback and streams are not tracked. */
  private watch(client: CancellableClient, answer: unknown): unknown {
    if (!(answer instanceof Promise)) return answer;
    this.pending.set(client, performance.now());
    return answer.then(
      (result: unknown) => {
        this.pending.delete(client);
        return result;
      },
      (error: unknown) => {
        this.pending.delete(client);
        return giveUp(client, error);
      },
    );
  }

  /** A pool, and a small one for statements that take rights away, each behind a fair queue. */
  private queuedPool(): typeof Pool {
    const newQueue = (max: number) => this.fairQueue(max);
    const { pools } = this;
    const waitInQueue = (...[line, connect, connected]: Parameters<typeof this.waitInQueue>) =>
      this.waitInQueue(line, connect, connected);
    return class extends Pool {
      private readonly revoking: Pool;
      private readonly queue: FairQueue;
      private readonly revokingQueue = newQueue(REVOKING_POOL_SIZE);

      constructor(config: PoolConfig = {}) {
        super(config);
        this.queue = newQueue(config.max ?? 10);
        this.revoking = new Pool({ ...config, max: REVOKING_POOL_SIZE, application_name: 'latchkey revoking' });
        this.revoking.on('error', (error, client) => this.emit('error', error, client));
        pools.push({ name: 'requests', pool: this, queue: this.queue });
        pools.push({ name: 'revocations', pool: this.revoking, queue: this.revokingQueue });
      }

      override connect(): Promise<PoolClient>;
      override connect(callback: Connected): void;
      override connect(callback?: Connected): Promise<PoolClient> | void {
        if (callback === undefined) {
          return new Promise((resolve, reject) =>
            this.connect((error, client) => (client ? resolve(client) : reject(error ?? new Error('no connection')))),
          );
        }
        if (currentQueryContext()?.isRevoking) {
          waitInQueue(this.revokingQueue, (connected) => this.revoking.connect(connected as never), callback);
        } else {
          waitInQueue(this.queue, (connected) => super.connect(connected as never), callback);
        }
      }

      override end(): Promise<void>;
      override end(callback: (error?: unknown) => void): void;
      override end(callback?: (error?: unknown) => void): Promise<void> | void {
        const ended = Promise.all([super.end(), this.revoking.end()]);
        if (callback === undefined) return ended.then(() => undefined);
        ended.then(() => callback(), callback);
      }
    };
  }

  private fairQueue(max: number): FairQueue {
    const queue = new FairQueue(sharesOf(max));
    this.queues.add(queue);
    return queue;
  }

  private waitInQueue(line: FairQueue, connect: Connect, connected: Connected): void {
    const party = currentQueryContext()?.party;
    const timers: NodeJS.Timeout[] = [];
    let isOver = false;
    const end = () => {
      isOver = true;
      timers.forEach(clearTimeout);
    };
    const enter = (leave: () => void) => {
      end();
      connect(handedOn(connected, leave));
    };
    const abandon = line.wait(party, enter, (error) => {
      end();
      connected(error);
    });
    // Most have entered by now, and some were turned away.
    if (isOver) return;
    timers.push(
      setTimeout(() => this.isAway && abandon(new DatabaseUnavailableError()), AWAY_MS).unref(),
      setTimeout(() => abandon(new OverloadedError()), PATIENCE_MS).unref(),
    );
  }
}

type Connect = (connected: Connected) => void;

/** The turn ends when the connection is returned, or when there was no connection. */
function handedOn(connected: Connected, leave: () => void): Connected {
  return (error, client, release) => {
    if (error || !client || !release) {
      leave();
      return connected(error, client, release);
    }
    const releaseAndLeave = (broken?: Error | boolean) => {
      release(broken);
      leave();
    };
    client.release = releaseAndLeave;
    connected(undefined, client, releaseAndLeave);
  };
}

/**
 * The cancel request is sent before the connection is closed: after that, a pooler in between no longer knows which statement
 * is meant.
 */
async function giveUp(client: CancellableClient, error: unknown): Promise<never> {
  if (isUnanswered(error)) await client.cancel();
  if (isSilent(error)) close(client);
  throw error;
}

/** Breaks the connection off. A server that does not answer does not read a goodbye either. */
function close(client: CancellableClient): void {
  client.breakOff();
}
