import { Body, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { CurrentActor } from '../access-tokens/guarding/actor.decorator';
import type { Actor } from '../changes/change';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { AuthorizedInProject } from '../permissions/projects/authorized-in-project.decorator';
import type { ProjectCaller } from '../permissions/projects/project-access.service';
import { InProject } from '../permissions/projects/project.guard';
import { CreateMembershipDto, ListProjectMembersQueryDto, UpdateMembershipDto } from './dto/membership-input.dtos';
import { ProjectMembershipAnswerDto } from './dto/membership.dtos';
import { MEMBERSHIP_DOCS } from './membership-docs';
import { memberListOf } from './membership-list';
import { ProjectMembersService } from './project-members.service';
import { ProjectMembershipsService } from './project-memberships.service';

const DEFAULT_LIMIT = 20;

@LatchkeyController('api/v1/projects/:projectId/memberships/identities', 'Projects')
export class ProjectMembershipsController {
  constructor(
    private readonly memberships: ProjectMembershipsService,
    private readonly members: ProjectMembersService,
  ) {}

  @Post(':identityId')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('identity:create', MEMBERSHIP_DOCS.create)
  async create(
    @CurrentActor() actor: Actor,
    @InProject() at: ProjectCaller,
    @Param('identityId') id: string,
    @Body() dto: CreateMembershipDto,
  ): Promise<ProjectMembershipAnswerDto> {
    return { identityMembership: await this.memberships.create(actor, at, id, dto) };
  }

  @Get()
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('identity:read', MEMBERSHIP_DOCS.list)
  list(
    @InProject() at: ProjectCaller,
    @Query() { limit = DEFAULT_LIMIT, roles, identityName: name, ...page }: ListProjectMembersQueryDto,
  ): Promise<object> {
    const filter = { name, roles: roles?.split(',').filter((slug) => slug !== '') };
    return memberListOf({ ...page, limit }, (query) => this.members.list(at, query, filter));
  }

  @Get(':identityId')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('identity:read', MEMBERSHIP_DOCS.get)
  async get(@InProject() at: ProjectCaller, @Param('identityId') id: string): Promise<ProjectMembershipAnswerDto> {
    return { identityMembership: await this.members.get(at, id) };
  }

  @Patch(':identityId')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('identity:edit', MEMBERSHIP_DOCS.update)
  async update(
    @CurrentActor() actor: Actor,
    @InProject() at: ProjectCaller,
    @Param('identityId') id: string,
    @Body() dto: UpdateMembershipDto,
  ): Promise<ProjectMembershipAnswerDto> {
    return { identityMembership: await this.memberships.update(actor, at, id, dto) };
  }

  @Delete(':identityId')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('identity:delete', MEMBERSHIP_DOCS.delete)
  async delete(
    @CurrentActor() actor: Actor,
    @InProject() at: ProjectCaller,
    @Param('identityId') id: string,
  ): Promise<ProjectMembershipAnswerDto> {
    return { identityMembership: await this.memberships.delete(actor, at, id) };
  }
}
