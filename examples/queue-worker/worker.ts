import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { AccessTokenVerifier, LatchkeyError } from 'latchkey';
import { DataSource } from 'typeorm';
import { Job } from './job.entity.js';

const LOOK_EVERY_MS = 500;

/** Takes one job after another. Between order and work a token may have been revoked: it is asked again. */
@Injectable()
export class Worker implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Worker.name);
  private isStopped = true;
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly verifier: AccessTokenVerifier,
  ) {}

  onApplicationBootstrap(): void {
    this.isStopped = false;
    this.schedule();
  }

  /** Waits for the job that is being done. */
  async onModuleDestroy(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.round;
  }

  /** Does what is waiting. Any number of workers may: a job that one has taken is skipped by the others. */
  async work(): Promise<void> {
    while (await this.dataSource.transaction((manager) => this.take(manager))) continue;
  }

  /** The next round begins when this one is over, however it went: an outage must not end the worker, nor the process. */
  private schedule(): void {
    if (this.isStopped) return;
    this.timer = setTimeout(() => {
      this.round = this.work()
        .catch((error: unknown) => this.logger.warn(`The jobs must wait: ${String(error)}`))
        .finally(() => this.schedule());
    }, LOOK_EVERY_MS);
  }

  private async take(manager: DataSource['manager']): Promise<boolean> {
    const job = await manager.findOne(Job, {
      where: { state: 'waiting' },
      order: { id: 'ASC' },
      lock: { mode: 'pessimistic_write', onLocked: 'skip_locked' },
    });
    if (job === null) return false;
    await manager.update(Job, { id: job.id }, { ...(await this.outcomeOf(job)), accessToken: null });
    return true;
  }

  private async outcomeOf({ task, accessToken, address }: Job): Promise<Pick<Job, 'state' | 'outcome'>> {
    try {
      const { identityName } = await this.verifier.verify(accessToken ?? '', address ?? undefined);
      return { state: 'done', outcome: `${task} for ${identityName}` };
    } catch (error) {
      // A database that is away is no refusal: the job waits for another time.
      if (!(error instanceof LatchkeyError) || error.getStatus() >= 500) throw error;
      return { state: 'refused', outcome: error.errorCode ?? null };
    }
  }
}
