import { randomUUID } from 'node:crypto';
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { ClientConfig } from 'pg';
import { SafeLogger } from '../common/safe-logger';
import { isSilent, loggable } from '../common/errors/database-errors';
import { CoalescedTask } from '../common/async/coalesced-task';
import { VerificationPools } from '../database/connections/verification-pools';
import { CancellableClient } from '../database/connections/cancellable-client';
import { LatchkeySettings } from '../latchkey.options';
import { ChangeFeedService } from './change-feed.service';

const CHANNEL = 'latchkey_verdict_changes';
const CONNECT_MS = 2_000;
/** How often the connection is checked: a half-open one shows no sign of it. */
const PROBE_MS = 2_000;
const RETRY_MS = [100, 500, 1_000, 5_000];
/** A change that is read this soon after a push was sent or received is the one that the push was about. */
const SAME_CHANGE_MS = 50;

/** `silent`: connected, but messages do not arrive, as behind a pooler in transaction mode. */
export type PushState = 'off' | 'connecting' | 'on' | 'silent';

/**
 * Tells other nodes of changes at once after their commit (NOTIFY), receives theirs (LISTEN), and makes the change feed read
 * sooner. No guarantee rests on it: if it is cut, half open, swallowed by a pooler or refused by a full queue, a revocation on
 * another node only takes up to the bound. A push is therefore a separate statement after the commit: in the transaction of a
 * revocation, its failure would be the revocation's failure.
 */
@Injectable()
export class ChangeListener implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new SafeLogger(ChangeListener.name);
  private client: CancellableClient | undefined;
  private isListening = false;
  private timer: NodeJS.Timeout | undefined;
  private attempts = 0;
  private isStopped = false;
  private echo: string | undefined;
  private readonly pushes = new CoalescedTask(() => this.push());
  private pushedAt = -Infinity;
  private failedPushes = 0;
  state: PushState = 'off';

  constructor(
    private readonly changeFeed: ChangeFeedService,
    private readonly database: VerificationPools,
    private readonly settings: LatchkeySettings,
  ) {}

  onApplicationBootstrap(): void {
    // Found by reading: it was changed by hand, or in a transaction of the host. The node that finds it first tells the others.
    this.changeFeed.onProgress(() => {
      if (performance.now() - this.pushedAt > SAME_CHANGE_MS) this.announce();
    });
    if (this.settings.pushConnection !== undefined) void this.connect(this.settings.pushConnection);
  }

  async onApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.client?.end();
  }

  /** Tells the other nodes that there is something to read. No call waits for it, and its failure has no consequence. */
  announce(): void {
    if (this.isStopped) return;
    this.pushedAt = performance.now();
    void this.pushes.run();
  }

  private async push(): Promise<void> {
    try {
      await this.send();
      this.failedPushes = 0;
    } catch (error) {
      this.failedPushes += 1;
      // A lost push does no harm, because the others read soon. Nor does one that the end of the application overtakes.
      if (this.failedPushes === 2 && !this.isStopped)
        this.logger.warn({ event: 'push.not_sent', cause: loggable(error) });
    }
  }

  /** Uses the listening connection, if there is one: a delay of a push then delays pushes only. */
  private async send(): Promise<void> {
    const { client } = this;
    if (client === undefined || !this.isListening) return void (await this.database.write(PUSH));
    try {
      await client.query(PUSH);
    } catch (error) {
      if (isSilent(error)) this.lost(client, error);
      throw error;
    }
  }

  private async connect(connection: ClientConfig): Promise<void> {
    this.state = 'connecting';
    const client = new CancellableClient({
      ...connection,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: CONNECT_MS,
      keepAlive: true,
      application_name: 'latchkey push',
    });
    client.on('error', (error) => this.lost(client, error)).on('end', () => this.lost(client));
    client.on('notification', ({ payload }) => this.heard(payload));
    this.client = client;
    try {
      await client.connect();
      // Latchkey never keeps its host's process alive; but while it ends, `close()` waits for this connection.
      if (!this.isStopped) (client as CancellableClient & { unref(): void }).unref();
      await client.query(`LISTEN ${CHANNEL}`);
      this.isListening = true;
      // Changes that were committed before it listened were not pushed to it.
      this.wake();
      // A sent message must come back: a pooler in transaction mode accepts a LISTEN and delivers nothing. It is sent over
      // another connection, because over the listening one even such a pooler may return it with the answer.
      this.echo = randomUUID();
      await this.database.write('SELECT pg_notify($1, $2)', [CHANNEL, this.echo]);
      this.attempts = 0;
      this.probe(client);
    } catch (error) {
      this.lost(client, error);
    }
  }

  private probe(client: CancellableClient): void {
    this.timer = setTimeout(() => {
      client.query('SELECT').then(
        () => {
          this.requireEcho();
          this.probe(client);
        },
        (error: unknown) => this.lost(client, error),
      );
    }, PROBE_MS);
    this.timer.unref();
  }

  /**
   * Called when an answer has just come over the connection: earlier messages have been read by then, however late this process
   * read them. A timer alone would take a process that is busy starting for a silent connection.
   */
  private requireEcho(): void {
    if (this.echo === undefined || this.state !== 'connecting') return;
    this.state = 'silent';
    this.logger.warn({ event: 'push.silent' });
  }

  private heard(payload: string | undefined): void {
    if (payload !== undefined && payload === this.echo) {
      this.echo = undefined;
      this.state = 'on';
    }
    // Changes come without a payload; a payload is the echo of a node.
    if (payload) return;
    this.pushedAt = performance.now();
    this.wake();
  }

  private wake(): void {
    this.changeFeed.catchUp().catch(() => undefined);
  }

  private lost(client: CancellableClient, error?: unknown): void {
    if (this.client !== client || this.isStopped) return;
    this.client = undefined;
    this.isListening = false;
    clearTimeout(this.timer);
    if (this.state === 'on') this.logger.warn({ event: 'push.lost', cause: loggable(error) });
    this.state = 'connecting';
    this.echo = undefined;
    client.end().catch(() => undefined);
    const wait = RETRY_MS[Math.min(this.attempts, RETRY_MS.length - 1)];
    this.attempts += 1;
    this.timer = setTimeout(() => void this.connect(this.settings.pushConnection!), wait);
    this.timer.unref();
  }
}

// Without waiting for the disk or a standby: it writes nothing that could be lost.
const PUSH = `SELECT set_config('synchronous_commit', 'off', true), pg_notify('${CHANNEL}', '')`;
