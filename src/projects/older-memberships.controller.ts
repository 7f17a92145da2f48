import { Body, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { CurrentActor } from '../access-tokens/guarding/actor.decorator';
import { Caller } from '../access-tokens/guarding/caller.decorator';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import type { Actor } from '../changes/change';
import { EXAMPLE } from '../common/dto/examples';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { AuthorizedInItsProject, AuthorizedInProject } from '../permissions/projects/authorized-in-project.decorator';
import type { ProjectCaller } from '../permissions/projects/project-access.service';
import { InProject } from '../permissions/projects/project.guard';
import { CreateMembershipDto, ListOlderMembershipsQueryDto, UpdateMembershipDto } from './dto/membership-input.dtos';
import { OlderMembershipRolesDto, ProjectMembershipAnswerDto, ProjectMembershipListDto } from './dto/membership.dtos';
import { MEMBERSHIP_DOCS } from './membership-docs';
import { memberListOf } from './membership-list';
import { ProjectMembershipNotFoundError } from './memberships.errors';
import { older } from './project-docs';
import { ProjectMembersService } from './project-members.service';
import { ProjectMembershipsService } from './project-memberships.service';

const DEFAULT_LIMIT = 100;

/** The paths of members that older clients call, and Terraform. */
@LatchkeyController('api/v2/workspace', 'Projects')
export class OlderMembershipsController {
  constructor(
    private readonly memberships: ProjectMembershipsService,
    private readonly members: ProjectMembersService,
  ) {}

  @Get('identity-memberships/:membershipId')
  @AuthorizedInItsProject('identity:read', {
    event: 'get-identity-project-membership',
    summary: 'Get a membership by its own id',
    answer: ProjectMembershipAnswerDto,
    refusals: [new ProjectMembershipNotFoundError(EXAMPLE.membershipId)],
  })
  async getById(
    @Caller() caller: VerifiedAccessToken,
    @Param('membershipId') id: string,
  ): Promise<ProjectMembershipAnswerDto> {
    return { identityMembership: await this.members.getById(caller, id) };
  }

  @Post(':projectId/identity-memberships/:identityId')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('identity:create', older(MEMBERSHIP_DOCS.create, ProjectMembershipAnswerDto))
  async create(
    @CurrentActor() actor: Actor,
    @InProject() at: ProjectCaller,
    @Param('identityId') id: string,
    @Body() dto: CreateMembershipDto,
  ): Promise<ProjectMembershipAnswerDto> {
    return { identityMembership: await this.memberships.create(actor, at, id, dto) };
  }

  @Get(':projectId/identity-memberships')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('identity:read', older(MEMBERSHIP_DOCS.list, ProjectMembershipListDto))
  list(
    @InProject() at: ProjectCaller,
    @Query() { limit = DEFAULT_LIMIT, search: name, orderDirection, ...page }: ListOlderMembershipsQueryDto,
  ): Promise<object> {
    return memberListOf({ ...page, limit }, (query) =>
      this.members.listByName(at, { ...query, orderDirection }, { name }),
    );
  }

  @Get(':projectId/identity-memberships/:identityId')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('identity:read', older(MEMBERSHIP_DOCS.get, ProjectMembershipAnswerDto))
  async get(@InProject() at: ProjectCaller, @Param('identityId') id: string): Promise<ProjectMembershipAnswerDto> {
    return { identityMembership: await this.members.get(at, id) };
  }

  @Patch(':projectId/identity-memberships/:identityId')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('identity:edit', older(MEMBERSHIP_DOCS.update, OlderMembershipRolesDto))
  async update(
    @CurrentActor() actor: Actor,
    @InProject() at: ProjectCaller,
    @Param('identityId') id: string,
    @Body() dto: UpdateMembershipDto,
  ): Promise<OlderMembershipRolesDto> {
    const { id: projectMembershipId, roles } = await this.memberships.update(actor, at, id, dto);
    return { roles: roles.map((role) => ({ ...role, projectMembershipId })) };
  }

  @Delete(':projectId/identity-memberships/:identityId')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('identity:delete', older(MEMBERSHIP_DOCS.delete, ProjectMembershipAnswerDto))
  async delete(
    @CurrentActor() actor: Actor,
    @InProject() at: ProjectCaller,
    @Param('identityId') id: string,
  ): Promise<ProjectMembershipAnswerDto> {
    return { identityMembership: await this.memberships.delete(actor, at, id) };
  }
}
