import { Module, type Type } from '@nestjs/common';
import { MAINTENANCE_JOBS, type MaintenanceJob } from './maintenance.job';
import { MaintenanceRunner } from './maintenance.runner';
import { ChangePruner } from './change.pruner';
import { RemovedMethodCleaner } from './removed-method.cleaner';
import { TokenPruner } from './token.pruner';

<<<<<<< HEAD
/** Every clean-up, in the order in which they run. A new one is added here and nowhere else. */
const JOBS: readonly Type<MaintenanceJob>[] = [RemovedMethodCleaner, TokenPruner, ChangePruner];

/** What is no longer needed is cleared away, a little at a time, on one node at a time. */
=======
/** Removes rows that are no longer needed, a few at a time, on one node at a time. */
>>>>>>> 4ff86ec (docs: comments of guarding, verification, installation and maintenance in plain English)
@Module({
  providers: [
    ...JOBS,
    { provide: MAINTENANCE_JOBS, inject: [...JOBS], useFactory: (...jobs: MaintenanceJob[]) => jobs },
    MaintenanceRunner,
  ],
  exports: [MaintenanceRunner],
})
export class MaintenanceModule {}
