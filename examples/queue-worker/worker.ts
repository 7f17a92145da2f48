import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { AccessTokenVerifier, LatchkeyError } from 'latchkey';
import { DataSource } from 'typeorm';
import { Job } from './job.entity.js';

const LOOK_EVERY_MS = 500;

/** Takes one job after another. Between order and work a token may have been revoked: it is asked again. */
@Injectable()
export class Worker implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly verifier: AccessTokenVerifier,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.work(), LOOK_EVERY_MS);
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** Does what is waiting. Any number of workers may: a job that one has taken is skipped by the others. */
  async work(): Promise<void> {
    while (await this.dataSource.transaction((manager) => this.take(manager))) continue;
  }

  private async take(manager: DataSource['manager']): Promise<boolean> {
    const job = await manager.findOne(Job, {
      where: { state: 'waiting' },
      order: { id: 'ASC' },
      lock: { mode: 'pessimistic_write', onLocked: 'skip_locked' },
    });
    if (job === null) return false;
    await manager.update(Job, { id: job.id }, await this.outcomeOf(job));
    return true;
  }

  private async outcomeOf({ task, accessToken, address }: Job): Promise<Pick<Job, 'state' | 'outcome'>> {
    try {
      const { identityName } = await this.verifier.verify(accessToken, address ?? undefined);
      return { state: 'done', outcome: `${task} for ${identityName}` };
    } catch (error) {
      // A database that is away is no refusal: the job waits for another time.
      if (!(error instanceof LatchkeyError) || error.getStatus() >= 500) throw error;
      return { state: 'refused', outcome: error.errorCode ?? null };
    }
  }
}
