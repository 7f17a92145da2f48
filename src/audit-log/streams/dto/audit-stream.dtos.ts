import { ApiProperty } from '@nestjs/swagger';
import { EXAMPLE } from '../../../common/dto/examples';
import { Description, Flag, Name, QueryInteger, TrimmedText } from '../../../common/dto/request-fields';
import {
  ResponseFlag,
  ResponseId,
  ResponseInteger,
  ResponseList,
  ResponseObject,
  ResponseText,
  ResponseTextOrNull,
  ResponseTime,
  ResponseTimeOrNull,
} from '../../../common/dto/response-fields';
import type { AuditStream, DeadLetter } from '../audit-stream';

const MAX_URL = 2_000;
const URL_EXAMPLE = 'https://siem.example.com/latchkey';
const CA_CERT = {
  description:
    'The certificates, in PEM, that the receiver is trusted by. Empty, which is the default: those of the system.',
  example: '',
  optional: true,
  max: 16_384,
};
const FAULT = 'Why the last delivery failed, such as `http_500` or `timed_out`';

export class CreateAuditStreamDto {
  @Name({ description: 'A name for people.', example: 'SIEM' })
  name!: string;

  @TrimmedText({
    description: 'Where events are sent: an https URL in a public network, or in one that the operator allows.',
    example: URL_EXAMPLE,
    max: MAX_URL,
  })
  url!: string;

  @Description(CA_CERT)
  caCert?: string;
}

/** A field that is left out keeps its value. */
export class UpdateAuditStreamDto {
  @Name({ description: 'A name for people.', example: 'SIEM', optional: true })
  name?: string;

  @TrimmedText({ description: 'Where events are sent.', example: URL_EXAMPLE, max: MAX_URL, optional: true })
  url?: string;

  @Description(CA_CERT)
  caCert?: string;

  @Flag({
    description: 'Whether events are sent. A stream that is enabled again goes on where it stopped.',
    example: true,
    optional: true,
  })
  isEnabled?: boolean;
}

export class ListDeadLettersQueryDto {
  @QueryInteger({ description: 'How many dead letters to return. Default: 20.', min: 1, max: 100, example: 20 })
  limit?: number;

  @TrimmedText({
    description: 'Continues after the last dead letter of a page: the `nextCursor` of that page.',
    optional: true,
    max: 200,
  })
  cursor?: string;
}

export class AuditStreamDto {
  @ResponseId('The id of the stream.', EXAMPLE.streamId)
  id!: string;

  @ResponseId('The organization.', EXAMPLE.organizationId)
  orgId!: string;

  @ResponseText('Its name.', 'SIEM')
  name!: string;

  @ResponseText('Where events are sent.', URL_EXAMPLE)
  url!: string;

  @ResponseText('The certificates that the receiver is trusted by; empty for those of the system.', '')
  caCert!: string;

  @ResponseFlag('Whether events are sent.', true)
  isEnabled!: boolean;

  @ResponseInteger('How often the next delivery has failed in a row.', 0)
  failedAttempts!: number;

  @ResponseTimeOrNull('Since when no delivery has succeeded; null if the last one did.')
  failingSince!: Date | null;

  @ResponseTextOrNull(`${FAULT}; null if it did not.`, null)
  lastFault!: string | null;

  @ResponseTimeOrNull('When events were last delivered; null for never.')
  deliveredAt!: Date | null;

  @ResponseInteger('How many deliveries were given up.', 0)
  deadLetterCount!: number;

  @ResponseTime('When the stream was created. It has the events that were sealed since.')
  createdAt!: Date;

  @ResponseTime('When its settings were last changed.')
  updatedAt!: Date;

  static of({ organizationId, attempts, ...stream }: AuditStream): AuditStreamDto {
    const {
      id,
      name,
      url,
      caCert,
      isEnabled,
      deliveredAt,
      failingSince,
      lastFault,
      deadLetterCount,
      createdAt,
      updatedAt,
    } = stream;
    const state = { failedAttempts: attempts, failingSince, lastFault, deliveredAt, deadLetterCount };
    return { id, orgId: organizationId, name, url, caCert, isEnabled, ...state, createdAt, updatedAt };
  }
}

export class AuditStreamAnswerDto {
  @ResponseObject(() => AuditStreamDto, 'The stream.')
  stream!: AuditStreamDto;
}

export class NewAuditStreamDto extends AuditStreamAnswerDto {
  @ResponseText('The secret that signs deliveries (HMAC-SHA256, Standard Webhooks). It is shown only now.', 'whsec_…')
  secret!: string;
}

export class AuditStreamListDto {
  @ResponseList(() => AuditStreamDto, 'The streams of your organization, oldest first. There are ten at most.')
  streams!: AuditStreamDto[];
}

export class DeadLetterDto {
  @ResponseId('The id of the dead letter.', EXAMPLE.streamId)
  id!: string;

  @ResponseInteger('The batch of the chain that has its events.', 12)
  batch!: number;

  @ResponseInteger('The place of the first of them in the batch, from 0.', 0)
  first!: number;

  @ResponseInteger('How many events it has.', 100)
  count!: number;

  @ResponseInteger('How often it was tried.', 16)
  attempts!: number;

  @ResponseText(`${FAULT}.`, 'http_400')
  lastFault!: string;

  @ResponseFlag('Whether it is about to be tried again.')
  isDue!: boolean;

  @ResponseTime('When it was given up.')
  createdAt!: Date;

  static of({ id, batch, first, count, attempts, lastFault, isDue, createdAt }: DeadLetter): DeadLetterDto {
    return { id, batch, first, count, attempts, lastFault, isDue, createdAt };
  }
}

export class DeadLetterListDto {
  @ResponseList(() => DeadLetterDto, 'The dead letters, newest first.', [])
  deadLetters!: DeadLetterDto[];

  @ApiProperty({
    description: 'The start of the next page; null on the last page.',
    type: String,
    nullable: true,
    example: null,
  })
  nextCursor!: string | null;
}

export class RedeliveryDto {
  @ResponseInteger('How many dead letters are about to be tried again, in their order.', 0)
  due!: number;
}
