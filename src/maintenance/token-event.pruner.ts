import { Injectable } from '@nestjs/common';
import { TokenEventStore } from '../changes/hooks/token-event.store';
import { Clock } from '../common/clock/clock';
import { VerificationPools } from '../database/connections/verification-pools';
import type { MaintenanceJob } from './maintenance.job';

const BATCH = 1_000;

/** Removes events from the outbox that were delivered a day ago, or that no handler took for thirty days. */
@Injectable()
export class TokenEventPruner implements MaintenanceJob {
  constructor(
    private readonly database: VerificationPools,
    private readonly clock: Clock,
    private readonly store: TokenEventStore,
  ) {}

  async runBatch(): Promise<boolean> {
    // By time, and not by one clock alone.
    if (!this.clock.isSteady()) return false;
    return (await this.store.prune(this.database.writer(), BATCH)) === BATCH;
  }
}
