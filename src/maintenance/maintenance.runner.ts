import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CoalescedTask } from '../common/async/coalesced-task';
import { SafeLogger } from '../common/safe-logger';
import { loggable } from '../common/errors/database-errors';
import { LatchkeySettings } from '../latchkey.options';
import { MAINTENANCE_JOBS, type MaintenanceJob } from './maintenance.job';

const INTERVAL_MS = 60_000;
/** Pause between two batches, so that maintenance never competes with requests. */
const PAUSE_MS = 20;
/** Time for the batch under way when the application ends. The rest is left for another time. */
const LAST_BATCH_MS = 2_000;

/** Runs the clean-ups from time to time. Every node tries, and all but one find that it is not their turn. */
@Injectable()
export class MaintenanceRunner implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new SafeLogger(MaintenanceRunner.name);
  private timer: NodeJS.Timeout | undefined;
  private readonly runs = new CoalescedTask(() => this.runAll());
  private isStopped = false;

  constructor(
    private readonly settings: LatchkeySettings,
    @Inject(MAINTENANCE_JOBS) private readonly jobs: readonly MaintenanceJob[],
  ) {}

  onApplicationBootstrap(): void {
    if (!this.settings.maintenance) return;
    this.timer = setInterval(() => void this.run(), INTERVAL_MS);
    this.timer.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    // Behind the batch that is under way; this run begins no batch any more.
    await Promise.race([this.run(), pause(LAST_BATCH_MS, undefined, { ref: false })]);
  }

  /** Removes everything that may be removed. Calls made during a run share the next one. */
  run(): Promise<void> {
    return this.runs.run();
  }

  private async runAll(): Promise<void> {
    for (const job of this.jobs) {
      try {
        while (!this.isStopped && (await job.runBatch())) await pause(PAUSE_MS, undefined, { ref: false });
      } catch (error) {
        // Nothing depends on it, and the next run is a minute away.
        this.logger.warn({ event: 'maintenance.failed', job: job.constructor.name, cause: loggable(error) });
      }
    }
  }
}
