import { Global, Module } from '@nestjs/common';
import { FederationModule } from '../auth-methods/federation/federation.module';
import { AuditTrail } from '../changes/audit-trail';
import { AuditLogTrail } from './audit-log.trail';
import { AuditPartitionKeeper } from './audit-partition.keeper';
import { AuditLogSealer } from './chain/audit-log.sealer';
import { CheckpointsService } from './chain/checkpoints.service';
import { UnqueuedFinder } from './chain/unqueued.finder';
import { AuditLogFollower } from './followers/audit-log.follower';
import { AuditStreamCourier } from './streams/audit-stream.courier';
import { StreamSecrets } from './streams/stream-secrets';
import { WebhookSender } from './streams/webhook.sender';

/** The audit log without its routes: what writes, seals, signs, sends and clears up. Global, because every change is recorded. */
@Global()
@Module({
  imports: [FederationModule],
  providers: [
    { provide: AuditTrail, useClass: AuditLogTrail },
    AuditLogSealer,
    CheckpointsService,
    AuditPartitionKeeper,
    UnqueuedFinder,
    AuditStreamCourier,
    AuditLogFollower,
    StreamSecrets,
    WebhookSender,
  ],
  exports: [
    AuditTrail,
    AuditLogSealer,
    CheckpointsService,
    AuditPartitionKeeper,
    UnqueuedFinder,
    StreamSecrets,
    AuditLogFollower,
  ],
})
export class AuditLogModule {}
