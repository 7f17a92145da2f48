import { ApiProperty } from '@nestjs/swagger';
import { EXAMPLE } from '../../common/dto/examples';
import { QueryInteger, TrimmedText } from '../../common/dto/request-fields';
import {
  ResponseId,
  ResponseInteger,
  ResponseList,
  ResponseObject,
  ResponseText,
  ResponseTime,
} from '../../common/dto/response-fields';
import { AuditWindowQueryDto } from './audit-log.dtos';

export class ExportAuditLogsQueryDto extends AuditWindowQueryDto {
  @TrimmedText({
    description: 'Continues after a line of an export of the same time: the `cursor` of that line.',
    optional: true,
    max: 40,
  })
  cursor?: string;
}

export class ListCheckpointsQueryDto {
  @QueryInteger({ description: 'How many checkpoints to return. Default: 100.', min: 1, max: 1_000, example: 100 })
  limit?: number;

  @QueryInteger({
    description: 'Only checkpoints of batches below this number: the `nextBelow` of a page.',
    min: 1,
    max: 2_147_483_647,
    example: 1_000,
  })
  below?: number;
}

export class CheckpointDto {
  @ResponseId('The organization.', EXAMPLE.organizationId)
  organizationId!: string;

  @ResponseInteger('The number of the last batch.', 12)
  number!: number;

  @ResponseText('The hash of that batch, in hexadecimal digits.', '9f'.repeat(32))
  hash!: string;

  @ResponseTime('When the checkpoint was signed.')
  madeAt!: string;

  @ApiProperty({
    description: 'When that batch was sealed. Checkpoints of the first version lack it, with the two fields below.',
    type: String,
    format: 'date-time',
    required: false,
    example: EXAMPLE.createdAt,
  })
  sealedAt?: string;

  @ApiProperty({
    description: 'The lowest batch that retention has left.',
    type: 'integer',
    required: false,
    example: 1,
  })
  firstKept?: number;

  @ApiProperty({
    description: 'Retention may have removed events that were sealed before this time, and no others; null for none.',
    type: String,
    format: 'date-time',
    nullable: true,
    required: false,
    example: null,
  })
  removedBefore?: string | null;

  @ResponseText('The key that signed it.', '3b1f0c2ad94e7785')
  keyId!: string;

  @ResponseText('The Ed25519 signature, in base64.', 'bm90IGEgcmVhbCBzaWduYXR1cmU=')
  signature!: string;
}

export class CheckpointKeyDto {
  @ResponseText('The id of the key.', '3b1f0c2ad94e7785')
  keyId!: string;

  @ResponseText('The Ed25519 public key, in PEM.', '-----BEGIN PUBLIC KEY-----…')
  publicKey!: string;
}

export class CheckpointListDto {
  @ResponseList(() => CheckpointDto, 'The checkpoints, newest first.')
  checkpoints!: CheckpointDto[];

  @ResponseList(() => CheckpointKeyDto, 'The present key, and those before it.')
  publicKeys!: CheckpointKeyDto[];

  @ApiProperty({
    description: 'The start of the next page; null on the last page.',
    type: 'integer',
    nullable: true,
    example: null,
  })
  nextBelow!: number | null;
}

export class CheckpointAnswerDto {
  @ResponseObject(() => CheckpointDto, 'The checkpoint.')
  checkpoint!: CheckpointDto;
}

class ChainHeadDto {
  @ResponseInteger('The number of the last batch.', 12)
  number!: number;

  @ResponseText('The hash of that batch, in hexadecimal digits.', '9f'.repeat(32))
  hash!: string;
}

/** The last line of an export. The lines before it have the type `batch` or `event`. */
export class ExportEndDto {
  @ApiProperty({ description: 'The kind of line.', type: String, enum: ['batch', 'event', 'end'], example: 'end' })
  type!: string;

  @ResponseText('By this an export continues after the line.', '13.0')
  cursor!: string;

  @ResponseId('The organization.', EXAMPLE.organizationId)
  organizationId!: string;

  @ResponseTime('The start of the time that this answer covers.')
  startDate!: string;

  @ResponseTime('Its end: that of the time asked about, or the moment of the answer if that is earlier.')
  endDate!: string;

  @ApiProperty({
    description: 'The first batch of the export, which is from before the time if there is one; null for none.',
    type: 'integer',
    nullable: true,
    example: 1,
  })
  firstBatch!: number | null;

  @ApiProperty({ description: 'The last batch; null for none.', type: 'integer', nullable: true, example: 12 })
  lastBatch!: number | null;

  @ResponseObject(() => ChainHeadDto, 'The head of the chain at the last batch; null for none.')
  chainHead!: ChainHeadDto | null;

  @ResponseInteger('How many events this answer had.', 240)
  count!: number;
}
