import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Clock } from '../common/clock/clock';
import { loggable } from '../common/errors/database-errors';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { inSchemaOf } from '../database/schema';
import { canAdministrate, lastsAsAdministrator } from '../permissions/last-administrator.service';

const DAY_MS = 86_400_000;
const NOTICE_DAYS = 14;
/** The most organizations that are named. */
const MOST_NAMED = 10;
const REMEDY = 'npm run issue-admin-token';

/** Warns in the log, before it happens, that no administrator will be left. */
@Injectable()
export class AdministratorWatchService implements OnApplicationShutdown {
  private readonly logger = new Logger(AdministratorWatchService.name);
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly clock: Clock,
  ) {}

  /** Now, and once a day. */
  watch(): void {
    void this.look();
    this.timer = setInterval(() => void this.look(), DAY_MS);
    this.timer.unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Nothing depends on the check: if the database cannot be asked, the next day's check will report. */
  async look(): Promise<void> {
    const now = this.clock.now();
    const moments = [now, new Date(now.getTime() + NOTICE_DAYS * DAY_MS)];
    try {
      await this.lookAtInstance(moments);
      await this.lookAtOrganizations(moments);
    } catch (error) {
      this.logger.debug({ event: 'administrator.not_looked', cause: loggable(error) });
    }
  }

  private async lookAtInstance(moments: Date[]): Promise<void> {
    const [row] = await this.dataSource.query<Prospect[]>(inSchemaOf(this.dataSource, INSTANCE), moments);
    if (row === undefined || row.lasts) return;
    this.tell('the instance', row.stands, { remedy: REMEDY });
  }

  private async lookAtOrganizations(moments: Date[]): Promise<void> {
    const sql = inSchemaOf(this.dataSource, ORGANIZATIONS);
    const rows = await this.dataSource.query<(Prospect & { id: string })[]>(sql, [...moments, MOST_NAMED]);
    for (const { id, stands } of rows) {
      this.tell('an organization', stands, { organizationId: id, remedy: `${REMEDY} -- --organization ${id}` });
    }
  }

  private tell(what: string, stands: boolean, details: object): void {
    const event = stands ? 'administrator.tokens_end' : 'administrator.tokens_ended';
    const message = stands
      ? `Within ${NOTICE_DAYS} days the last token of the administrators of ${what} ends`
      : `The last token of the administrators of ${what} has ended`;
    this.logger.warn({ event, message, ...details });
  }
}

interface Prospect {
  /** Whether there is an administrator now. */
  readonly stands: boolean;
  /** Whether there still is one at the end of the notice. */
  readonly lasts: boolean;
}

const instanceStands = (condition: string) => `
  EXISTS (SELECT FROM latchkey.identities i
            JOIN latchkey.organization_memberships m ON m.identity_id = i.id AND m.organization_id = i.organization_id
           WHERE i.is_instance_admin AND ${condition})`;

const organizationStands = (condition: string) => `
  EXISTS (SELECT FROM latchkey.organization_memberships m
           WHERE m.organization_id = o.id AND ${condition})`;

const NOW = canAdministrate('$1::timestamptz');
const LASTING = lastsAsAdministrator('$2::timestamptz');

// A host that makes organizations in its own code has no instance to administer.
const INSTANCE = `
  SELECT ${instanceStands(NOW)} AS stands, ${instanceStands(LASTING)} AS lasts
    FROM latchkey.instance WHERE initialized_at IS NOT NULL`;

// Nor does each of its organizations need an administrator.
const ORGANIZATIONS = `
  SELECT o.id, ${organizationStands(NOW)} AS stands, false AS lasts FROM latchkey.organizations o
   WHERE EXISTS (SELECT FROM latchkey.organization_memberships m WHERE m.organization_id = o.id AND m.role = 'admin')
     AND NOT ${organizationStands(LASTING)}
   ORDER BY o.created_at, o.id LIMIT $3`;
