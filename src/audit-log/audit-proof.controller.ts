import { Get, Post, Query, type StreamableFile } from '@nestjs/common';
import { ApiProduces } from '@nestjs/swagger';
import { Caller } from '../access-tokens/guarding/caller.decorator';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { READ_REFUSALS } from '../database/list-reads';
import { Authorized } from '../permissions/authorized.decorator';
import { AuditLogExportService } from './audit-log-export.service';
import { NoEventsError } from './audit-log.errors';
import { CheckpointsService } from './chain/checkpoints.service';
import {
  CheckpointAnswerDto,
  CheckpointListDto,
  ExportAuditLogsQueryDto,
  ExportEndDto,
  ListCheckpointsQueryDto,
} from './dto/audit-export.dtos';

/** Routes that the reference lacks (decisions 36 and 39). */
@LatchkeyController('api/latchkey/v1/audit-logs', 'Audit log')
export class AuditProofController {
  constructor(
    private readonly exports: AuditLogExportService,
    private readonly checkpoints: CheckpointsService,
  ) {}

  @Get('export')
  @ApiProduces('application/x-ndjson')
  @Authorized('audit-logs:read', {
    event: 'export-audit-logs',
    summary: 'Export the events of your organization',
    description:
      'JSON lines, oldest first: each batch of the chain, then its events, and a last line of type `end`. A file without that line was cut: go on with the `cursor` of its last line. The time asked about may be 92 days long. Batches are whole, so the first and the last may have events from before and after it.',
    answer: ExportEndDto,
    refusals: READ_REFUSALS,
  })
  export(@Caller() caller: VerifiedAccessToken, @Query() query: ExportAuditLogsQueryDto): Promise<StreamableFile> {
    return this.exports.export(caller.organization.id, query);
  }

  @Get('checkpoints')
  @Authorized('audit-logs:read', {
    event: 'list-audit-log-checkpoints',
    summary: 'List the checkpoints of the audit log',
    description:
      'A checkpoint is the signed head of the chain. Keep them in a place that those who run Latchkey cannot change.',
    answer: CheckpointListDto,
  })
  async list(
    @Caller() caller: VerifiedAccessToken,
    @Query() query: ListCheckpointsQueryDto,
  ): Promise<CheckpointListDto> {
    const { limit = 100, below = Number.MAX_SAFE_INTEGER } = query;
    const found = await this.checkpoints.list(caller.organization.id, below, limit + 1);
    const checkpoints = found.slice(0, limit);
    const nextBelow = found.length > limit ? checkpoints.at(-1)!.number : null;
    return { checkpoints, publicKeys: this.checkpoints.publicKeys(), nextBelow };
  }

  @Post('checkpoints')
  @Authorized('audit-logs:read', {
    event: 'get-audit-log-checkpoint',
    summary: 'Make a checkpoint of the audit log',
    description: 'Seals every event that is committed, and signs the head of the chain.',
    answer: CheckpointAnswerDto,
    refusals: [new NoEventsError()],
  })
  async make(@Caller() caller: VerifiedAccessToken): Promise<CheckpointAnswerDto> {
    const checkpoint = await this.checkpoints.make(caller.organization.id);
    if (checkpoint === undefined) throw new NoEventsError();
    return { checkpoint };
  }
}
