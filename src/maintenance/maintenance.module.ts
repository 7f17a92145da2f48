import { Module } from '@nestjs/common';
import { MaintenanceRunner } from './maintenance.runner';
import { PruneChanges } from './prune-changes';
import { ClearRemovedMethods } from './clear-removed-methods';
import { PruneTokens } from './prune-tokens';

/** What is no longer needed is cleared away, a little at a time, on one node at a time. */
@Module({
  providers: [MaintenanceRunner, PruneChanges, PruneTokens, ClearRemovedMethods],
  exports: [MaintenanceRunner],
})
export class MaintenanceModule {}
