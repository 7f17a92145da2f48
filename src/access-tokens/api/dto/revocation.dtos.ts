import { ApiProperty } from '@nestjs/swagger';
import { ResponseText } from '../../../common/dto/response-fields';
import { QueryOneOf } from '../../../common/dto/request-fields';
import type { Receipt, Spread } from '../../../change-feed/change-receipts.service';

/** Said of every call that kills a token. */
export const HOW_SOON =
  'Refused here from the very next request on, and on every other node within the revocation bound (one second unless set otherwise). With `wait=all` the answer comes when every live node knows, or when the bound is over.';

export class WaitQueryDto {
  @QueryOneOf(['all'], { description: 'Answer when every live node has learnt of it.', example: 'all' })
  wait?: 'all';
}

/** Which nodes have learnt of a change. */
export class SpreadDto {
  @ApiProperty({ description: 'Nodes that have learnt of it.', type: [String], example: ['web-1:4711'] })
  applied!: string[];

  @ApiProperty({
    description:
      'Nodes that had not when the bound was over: cut off, frozen or gone, they answer nothing from memory.',
    type: [String],
    example: [],
  })
  pending!: string[];
}

export class RevokedDto {
  @ResponseText('Says that it is done.', 'Successfully revoked access token')
  message!: string;

  @ApiProperty({
    description:
      'The revision of the change: a node whose `appliedRevision` in `/api/health` is not less has learnt of it. Null when nothing was left to change.',
    type: 'integer',
    nullable: true,
    example: 4711,
  })
  revision!: number | null;

  @ApiProperty({
    description: 'How far the change has spread, if that was asked for.',
    type: () => SpreadDto,
    required: false,
  })
  nodes?: SpreadDto;

  static of(receipt: Receipt | null, spread?: Spread | null | ''): RevokedDto {
    const message = 'Successfully revoked access token';
    return { message, revision: receipt && Number(receipt.xid), ...(spread ? { nodes: spread } : {}) };
  }
}
