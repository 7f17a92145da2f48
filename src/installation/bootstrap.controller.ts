import { Body, HttpStatus, Post } from '@nestjs/common';
import { REQUEST_LIMIT_EXAMPLE } from '../access-tokens/guarding/request-limits.service';
import { Origin } from '../access-tokens/guarding/actor.decorator';
import type { RequestOrigin } from '../common/http/request-origin';
import { RefusedRequestError } from '../common/errors/common.errors';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { NoStore } from '../common/http/no-store.decorator';
import { PublicRoute } from '../common/http/public-route.decorator';
import { LatchkeySettings } from '../latchkey.options';
import { OrganizationDto } from '../organizations/dto/organization.dtos';
import { BootstrapAnswerDto, BootstrapDto } from './dto/installation.dtos';
import { AlreadyInitializedError, SetUpBusyError } from './installation.errors';
import { InstallationService } from './installation.service';

@LatchkeyController('api/v1/admin', 'Instance')
export class BootstrapController {
  constructor(
    private readonly instance: InstallationService,
    private readonly settings: LatchkeySettings,
  ) {}

  @Post('bootstrap')
  @NoStore()
  @PublicRoute({
    summary: 'Set up a new installation',
    description:
      'Succeeds once. Creates the first organization and an instance administrator, and answers its token. A server with the built-in database has done this on its first start.',
    answer: BootstrapAnswerDto,
    refusals: [
      new AlreadyInitializedError(),
      new SetUpBusyError(),
      new RefusedRequestError(HttpStatus.NOT_FOUND),
      REQUEST_LIMIT_EXAMPLE,
    ],
  })
  async bootstrap(@Body() dto: BootstrapDto, @Origin() origin: RequestOrigin): Promise<BootstrapAnswerDto> {
    if (!this.settings.bootstrapEndpoint) throw new RefusedRequestError(HttpStatus.NOT_FOUND);
    const { user, organization, identity, accessToken } = await this.instance.bootstrap(dto, origin);
    const { id, email, firstName, lastName, isSuperAdmin: superAdmin } = user;
    return {
      message: 'Successfully bootstrapped instance',
      user: { username: email, firstName, lastName, email, id, superAdmin },
      organization: OrganizationDto.of(organization),
      identity: { id: identity.id, name: identity.name, credentials: { token: accessToken } },
    };
  }
}
