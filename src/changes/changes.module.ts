import { Global, Module } from '@nestjs/common';
import { ChangeFeedModule } from '../change-feed/change-feed.module';
import { AuditTrail, LoggingAuditTrail } from './audit-trail';
import { ChangesService } from './changes.service';

/** How changes are made. Global: every feature makes some. */
@Global()
@Module({
  imports: [ChangeFeedModule],
  providers: [ChangesService, { provide: AuditTrail, useClass: LoggingAuditTrail }],
  exports: [ChangesService],
})
export class ChangesModule {}
