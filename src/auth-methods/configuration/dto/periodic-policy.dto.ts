import { AccessTokenPolicyDto } from '../../../access-tokens/issuing/dto/access-token-policy.dto';
import { Seconds } from '../../../common/dto/request-fields';

/** The policy of methods whose tokens can be periodic: all that are logged in with. */
export class PeriodicPolicyDto extends AccessTokenPolicyDto {
  @Seconds({
    description:
      'Above 0: tokens are periodic, and can be renewed for ever, each time for this number of seconds. Default 0.',
    example: 0,
    optional: true,
  })
  accessTokenPeriod?: number;
}
