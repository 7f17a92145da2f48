import { Body, Delete, Get, Param, Patch, Post } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { CurrentActor } from '../access-tokens/guarding/actor.decorator';
import type { Actor } from '../changes/change';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { AuthorizedInProject } from '../permissions/projects/authorized-in-project.decorator';
import type { ProjectCaller } from '../permissions/projects/project-access.service';
import { InProject } from '../permissions/projects/project.guard';
import {
  CreateProjectRoleDto,
  ProjectRoleAnswerDto,
  ProjectRoleListDto,
  UpdateProjectRoleDto,
} from './dto/project-role.dtos';
import { older } from './project-docs';
import { PROJECT_ROLE_DOCS } from './project-role-docs';
import { ProjectRolesService } from './project-roles.service';
import { answerOf, changedRole, newRole } from './role-input';

/** The paths of roles that older clients call, and Terraform. */
@LatchkeyController('api/v2/workspace', 'Projects')
export class OlderProjectRolesController {
  constructor(private readonly roles: ProjectRolesService) {}

  @Post(':projectId/roles')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('role:create', older(PROJECT_ROLE_DOCS.create))
  async create(
    @CurrentActor() actor: Actor,
    @InProject() at: ProjectCaller,
    @Body() dto: CreateProjectRoleDto,
  ): Promise<ProjectRoleAnswerDto> {
    return answerOf(await this.roles.create(actor, at, newRole(dto)));
  }

  @Get(':projectId/roles')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('role:read', older(PROJECT_ROLE_DOCS.list))
  async list(@InProject() at: ProjectCaller): Promise<ProjectRoleListDto> {
    return { roles: await this.roles.list(at) };
  }

  @Get(':projectId/roles/slug/:roleSlug')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('role:read', older(PROJECT_ROLE_DOCS.getBySlug))
  async getBySlug(@InProject() at: ProjectCaller, @Param('roleSlug') slug: string): Promise<ProjectRoleAnswerDto> {
    return answerOf(await this.roles.getBySlug(at, slug));
  }

  @Patch(':projectId/roles/:projectRoleId')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('role:edit', older(PROJECT_ROLE_DOCS.update))
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
  @AuthorizedInProject('role:delete', older(PROJECT_ROLE_DOCS.delete))
  async delete(
    @CurrentActor() actor: Actor,
    @InProject() at: ProjectCaller,
    @Param('projectRoleId') id: string,
  ): Promise<ProjectRoleAnswerDto> {
    return answerOf(await this.roles.delete(actor, at, id));
  }
}
