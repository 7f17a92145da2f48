import { Body, Delete, Get, Param, Patch, Post } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { CurrentActor } from '../access-tokens/guarding/actor.decorator';
import { Caller } from '../access-tokens/guarding/caller.decorator';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { EXAMPLE } from '../common/dto/examples';
import type { Actor } from '../changes/change';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { AuthorizedInItsProject, AuthorizedInProject } from '../permissions/projects/authorized-in-project.decorator';
import type { ProjectCaller } from '../permissions/projects/project-access.service';
import { InProject } from '../permissions/projects/project.guard';
import {
  CreateProjectRoleDto,
  OwnProjectPermissionsDto,
  ProjectRoleAnswerDto,
  ProjectRoleListDto,
  UpdateProjectRoleDto,
} from './dto/project-role.dtos';
import { ProjectRoleNotFoundError } from './assigned-roles';
import { PROJECT_ROLE_DOCS } from './project-role-docs';
import { ProjectRolesService } from './project-roles.service';
import { answerOf, changedRole, newRole } from './role-input';

@LatchkeyController('api/v1/projects', 'Projects')
export class ProjectRolesController {
  constructor(private readonly roles: ProjectRolesService) {}

  @Post(':projectId/roles')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('role:create', PROJECT_ROLE_DOCS.create)
  async create(
    @CurrentActor() actor: Actor,
    @InProject() at: ProjectCaller,
    @Body() dto: CreateProjectRoleDto,
  ): Promise<ProjectRoleAnswerDto> {
    return answerOf(await this.roles.create(actor, at, newRole(dto)));
  }

  @Get(':projectId/roles')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('role:read', PROJECT_ROLE_DOCS.list)
  async list(@InProject() at: ProjectCaller): Promise<ProjectRoleListDto> {
    return { roles: await this.roles.list(at) };
  }

  @Get(':projectId/roles/slug/:roleSlug')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('role:read', PROJECT_ROLE_DOCS.getBySlug)
  async getBySlug(@InProject() at: ProjectCaller, @Param('roleSlug') slug: string): Promise<ProjectRoleAnswerDto> {
    return answerOf(await this.roles.getBySlug(at, slug));
  }

  @Get('roles/:projectRoleId')
  @AuthorizedInItsProject('role:read', {
    event: 'get-project-role',
    summary: 'Get a role of a project',
    answer: ProjectRoleAnswerDto,
    refusals: [new ProjectRoleNotFoundError(EXAMPLE.roleId)],
  })
  async get(@Caller() caller: VerifiedAccessToken, @Param('projectRoleId') id: string): Promise<ProjectRoleAnswerDto> {
    return answerOf(await this.roles.getById(caller, id));
  }

  @Get(':projectId/permissions')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('member', {
    event: null,
    summary: 'Get your own permissions in a project',
    description: 'The rules that the token of this request has now.',
    answer: OwnProjectPermissionsDto,
  })
  own(@InProject() at: ProjectCaller): OwnProjectPermissionsDto {
    return this.roles.own(at);
  }

  @Patch(':projectId/roles/:projectRoleId')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('role:edit', PROJECT_ROLE_DOCS.update)
  async update(
    @CurrentActor() actor: Actor,
    @InProject() at: ProjectCaller,
    @Param('projectRoleId') id: string,
    @Body() dto: UpdateProjectRoleDto,
  ): Promise<ProjectRoleAnswerDto> {
    return answerOf(await this.roles.update(actor, at, id, changedRole(dto)));
  }

  @Delete(':projectId/roles/:projectRoleId')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('role:delete', PROJECT_ROLE_DOCS.delete)
  async delete(
    @CurrentActor() actor: Actor,
    @InProject() at: ProjectCaller,
    @Param('projectRoleId') id: string,
  ): Promise<ProjectRoleAnswerDto> {
    return answerOf(await this.roles.delete(actor, at, id));
  }
}
