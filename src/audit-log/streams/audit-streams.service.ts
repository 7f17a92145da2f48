import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { VerifiedAccessToken } from '../../access-tokens/verification/verified-access-token';
import { issuesOfCertificates, requireAllowed } from '../../auth-methods/federation/settings';
import type { Actor } from '../../changes/change';
import { ChangesService } from '../../changes/changes.service';
import { streamTarget } from '../../changes/targets';
import type { OwnUnitOfWork } from '../../changes/unit-of-work';
import { ValidationFailureError } from '../../common/errors/common.errors';
import { decodeCursor, DEFAULT_PAGE_SIZE, pageOf } from '../../common/http/page';
import { isId } from '../../common/ids';
import { OutboundHttp } from '../../common/net/outbound-http';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import { sqlOn, type SqlRunner } from '../../database/sql-runner';
import type { AuditStream, DeadLetter } from './audit-stream';
import * as store from './audit-stream.store';
import { AuditStreamNotFoundError, TooManyAuditStreamsError } from './audit-streams.errors';
import type { CreateAuditStreamDto, ListDeadLettersQueryDto, UpdateAuditStreamDto } from './dto/audit-stream.dtos';
import { StreamSecrets } from './stream-secrets';

type Caller = Pick<VerifiedAccessToken, 'organization'>;

/** The streams of the caller's organization. */
@Injectable()
export class AuditStreamsService {
  private readonly run: SqlRunner;

  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) dataSource: DataSource,
    private readonly changes: ChangesService,
    private readonly http: OutboundHttp,
    private readonly secrets: StreamSecrets,
  ) {
    this.run = sqlOn(dataSource, dataSource);
  }

  /** @throws ValidationFailureError, PrivateAddressError, TooManyAuditStreamsError */
  async create(actor: Actor, dto: CreateAuditStreamDto): Promise<{ stream: AuditStream; secret: string }> {
    const { name, url, caCert = '' } = dto;
    await this.requireUsable({ url, caCert });
    const [id, organizationId] = [randomUUID(), actor.caller.organization.id];
    const { secret, sealed: sealedSecret } = this.secrets.make(id);
    return this.changes.add({ actor, action: 'create-audit-log-stream' }, async (work) => {
      const stream = await store.insertStream(work.run, { id, organizationId, name, url, caCert, sealedSecret });
      if (stream === undefined) throw new TooManyAuditStreamsError(store.MOST_STREAMS);
      work.changed(streamTarget(stream, { isEnabled: true }));
      return { stream, secret };
    });
  }

  list({ organization }: Caller): Promise<AuditStream[]> {
    return store.readStreams(this.run, organization.id);
  }

  /** @throws AuditStreamNotFoundError */
  async get({ organization }: Caller, id: string): Promise<AuditStream> {
    return found(id, isId(id) ? await store.readStream(this.run, organization.id, id) : undefined);
  }

  /** @throws AuditStreamNotFoundError, ValidationFailureError, PrivateAddressError */
  async update(actor: Actor, id: string, dto: UpdateAuditStreamDto): Promise<AuditStream> {
    // An organization learns nothing about the address of a stream that is not its own.
    await this.get(actor.caller, id);
    await this.requireUsable(dto);
    return this.changes.alter({ actor, action: 'update-audit-log-stream' }, async (work) => {
      const held = await this.hold(work, actor, id);
      await store.updateStream(work.run, held, dto);
      const changed = await this.hold(work, actor, id);
      work.changed(streamTarget(changed, { isEnabled: changed.isEnabled }));
      return changed;
    });
  }

  /** @throws AuditStreamNotFoundError */
  delete(actor: Actor, id: string): Promise<AuditStream> {
    return this.changes.alter({ actor, action: 'delete-audit-log-stream' }, async (work) => {
      const held = await this.hold(work, actor, id);
      await store.deleteStream(work.run, held.id);
      work.changed(streamTarget(held));
      return held;
    });
  }

  /** Has all dead letters tried again. @returns how many. @throws AuditStreamNotFoundError */
  redeliver(actor: Actor, id: string): Promise<number> {
    return this.changes.alter({ actor, action: 'redeliver-audit-log-stream' }, async (work) => {
      const held = await this.hold(work, actor, id);
      const deadLetters = await store.reviveDeadLetters(work.run, held.id);
      work.changed(streamTarget(held, { deadLetters }));
      return deadLetters;
    });
  }

  /** @throws AuditStreamNotFoundError, ValidationFailureError */
  async deadLetters(caller: Caller, id: string, { limit = DEFAULT_PAGE_SIZE, cursor }: ListDeadLettersQueryDto) {
    const stream = await this.get(caller, id);
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const letters: DeadLetter[] = await store.readDeadLetters(this.run, stream.id, { after, limit: limit + 1 });
    return pageOf(letters, limit);
  }

  /** @throws ValidationFailureError, PrivateAddressError */
  private async requireUsable({ url, caCert = '' }: UpdateAuditStreamDto): Promise<void> {
    const issues = issuesOfCertificates('caCert', caCert);
    if (issues.length > 0) throw new ValidationFailureError(issues);
    if (url !== undefined) await requireAllowed(this.http, 'url', url);
  }

  private async hold({ run }: OwnUnitOfWork, { caller }: Actor, id: string): Promise<AuditStream> {
    return found(id, isId(id) ? await store.holdStream(run, caller.organization.id, id) : undefined);
  }
}

/** @throws AuditStreamNotFoundError */
function found(id: string, stream: AuditStream | undefined): AuditStream {
  if (stream === undefined) throw new AuditStreamNotFoundError(id);
  return stream;
}
