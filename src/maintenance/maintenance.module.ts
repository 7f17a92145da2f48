import { Module, type Type } from '@nestjs/common';
import { MAINTENANCE_JOBS, type MaintenanceJob } from './maintenance.job';
import { MaintenanceRunner } from './maintenance.runner';
import { ChangePruner } from './change.pruner';
import { RemovedMethodCleaner } from './removed-method.cleaner';
import { TokenPruner } from './token.pruner';

/** Every clean-up, in the order they run. A new one is added here alone. */
const JOBS: readonly Type<MaintenanceJob>[] = [RemovedMethodCleaner, TokenPruner, ChangePruner];

/** What is no longer needed is cleared away, a little at a time, on one node at a time. */
@Module({
  providers: [
    ...JOBS,
    { provide: MAINTENANCE_JOBS, inject: [...JOBS], useFactory: (...jobs: MaintenanceJob[]) => jobs },
    MaintenanceRunner,
  ],
  exports: [MaintenanceRunner],
})
export class MaintenanceModule {}
