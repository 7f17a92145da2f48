import { Body, Get, Post, Query } from '@nestjs/common';
import { CurrentActor } from '../access-tokens/guarding/actor.decorator';
import { Caller } from '../access-tokens/guarding/caller.decorator';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import type { Actor } from '../changes/change';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { NoStore } from '../common/http/no-store.decorator';
import { PageQueryDto } from '../common/http/page';
import { READ_REFUSALS } from '../database/list-reads';
import { Authorized } from '../permissions/authorized.decorator';
import {
  CreatedOrganizationDto,
  CreateOrganizationDto,
  OrganizationDto,
  OrganizationListDto,
} from './dto/organization.dtos';
import { OrganizationFounder } from './organization.founder';
import { OrganizationsService } from './organizations.service';

@LatchkeyController('api', 'Organizations')
export class OrganizationsController {
  constructor(
    private readonly founder: OrganizationFounder,
    private readonly organizations: OrganizationsService,
  ) {}

  @Post('v2/organizations')
  @NoStore()
  @Authorized('organization:create', {
    event: 'create-organization',
    summary: 'Create an organization',
    description:
      'Only for instance administrators. The answer has a token of the identity that administers the organization. Only this answer contains it.',
    answer: CreatedOrganizationDto,
    example: { identity: { name: 'Organization Admin Identity' } },
  })
  async create(@CurrentActor() actor: Actor, @Body() { name }: CreateOrganizationDto): Promise<CreatedOrganizationDto> {
    const { organization, identity, accessToken } = await this.founder.createOrganization(actor, name);
    return {
      organization: OrganizationDto.of(organization),
      identity: { id: identity.id, name: identity.name, credentials: { token: accessToken } },
    };
  }

  @Get('v1/organization')
  @Authorized('organization:read', {
    event: 'list-organizations',
    summary: 'List the organizations',
    description: 'Only for instance administrators.',
    answer: OrganizationListDto,
    refusals: READ_REFUSALS,
  })
  async list(@Caller() caller: VerifiedAccessToken, @Query() query: PageQueryDto): Promise<OrganizationListDto> {
    const { page, ...rest } = await this.organizations.list(caller.organization.id, query);
    return { organizations: page.map((organization) => OrganizationDto.of(organization)), ...rest };
  }
}
