import { Get } from '@nestjs/common';
import { Caller } from '../access-tokens/guarding/caller.decorator';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { READ_REFUSALS } from '../database/list-reads';
import { Authorized } from '../permissions/authorized.decorator';
import { OverviewDto } from './dto/overview.dtos';
import { OverviewService } from './overview.service';

/** A route that the reference lacks (decision 36). */
@LatchkeyController('api/latchkey/v1/overview', 'Access tokens')
export class OverviewController {
  constructor(private readonly overview: OverviewService) {}

  @Get()
  @Authorized('identity:read', {
    event: 'get-overview',
    summary: 'Get what needs attention in your organization',
    description: 'Tokens that end soon, and auth methods that are locked. Counted up to 1000.',
    answer: OverviewDto,
    refusals: READ_REFUSALS,
  })
  get(@Caller() caller: VerifiedAccessToken): Promise<OverviewDto> {
    return this.overview.of(caller);
  }
}
