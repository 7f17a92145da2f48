import { ApiProperty } from '@nestjs/swagger';
import { ResponseText } from '../../../common/dto/response-fields';
import { QueryOneOf } from '../../../common/dto/request-fields';
import type { Receipt, Spread } from '../../../change-feed/change-receipts.service';

/** The description of every call that revokes a token. */
export const HOW_SOON =
  'This node refuses the token from the next request on. Every other node refuses it within the revocation bound (one second by default). With `wait=all`, the call answers when every live node has applied the change, or when the bound is over.';

export class WaitQueryDto {
  @QueryOneOf(['all'], { description: 'Answer only when every live node has applied the change.', example: 'all' })
  wait?: 'all';
}

/** The nodes that have applied a change. */
export class SpreadDto {
  @ApiProperty({ description: 'Nodes that have applied the change.', type: [String], example: ['web-1:4711'] })
  applied!: string[];

  @ApiProperty({
    description:
      'Nodes that had not applied the change when the bound was over. They are cut off, frozen or gone, and no longer answer from memory.',
    type: [String],
    example: [],
  })
  pending!: string[];
}

export class RevokedDto {
  @ResponseText('A confirmation.', 'Successfully revoked access token')
  message!: string;

  @ApiProperty({
    description:
      'The revision of the change. A node has applied it if its `appliedRevision` in `/api/health` is not less. Null if nothing changed.',
    type: 'integer',
    nullable: true,
    example: 4711,
  })
  revision!: number | null;

  @ApiProperty({
    description: 'Which nodes have applied the change, with `wait=all`.',
    type: () => SpreadDto,
    required: false,
  })
  nodes?: SpreadDto;

  static of(receipt: Receipt | null, spread?: Spread | null | ''): RevokedDto {
    const message = 'Successfully revoked access token';
    return { message, revision: receipt && Number(receipt.xid), ...(spread ? { nodes: spread } : {}) };
  }
}
