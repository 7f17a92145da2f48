import { Body, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { CurrentActor } from '../../access-tokens/guarding/actor.decorator';
import { Caller } from '../../access-tokens/guarding/caller.decorator';
import type { VerifiedAccessToken } from '../../access-tokens/verification/verified-access-token';
import { PrivateAddressError } from '../../auth-methods/federation/federation.errors';
import type { Actor } from '../../changes/change';
import { EXAMPLE } from '../../common/dto/examples';
import { LatchkeyController } from '../../common/http/latchkey-controller.decorator';
import { NoStore } from '../../common/http/no-store.decorator';
import { Authorized } from '../../permissions/authorized.decorator';
import { MOST_STREAMS } from './audit-stream.store';
import { AuditStreamNotFoundError, TooManyAuditStreamsError } from './audit-streams.errors';
import { AuditStreamsService } from './audit-streams.service';
import {
  AuditStreamAnswerDto,
  AuditStreamDto,
  AuditStreamListDto,
  CreateAuditStreamDto,
  DeadLetterDto,
  DeadLetterListDto,
  ListDeadLettersQueryDto,
  NewAuditStreamDto,
  RedeliveryDto,
  UpdateAuditStreamDto,
} from './dto/audit-stream.dtos';

const NOT_FOUND = new AuditStreamNotFoundError(EXAMPLE.streamId);

/** Routes that the reference lacks (decision 36). The URL of a stream may hold a credential, so that all of them need `edit`. */
@LatchkeyController('api/latchkey/v1/audit-logs/streams', 'Audit log')
export class AuditStreamsController {
  constructor(private readonly streams: AuditStreamsService) {}

  @Post()
  @NoStore()
  @Authorized('audit-logs:edit', {
    event: 'create-audit-log-stream',
    summary: 'Create a stream of the audit log',
    description:
      'Events are sent by POST from now on, in the order of the chain, at least once each, with a signature by Standard Webhooks. An event that comes twice has the same `id`.',
    answer: NewAuditStreamDto,
    refusals: [new PrivateAddressError(), new TooManyAuditStreamsError(MOST_STREAMS)],
  })
  async create(@CurrentActor() actor: Actor, @Body() dto: CreateAuditStreamDto): Promise<NewAuditStreamDto> {
    const { stream, secret } = await this.streams.create(actor, dto);
    return { stream: AuditStreamDto.of(stream), secret };
  }

  @Get()
  @Authorized('audit-logs:edit', {
    event: 'list-audit-log-streams',
    summary: 'List the streams of the audit log',
    answer: AuditStreamListDto,
  })
  async list(@Caller() caller: VerifiedAccessToken): Promise<AuditStreamListDto> {
    return { streams: (await this.streams.list(caller)).map(AuditStreamDto.of) };
  }

  @Get(':streamId')
  @Authorized('audit-logs:edit', {
    event: 'get-audit-log-stream',
    summary: 'Get a stream of the audit log',
    answer: AuditStreamAnswerDto,
    refusals: [NOT_FOUND],
  })
  async get(@Caller() caller: VerifiedAccessToken, @Param('streamId') id: string): Promise<AuditStreamAnswerDto> {
    return { stream: AuditStreamDto.of(await this.streams.get(caller, id)) };
  }

  @Patch(':streamId')
  @Authorized('audit-logs:edit', {
    event: 'update-audit-log-stream',
    summary: 'Update a stream of the audit log',
    description: 'Fields that are left out keep their values. A stream that was failing is tried at once.',
    answer: AuditStreamAnswerDto,
    refusals: [NOT_FOUND, new PrivateAddressError()],
  })
  async update(
    @CurrentActor() actor: Actor,
    @Param('streamId') id: string,
    @Body() dto: UpdateAuditStreamDto,
  ): Promise<AuditStreamAnswerDto> {
    return { stream: AuditStreamDto.of(await this.streams.update(actor, id, dto)) };
  }

  @Delete(':streamId')
  @Authorized('audit-logs:edit', {
    event: 'delete-audit-log-stream',
    summary: 'Delete a stream of the audit log',
    description: 'Its dead letters are removed too. The events stay in the log.',
    answer: AuditStreamAnswerDto,
    refusals: [NOT_FOUND],
  })
  async delete(@CurrentActor() actor: Actor, @Param('streamId') id: string): Promise<AuditStreamAnswerDto> {
    return { stream: AuditStreamDto.of(await this.streams.delete(actor, id)) };
  }

  @Get(':streamId/dead-letters')
  @Authorized('audit-logs:edit', {
    event: 'list-audit-log-dead-letters',
    summary: 'List the dead letters of a stream',
    description:
      'A delivery that its receiver refuses 16 times, or that is not answered for three days, is put aside, and the next one is sent.',
    answer: DeadLetterListDto,
    refusals: [NOT_FOUND],
  })
  async deadLetters(
    @Caller() caller: VerifiedAccessToken,
    @Param('streamId') id: string,
    @Query() query: ListDeadLettersQueryDto,
  ): Promise<DeadLetterListDto> {
    const { page, nextCursor } = await this.streams.deadLetters(caller, id, query);
    return { deadLetters: page.map(DeadLetterDto.of), nextCursor };
  }

  @Post(':streamId/redeliver')
  @Authorized('audit-logs:edit', {
    event: 'redeliver-audit-log-stream',
    summary: 'Deliver the dead letters of a stream',
    description: 'Each is tried once more, in their order, before new events are. One that fails again stays.',
    answer: RedeliveryDto,
    refusals: [NOT_FOUND],
  })
  async redeliver(@CurrentActor() actor: Actor, @Param('streamId') id: string): Promise<RedeliveryDto> {
    return { due: await this.streams.redeliver(actor, id) };
  }
}
