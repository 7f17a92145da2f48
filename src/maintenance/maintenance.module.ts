import { Module } from '@nestjs/common';
import { MaintenanceRunner } from './maintenance.runner';
import { ChangePruner } from './change.pruner';
import { RemovedMethodCleaner } from './removed-method.cleaner';
import { TokenPruner } from './token.pruner';

/** What is no longer needed is cleared away, a little at a time, on one node at a time. */
@Module({
  providers: [MaintenanceRunner, ChangePruner, TokenPruner, RemovedMethodCleaner],
  exports: [MaintenanceRunner],
})
export class MaintenanceModule {}
