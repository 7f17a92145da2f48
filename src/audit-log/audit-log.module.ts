import { Global, Module } from '@nestjs/common';
import { AuditTrail } from '../changes/audit-trail';
import { AuditLogTrail } from './audit-log.trail';
import { AuditPartitionKeeper } from './audit-partition.keeper';
import { AuditLogSealer } from './chain/audit-log.sealer';
import { CheckpointsService } from './chain/checkpoints.service';

/** The audit log without its routes: what writes, seals, signs and clears up. Global, because every change is recorded. */
@Global()
@Module({
  providers: [
    { provide: AuditTrail, useClass: AuditLogTrail },
    AuditLogSealer,
    CheckpointsService,
    AuditPartitionKeeper,
  ],
  exports: [AuditTrail, AuditLogSealer, CheckpointsService, AuditPartitionKeeper],
})
export class AuditLogModule {}
