import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { SafeLogger } from '../common/safe-logger';
import { loggable } from '../common/errors/database-errors';
import { LatchkeySettings } from '../latchkey.options';
import { RemovedMethodCleaner } from './removed-method.cleaner';
import { ChangePruner } from './change.pruner';
import { TokenPruner } from './token.pruner';

const INTERVAL_MS = 60_000;
/** Between two batches, so that clearing away never competes with what is asked for. */
const PAUSE_MS = 20;
/** For the batch under way when the application ends: what is not cleared away now is another time. */
const LAST_BATCH_MS = 2_000;

/** One kind of clean-up. */
export interface MaintenanceJob {
  /** Clears one batch away. @returns whether there may be more. */
  runBatch(): Promise<boolean>;
}

/** Runs the clean-ups, now and then. Any node may, and all but one find that it is not their turn. */
@Injectable()
export class MaintenanceRunner implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new SafeLogger(MaintenanceRunner.name);
  private readonly jobs: readonly MaintenanceJob[];
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private isStopped = false;

  constructor(
    private readonly settings: LatchkeySettings,
    tokens: TokenPruner,
    changes: ChangePruner,
    removed: RemovedMethodCleaner,
  ) {
    this.jobs = [removed, tokens, changes];
  }

  onApplicationBootstrap(): void {
    if (!this.settings.maintenance) return;
    this.timer = setInterval(() => void this.run(), INTERVAL_MS);
    this.timer.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    await Promise.race([this.running, pause(LAST_BATCH_MS, undefined, { ref: false })]);
  }

  /** Clears everything away that may go. A run that is under way is not joined by a second. */
  run(): Promise<void> {
    this.running ??= this.runAll().finally(() => (this.running = undefined));
    return this.running;
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
