import { performance } from 'node:perf_hooks';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { type Client, type ClientConfig, Pool, type PoolClient, type PoolConfig } from 'pg';
import { currentErrand } from '../../common/async/errand';
import { DatabaseUnavailableError, OverloadedError } from '../../common/errors/common.errors';
import { isSilent, isUnanswered } from '../../common/errors/database-errors';
import { CancellableClient } from './cancellable-client';
import { sharesOf, Turnstile } from './turnstile';

/** Connections for what takes rights away, beside those for everything else. */
export const REVOKING_POOL_SIZE = 4;
/** How long who asks waits for a turn, or for a new connection, while the database is well. */
const PATIENCE_MS = 7_000;
/** And while it does not answer: with what else a request does, less than a second. */
const AWAY_MS = 800;

type Connected = (error: Error | undefined, client?: PoolClient, release?: (error?: Error | boolean) => void) => void;

/** For statements under way when the application ends. */
const LAST_STATEMENTS_MS = 2_000;

/**
 * The connections that answer requests. One whose statement will not be answered is closed: whoever waits for it is told so
 * then, and it does not go back into the pool, where the next statement would queue behind the one that hangs.
 *
 * While the database is well, who asks waits for a turn, in order and for some seconds; while it is away nobody waits for
 * long. Which it is the watermark knows, by reading.
 */
@Injectable()
export class RequestConnectionsService implements OnApplicationShutdown {
  /** Statements under way and connections being made, and since when (as `performance.now()` counts). */
  private readonly pending = new Map<CancellableClient, number>();
  private readonly turnstiles = new Set<Turnstile>();
  /** Until somebody has been answered nothing is known to be well. */
  private isAway = true;
  /** What a pool makes its connections from: `new Pool({ Client })`. */
  readonly Client = this.watchedClient();
  /** What TypeORM takes for node-postgres: all it wants of it is a pool. */
  readonly driver = { Pool: this.poolOfTurns() };

  /** Gives up what was sent before a moment and is still without an answer, and who has waited for a turn since then. */
  abandon(sentBefore: number): void {
    for (const [client, sentAt] of this.pending) if (sentAt < sentBefore) close(client);
    for (const turnstile of this.turnstiles) turnstile.abandon(sentBefore, new DatabaseUnavailableError());
  }

  /** Says whether the database has just answered. */
  noteWhetherAway(isAway: boolean): void {
    this.isAway = isAway;
  }

  /** Requests have been answered by then; what goes on, or hangs, would hold up whoever ends for as long as a statement may take. */
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

  /** TypeORM asks for a promise; what is given a callback, or is a stream, passes by. */
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

  /** A pool, and a small one for what takes rights away; before each a turnstile. */
  private poolOfTurns(): typeof Pool {
    const turnstile = (max: number) => this.turnstile(max);
    const waitForTurn = (...[line, connect, connected]: Parameters<typeof this.waitForTurn>) =>
      this.waitForTurn(line, connect, connected);
    return class extends Pool {
      private readonly revoking: Pool;
      private readonly turns: Turnstile;
      private readonly revokingTurns = turnstile(REVOKING_POOL_SIZE);

      constructor(config: PoolConfig = {}) {
        super(config);
        this.turns = turnstile(config.max ?? 10);
        this.revoking = new Pool({ ...config, max: REVOKING_POOL_SIZE, application_name: 'latchkey revoking' });
        this.revoking.on('error', (error, client) => this.emit('error', error, client));
      }

      override connect(): Promise<PoolClient>;
      override connect(callback: Connected): void;
      override connect(callback?: Connected): Promise<PoolClient> | void {
        if (callback === undefined) {
          return new Promise((resolve, reject) =>
            this.connect((error, client) => (client ? resolve(client) : reject(error ?? new Error('no connection')))),
          );
        }
        if (currentErrand()?.isTakingAway) {
          waitForTurn(this.revokingTurns, (connected) => this.revoking.connect(connected as never), callback);
        } else {
          waitForTurn(this.turns, (connected) => super.connect(connected as never), callback);
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

  private turnstile(max: number): Turnstile {
    const turnstile = new Turnstile(sharesOf(max));
    this.turnstiles.add(turnstile);
    return turnstile;
  }

  private waitForTurn(line: Turnstile, connect: Connect, connected: Connected): void {
    const party = currentErrand()?.party;
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
    // Most have entered by now, and some have been turned away.
    if (isOver) return;
    timers.push(
      setTimeout(() => this.isAway && abandon(new DatabaseUnavailableError()), AWAY_MS).unref(),
      setTimeout(() => abandon(new OverloadedError()), PATIENCE_MS).unref(),
    );
  }
}

type Connect = (connected: Connected) => void;

/** The turn is over when the connection is given back, or when there was none. */
function handedOn(connected: Connected, leave: () => void): Connected {
  return (error, client, release) => {
    if (error || !client || !release) {
      leave();
      return connected(error, client, release);
    }
    const giveBack = (broken?: Error | boolean) => {
      release(broken);
      leave();
    };
    client.release = giveBack;
    connected(undefined, client, giveBack);
  };
}

/** Asked to cancel before it is closed: of one that is gone, a pooler in between no longer knows whose statement is meant. */
async function giveUp(client: CancellableClient, error: unknown): Promise<never> {
  if (isUnanswered(error)) await client.cancel();
  if (isSilent(error)) close(client);
  throw error;
}

/** Breaks it off, and not only says goodbye: a server that does not answer does not hear that either. */
function close(client: CancellableClient): void {
  client.breakOff();
}
