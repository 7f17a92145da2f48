import { SignedTokenDto } from '../../access-tokens/api/dto/access-token.dtos';
import { MAX_GRACE_SECONDS } from '../../access-tokens/issuing/rotation';
import { EXAMPLE } from '../../common/dto/examples';
import { Flag, Integer } from '../../common/dto/request-fields';
import {
  ResponseFlag,
  ResponseId,
  ResponseInteger,
  ResponseObject,
  ResponseTime,
} from '../../common/dto/response-fields';

export class RotateTokenDto {
  @Integer({
    description: 'How long the old token stays usable, in seconds. Default 0. A token with a use limit needs 0.',
    example: 0,
    optional: true,
    min: 0,
    max: MAX_GRACE_SECONDS,
  })
  graceSeconds?: number;

  @Flag({
    description: 'Whether the old token ends as soon as the new one is used. Default: true.',
    example: true,
    optional: true,
  })
  endsOldOnFirstUse?: boolean;
}

export class ReplacedTokenDto {
  @ResponseId('The id of the old token.', EXAMPLE.tokenId)
  id!: string;

  @ResponseTime('When the old token ends at the latest.')
  endsAt!: Date;
}

export class RotatedTokenDto extends SignedTokenDto {
  @ResponseId('The id of the new token.', EXAMPLE.tokenId)
  tokenId!: string;

  @ResponseId('The identity of the token.', EXAMPLE.identityId)
  identityId!: string;

  @ResponseInteger('Lifetime in seconds over all renewals; 0 means no limit.', 86400)
  declare accessTokenMaxTTL: number;

  @ResponseObject(() => ReplacedTokenDto, 'The old token.')
  replaced!: ReplacedTokenDto;

  @ResponseFlag('Whether an earlier call with the same `Idempotency-Key` has made it.')
  isRepeated!: boolean;
}
