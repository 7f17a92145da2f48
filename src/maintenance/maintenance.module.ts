import { Module, type Type } from '@nestjs/common';
import { AuditPartitionKeeper } from '../audit-log/audit-partition.keeper';
import { CheckpointsService } from '../audit-log/chain/checkpoints.service';
import { UnqueuedFinder } from '../audit-log/chain/unqueued.finder';
import { MAINTENANCE_JOBS, type MaintenanceJob } from './maintenance.job';
import { MaintenanceRunner } from './maintenance.runner';
import { ChangePruner } from './change.pruner';
import { RemovedMethodCleaner } from './removed-method.cleaner';
import { EndedTokenTeller } from './ended-token.teller';
import { TokenEventPruner } from './token-event.pruner';
import { TokenPruner } from './token.pruner';

const OWN_JOBS = [EndedTokenTeller, RemovedMethodCleaner, TokenPruner, ChangePruner, TokenEventPruner];

/**
 * Every job, in the order in which they run. A new one is added here and nowhere else. The first tells of ended tokens, because a
 * token that is removed can no longer be told.
 */
const JOBS: readonly Type<MaintenanceJob>[] = [...OWN_JOBS, AuditPartitionKeeper, UnqueuedFinder, CheckpointsService];

/** Removes rows that are no longer needed, a few at a time, on one node at a time. */
@Module({
  providers: [
    ...OWN_JOBS,
    { provide: MAINTENANCE_JOBS, inject: [...JOBS], useFactory: (...jobs: MaintenanceJob[]) => jobs },
    MaintenanceRunner,
  ],
  exports: [MaintenanceRunner],
})
export class MaintenanceModule {}
