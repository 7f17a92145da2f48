import { MAX_GRACE_SECONDS } from '../../../access-tokens/issuing/rotation';
import { Flag, Integer } from '../../../common/dto/request-fields';
import { ResponseFlag, ResponseId, ResponseObject, ResponseTime } from '../../../common/dto/response-fields';
import { CLIENT_EXAMPLE } from '../universal-auth.examples';
import { CreatedClientSecretDto } from './client-secret.dtos';

export class RotateClientSecretDto {
  @Integer({
    description: 'How long the old secret stays usable, in seconds. Default 0. A secret with a use limit needs 0.',
    example: 0,
    optional: true,
    min: 0,
    max: MAX_GRACE_SECONDS,
  })
  graceSeconds?: number;

  @Flag({
    description: 'Whether the old secret ends as soon as a login uses the new one. Default: true.',
    example: true,
    optional: true,
  })
  endsOldOnFirstUse?: boolean;
}

export class ReplacedClientSecretDto {
  @ResponseId('The id of the old secret.', CLIENT_EXAMPLE.clientSecretId)
  id!: string;

  @ResponseTime('When the old secret ends at the latest.')
  endsAt!: Date;
}

export class RotatedClientSecretDto extends CreatedClientSecretDto {
  @ResponseObject(() => ReplacedClientSecretDto, 'The old secret.')
  replaced!: ReplacedClientSecretDto;

  @ResponseFlag('Whether an earlier call with the same `Idempotency-Key` has made it.')
  isRepeated!: boolean;
}
