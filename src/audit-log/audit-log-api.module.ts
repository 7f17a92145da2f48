import { Module } from '@nestjs/common';
import { FederationModule } from '../auth-methods/federation/federation.module';
import { AuditLogExportService } from './audit-log-export.service';
import { AuditLogReadsService } from './audit-log-reads.service';
import { AuditLogsController } from './audit-logs.controller';
import { AuditProofController } from './audit-proof.controller';
import { AuditStreamsController } from './streams/audit-streams.controller';
import { AuditStreamsService } from './streams/audit-streams.service';

/** The routes of the audit log. */
@Module({
  imports: [FederationModule],
  controllers: [AuditLogsController, AuditProofController, AuditStreamsController],
  providers: [AuditLogReadsService, AuditLogExportService, AuditStreamsService],
})
export class AuditLogApiModule {}
