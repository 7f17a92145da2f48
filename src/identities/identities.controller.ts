import { Body, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { CurrentActor } from '../access-tokens/guarding/actor.decorator';
import { Caller } from '../access-tokens/guarding/caller.decorator';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import type { Actor } from '../changes/change';
import { EXAMPLE } from '../common/dto/examples';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { READ_REFUSALS } from '../database/list-reads';
import { Authorized } from '../permissions/authorized.decorator';
import { ruleOf } from '../permissions/permission-catalogue';
import { boundaryRefusals, LastAdministratorError, PermissionBoundaryError } from '../permissions/permissions.errors';
import { LastProjectAdministratorError } from '../permissions/projects/project-administrators.service';
import { CreateIdentityDto, UpdateIdentityDto } from './dto/identity-input.dtos';
import {
  IdentityListDto,
  IdentitySearchResultDto,
  ListIdentitiesQueryDto,
  SearchIdentitiesDto,
} from './dto/identity-list.dtos';
import {
  DeletedIdentityAnswerDto,
  IdentityAnswerDto,
  IdentityDetailsAnswerDto,
  MembershipAnswerDto,
} from './dto/identity.dtos';
import {
  DeleteProtectionError,
  IdentityNotFoundError,
  OtherOrganizationError,
  UnknownRoleError,
} from './identities.errors';
import { IdentityReadsService } from './identity-reads.service';
import { CREATE_IDENTITY, DELETE_IDENTITY, IdentitiesService, requireOwn, UPDATE_IDENTITY } from './identities.service';
import { IdentityDirectoryService } from './identity-directory.service';

const NOT_FOUND = new IdentityNotFoundError(EXAMPLE.identityId);

@LatchkeyController('api/v1/identities', 'Identities')
export class IdentitiesController {
  constructor(
    private readonly identities: IdentitiesService,
    private readonly reads: IdentityReadsService,
    private readonly directory: IdentityDirectoryService,
  ) {}

  @Post()
  @Authorized('identity:create', {
    event: 'create-identity',
    summary: 'Create an identity',
    description:
      'The identity has no credentials yet: attach an auth method next. To give it a role, you need `identity:grant-privileges`.',
    answer: IdentityAnswerDto,
    example: { identity: { authMethods: [] } },
    refusals: [
      new OtherOrganizationError(),
      new PermissionBoundaryError(CREATE_IDENTITY.what, [ruleOf(CREATE_IDENTITY.permission)]),
      new UnknownRoleError(),
    ],
  })
  async create(@CurrentActor() actor: Actor, @Body() dto: CreateIdentityDto): Promise<IdentityAnswerDto> {
    return { identity: await this.identities.create(actor, dto) };
  }

  @Get()
  @Authorized('identity:read', {
    event: 'list-identities',
    summary: 'List the identities of your organization',
    answer: IdentityListDto,
    refusals: [new OtherOrganizationError(), ...READ_REFUSALS],
  })
  async list(@Caller() caller: VerifiedAccessToken, @Query() query: ListIdentitiesQueryDto): Promise<IdentityListDto> {
    requireOwn(caller, query.orgId);
    return this.directory.list(caller.organization.id, query);
  }

  @Post('search')
  @Authorized('identity:read', {
    event: 'search-identities',
    summary: 'Search the identities of your organization',
    answer: IdentitySearchResultDto,
    refusals: READ_REFUSALS,
  })
  async search(
    @Caller() caller: VerifiedAccessToken,
    @Body() query: SearchIdentitiesDto,
  ): Promise<IdentitySearchResultDto> {
    const { items, nextCursor, total } = await this.directory.search(caller.organization.id, query);
    return { identities: items, ...total, nextCursor };
  }

  @Get('details')
  @Authorized('any', {
    event: null,
    summary: 'Get the current identity',
    description: 'The cheapest way to check whether a token is valid.',
    answer: IdentityDetailsAnswerDto,
  })
  details(@Caller() { organization }: VerifiedAccessToken): IdentityDetailsAnswerDto {
    const { id, name, slug } = organization;
    return { identityDetails: { organization: { id, name, slug } } };
  }

  @Get(':identityId')
  @Authorized('identity:read', {
    event: 'get-identity',
    summary: 'Get an identity',
    answer: MembershipAnswerDto,
    refusals: [NOT_FOUND],
  })
  async get(@Caller() caller: VerifiedAccessToken, @Param('identityId') id: string): Promise<MembershipAnswerDto> {
    return { identity: await this.reads.get(caller, id) };
  }

  @Patch(':identityId')
  @Authorized('identity:edit', {
    event: 'update-identity',
    summary: 'Update an identity',
    description:
      'Fields that are left out keep their values. To change the role, you need `identity:grant-privileges`.',
    answer: IdentityAnswerDto,
    example: { identity: { name: 'deployer-eu' } },
    refusals: [NOT_FOUND, ...boundaryRefusals(UPDATE_IDENTITY), new UnknownRoleError(), new LastAdministratorError()],
  })
  async update(
    @CurrentActor() actor: Actor,
    @Param('identityId') id: string,
    @Body() dto: UpdateIdentityDto,
  ): Promise<IdentityAnswerDto> {
    return { identity: await this.identities.update(actor, id, dto) };
  }

  @Delete(':identityId')
  @Authorized('identity:delete', {
    event: 'delete-identity',
    summary: 'Delete an identity',
    description: 'Its auth methods are removed and its tokens are revoked at once.',
    answer: DeletedIdentityAnswerDto,
    refusals: [
      NOT_FOUND,
      ...boundaryRefusals(DELETE_IDENTITY),
      new DeleteProtectionError(),
      new LastAdministratorError(),
      new LastProjectAdministratorError(),
    ],
  })
  async delete(@CurrentActor() actor: Actor, @Param('identityId') id: string): Promise<DeletedIdentityAnswerDto> {
    return { identity: await this.identities.delete(actor, id) };
  }
}
