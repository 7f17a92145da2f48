import { Module } from '@nestjs/common';
import { AuditLogExportService } from './audit-log-export.service';
import { AuditLogReadsService } from './audit-log-reads.service';
import { AuditLogsController } from './audit-logs.controller';
import { AuditProofController } from './audit-proof.controller';

/** The routes of the audit log. */
@Module({
  controllers: [AuditLogsController, AuditProofController],
  providers: [AuditLogReadsService, AuditLogExportService],
})
export class AuditLogApiModule {}
