import { ApiProperty } from '@nestjs/swagger';
import { EXAMPLE } from '../../common/dto/examples';
import { QueryInteger, QueryOneOf, QueryTime, TrimmedText } from '../../common/dto/request-fields';
import {
  ResponseId,
  ResponseList,
  ResponseObject,
  ResponseText,
  ResponseTextOrNull,
  ResponseTime,
} from '../../common/dto/response-fields';
import { ACTOR_TYPES, OUTCOMES } from '../audit-event';
import { USER_AGENT_TYPES } from '../user-agent-type';

/** The most events of a page (contract 3.10). */
export const MAX_PAGE = 1_000;

/** The longest text of a filter. */
const MAX_TEXT = 2_000;

/** The part of time that is asked about. */
export class AuditWindowQueryDto {
  @QueryTime({
    description: 'The start, included. Default: the midnight (UTC) before the present day began.',
  })
  startDate?: string;

  @QueryTime({ description: 'The end, not included. Default: now.' })
  endDate?: string;
}

export class ListAuditLogsQueryDto extends AuditWindowQueryDto {
  @TrimmedText({
    description: 'Event types, separated by commas, such as `create-identity,delete-identity`. At most 20.',
    optional: true,
    max: MAX_TEXT,
  })
  eventType?: string;

  @QueryOneOf(OUTCOMES, { description: 'The outcome of the act.' })
  outcome?: (typeof OUTCOMES)[number];

  @QueryOneOf(USER_AGENT_TYPES, { description: 'The kind of program, as it names itself.' })
  userAgentType?: (typeof USER_AGENT_TYPES)[number];

  @QueryOneOf(ACTOR_TYPES, { description: 'The kind of actor.' })
  actorType?: (typeof ACTOR_TYPES)[number];

  @TrimmedText({ description: 'The id of the identity that acted.', optional: true, max: 64 })
  actor?: string;

  @TrimmedText({ description: 'The id of an identity that acted, or that was acted on.', optional: true, max: 64 })
  identityId?: string;

  @TrimmedText({ description: 'The id of a token that acted, or that was acted on.', optional: true, max: 64 })
  tokenId?: string;

  @TrimmedText({
    description: 'The `reqId` of a refusal, or the `X-Request-Id` of an answer.',
    optional: true,
    max: 200,
  })
  reqId?: string;

  @TrimmedText({
    description: 'Values that the metadata of the event must have: `name=deployer,role=member`.',
    optional: true,
    max: MAX_TEXT,
  })
  eventMetadata?: string;

  @TrimmedText({ description: 'The id of a project. No event belongs to one yet.', optional: true, max: 64 })
  projectId?: string;

  @QueryInteger({ description: 'How many events to return. Default: 20.', min: 1, max: MAX_PAGE, example: 20 })
  limit?: number;

  @QueryInteger({ description: 'How many to skip. Use `cursor` to walk.', min: 0, max: 10_000, example: 0 })
  offset?: number;

  @TrimmedText({
    description: 'Continues after the last event of a page: the `nextCursor` of that page.',
    optional: true,
    max: 200,
  })
  cursor?: string;
}

class AuditEventDto {
  @ResponseText('The type of the event.', 'create-identity')
  type!: string;

  @ApiProperty({
    description: 'Ids, names and settings. Never a token or a secret.',
    type: Object,
    additionalProperties: true,
    example: { identityId: EXAMPLE.identityId, name: 'deployer' },
  })
  metadata!: object;
}

class AuditActorDto {
  @ApiProperty({ description: 'The kind of actor.', type: String, enum: [...ACTOR_TYPES], example: 'identity' })
  type!: (typeof ACTOR_TYPES)[number];

  @ApiProperty({
    description: 'For an identity: its id and name, the auth method, and the token.',
    type: Object,
    additionalProperties: true,
    example: { identityId: EXAMPLE.identityId, name: 'admin', authMethod: 'token-auth', tokenId: EXAMPLE.tokenId },
  })
  metadata!: object;
}

export class AuditLogDto {
  @ResponseId('The id of the event.', EXAMPLE.tokenId)
  id!: string;

  @ResponseTime('When it happened, by the clock of the database.')
  createdAt!: string;

  @ResponseTime('The same as `createdAt`: an event is never changed.')
  updatedAt!: string;

  @ResponseTime('When the event may be removed.')
  expiresAt!: string;

  @ResponseId('The organization.', EXAMPLE.organizationId)
  orgId!: string;

  @ResponseTextOrNull('The project; null for none.', null)
  projectId!: string | null;

  @ResponseTextOrNull('The name of the project; null for none.', null)
  projectName!: string | null;

  @ResponseObject(() => AuditEventDto, 'The act.')
  event!: AuditEventDto;

  @ResponseObject(() => AuditActorDto, 'The program that acted.')
  actor!: AuditActorDto;

  @ApiProperty({
    description: 'Refused: the request is to blame. Failed: Latchkey or its database is.',
    type: String,
    enum: [...OUTCOMES],
    example: 'success',
  })
  outcome!: (typeof OUTCOMES)[number];

  @ResponseTextOrNull('The error code of an act that did not succeed.', null)
  reason!: string | null;

  @ResponseTextOrNull('The id of the request: `reqId` of a refusal, and `X-Request-Id` of every answer.', 'q8vT2mZx')
  reqId!: string | null;

  @ResponseTextOrNull('The address of the client.', '203.0.113.9')
  ipAddress!: string | null;

  @ResponseTextOrNull('The `User-Agent` that the client sent.', 'cli')
  userAgent!: string | null;

  @ResponseTextOrNull('The kind of program, as it names itself.', 'cli')
  userAgentType!: string | null;
}

export class AuditLogListDto {
  @ResponseList(() => AuditLogDto, 'The events, newest first.')
  auditLogs!: AuditLogDto[];

  @ApiProperty({
    description: 'The start of the next page; null on the last page.',
    type: String,
    nullable: true,
    example: null,
  })
  nextCursor!: string | null;
}
