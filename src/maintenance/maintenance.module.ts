import { Module, type Type } from '@nestjs/common';
import { MAINTENANCE_JOBS, type MaintenanceJob } from './maintenance.job';
import { MaintenanceRunner } from './maintenance.runner';
import { ChangePruner } from './change.pruner';
import { RemovedMethodCleaner } from './removed-method.cleaner';
import { EndedTokenTeller } from './ended-token.teller';
import { TokenEventPruner } from './token-event.pruner';
import { TokenPruner } from './token.pruner';

/** Every clean-up, in the order in which they run. A new one is added here and nowhere else. */
const JOBS: readonly Type<MaintenanceJob>[] = [
  // First, because a token that is removed can no longer be told.
  EndedTokenTeller,
  RemovedMethodCleaner,
  TokenPruner,
  ChangePruner,
  TokenEventPruner,
];

/** Removes rows that are no longer needed, a few at a time, on one node at a time. */
@Module({
  providers: [
    ...JOBS,
    { provide: MAINTENANCE_JOBS, inject: [...JOBS], useFactory: (...jobs: MaintenanceJob[]) => jobs },
    MaintenanceRunner,
  ],
  exports: [MaintenanceRunner],
})
export class MaintenanceModule {}
