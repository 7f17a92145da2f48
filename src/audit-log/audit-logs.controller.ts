import { Get, Query } from '@nestjs/common';
import { Caller } from '../access-tokens/guarding/caller.decorator';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { READ_REFUSALS } from '../database/list-reads';
import { Authorized } from '../permissions/authorized.decorator';
import { AuditLogReadsService } from './audit-log-reads.service';
import { AuditLogListDto, ListAuditLogsQueryDto } from './dto/audit-log.dtos';

@LatchkeyController('api/v1/organization/audit-logs', 'Audit log')
export class AuditLogsController {
  constructor(private readonly reads: AuditLogReadsService) {}

  @Get()
  @Authorized('audit-logs:read', {
    event: 'list-audit-logs',
    summary: 'List the events of your organization',
    description:
      'Newest first. An event is there as soon as its change is: both are one transaction. Reads and refused requests follow within a second. The time asked about may be 92 days long.',
    answer: AuditLogListDto,
    refusals: READ_REFUSALS,
  })
  list(@Caller() caller: VerifiedAccessToken, @Query() query: ListAuditLogsQueryDto): Promise<AuditLogListDto> {
    return this.reads.list(caller.organization.id, query);
  }
}
