import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Clock } from '../common/clock/clock';
import { pageOf } from '../common/http/page';
import { ListReads } from '../database/list-reads';
import { sqlIn } from '../database/sql-runner';
import { LatchkeySettings } from '../latchkey.options';
import { pageStatement } from './audit-log.query';
import { windowOf } from './audit-window';
import type { AuditLogDto, AuditLogListDto, ListAuditLogsQueryDto } from './dto/audit-log.dtos';
import { type AuditLogRow, loggedEvent } from './logged-event';

const DEFAULT_PAGE = 20;
const DAY_MS = 86_400_000;

/** Reads the log of one organization. */
@Injectable()
export class AuditLogReadsService {
  constructor(
    private readonly reads: ListReads,
    private readonly clock: Clock,
    private readonly settings: LatchkeySettings,
  ) {}

  /** One page, newest first. @throws ValidationFailureError, OverloadedError, ReadTooCostlyError */
  async list(organizationId: string, query: ListAuditLogsQueryDto): Promise<AuditLogListDto> {
    const window = windowOf(query, this.clock.now());
    const { limit = DEFAULT_PAGE } = query;
    const { sql, parameters } = pageStatement({ organizationId, window, query, limit: limit + 1 });
    const rows = await this.reads.read(organizationId, (tx: EntityManager) =>
      sqlIn(tx)<AuditLogRow>(sql, [...parameters]),
    );
    const { page, nextCursor } = pageOf(
      rows.map((row) => ({ ...row, createdAt: row.created_at })),
      limit,
    );
    return { auditLogs: page.map((row) => this.shown(row)), nextCursor };
  }

  private shown(row: AuditLogRow): AuditLogDto {
    const event = loggedEvent(row);
    const expiresAt = new Date(row.created_at.getTime() + this.settings.auditRetentionDays * DAY_MS).toISOString();
    return { ...event, updatedAt: event.createdAt, expiresAt };
  }
}
