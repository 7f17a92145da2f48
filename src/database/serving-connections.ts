import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import type { Client, ClientConfig } from 'pg';
import { isSilent, isUnanswered } from '../common/errors/database-errors';
import { SteadyClient } from './steady-client';

/**
 * The connections that answer requests. One whose statement will not be answered is closed: whoever waits for it is told so
 * then, and it does not go back into the pool, where the next statement would queue behind the one that hangs.
 */
@Injectable()
export class ServingConnections {
  /** Statements under way, and when they were sent (as `performance.now()` counts). */
  private readonly pending = new Map<Client, number>();
  /** What a pool makes its connections from: `new Pool({ Client })`. */
  readonly Client = this.watchedClient();

  /** Gives up what was sent before a moment and is still without an answer. */
  abandon(sentBefore: number): void {
    for (const [client, sentAt] of this.pending) if (sentAt < sentBefore) close(client);
  }

  private watchedClient(): typeof Client {
    const watch = (client: SteadyClient, answer: unknown) => this.watch(client, answer);
    return class extends SteadyClient {
      constructor(config?: string | ClientConfig) {
        super(config);
        const ask = this.query.bind(this) as (...asked: unknown[]) => unknown;
        this.query = ((...asked: unknown[]) => watch(this, ask(...asked))) as Client['query'];
      }
    };
  }

  /** TypeORM asks for a promise; what is given a callback, or is a stream, passes by. */
  private watch(client: SteadyClient, answer: unknown): unknown {
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
}

/** Asked to cancel before it is closed: of one that is gone, a pooler in between no longer knows whose statement is meant. */
async function giveUp(client: SteadyClient, error: unknown): Promise<never> {
  if (isUnanswered(error)) await client.cancel();
  if (isSilent(error)) close(client);
  throw error;
}

/** `end` breaks a connection off when a statement is under way. */
function close(client: Client): void {
  client.end().catch(() => undefined);
}
