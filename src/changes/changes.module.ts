import { Global, Module } from '@nestjs/common';
import { ChangeFeedModule } from '../change-feed/change-feed.module';
import { AuditTrail, LoggingAuditTrail } from './audit-trail';
import { ChangesService } from './changes.service';
import { ObservationQueue } from './observation.queue';

/** How changes are made, and what the audit trail hears. Global, because every feature makes changes. */
@Global()
@Module({
  imports: [ChangeFeedModule],
  providers: [ChangesService, ObservationQueue, { provide: AuditTrail, useClass: LoggingAuditTrail }],
  exports: [ChangesService, ObservationQueue, AuditTrail],
})
export class ChangesModule {}
