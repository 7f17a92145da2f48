import { Body, Delete, Get, Param, Patch, Post } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { CurrentActor } from '../access-tokens/guarding/actor.decorator';
import type { Actor } from '../changes/change';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import type { AuthorizedDocs } from '../permissions/authorized.decorator';
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
import { answerOf, changedRole, FORMER, newRole } from './role-input';

const oldest = (docs: AuthorizedDocs) => older(docs, docs.answer, 'at the oldest path');

/** The paths of roles that older clients call, with the slug of the project and the former form of rules. */
@LatchkeyController('api/v1/workspace', 'Projects')
export class OldestProjectRolesController {
  constructor(private readonly roles: ProjectRolesService) {}

  @Post(':projectSlug/roles')
  @ApiParam({ name: 'projectSlug' })
  @AuthorizedInProject('role:create', oldest(PROJECT_ROLE_DOCS.create), 'projectSlug')
  async create(
    @CurrentActor() actor: Actor,
    @InProject() at: ProjectCaller,
    @Body() dto: CreateProjectRoleDto,
  ): Promise<ProjectRoleAnswerDto> {
    return answerOf(await this.roles.create(actor, at, newRole(dto, FORMER)), FORMER);
  }

  @Get(':projectSlug/roles')
  @ApiParam({ name: 'projectSlug' })
  @AuthorizedInProject('role:read', oldest(PROJECT_ROLE_DOCS.list), 'projectSlug')
  async list(@InProject() at: ProjectCaller): Promise<ProjectRoleListDto> {
    return { roles: await this.roles.list(at) };
  }

  @Get(':projectSlug/roles/slug/:roleSlug')
  @ApiParam({ name: 'projectSlug' })
  @AuthorizedInProject('role:read', oldest(PROJECT_ROLE_DOCS.getBySlug), 'projectSlug')
  async getBySlug(@InProject() at: ProjectCaller, @Param('roleSlug') slug: string): Promise<ProjectRoleAnswerDto> {
    return answerOf(await this.roles.getBySlug(at, slug), FORMER);
  }

  @Patch(':projectSlug/roles/:projectRoleId')
  @ApiParam({ name: 'projectSlug' })
  @AuthorizedInProject('role:edit', oldest(PROJECT_ROLE_DOCS.update), 'projectSlug')
  async update(
    @CurrentActor() actor: Actor,
    @InProject() at: ProjectCaller,
    @Param('projectRoleId') id: string,
    @Body() dto: UpdateProjectRoleDto,
  ): Promise<ProjectRoleAnswerDto> {
    return answerOf(await this.roles.update(actor, at, id, changedRole(dto, FORMER)), FORMER);
  }

  @Delete(':projectSlug/roles/:projectRoleId')
  @ApiParam({ name: 'projectSlug' })
  @AuthorizedInProject('role:delete', oldest(PROJECT_ROLE_DOCS.delete), 'projectSlug')
  async delete(
    @CurrentActor() actor: Actor,
    @InProject() at: ProjectCaller,
    @Param('projectRoleId') id: string,
  ): Promise<ProjectRoleAnswerDto> {
    return answerOf(await this.roles.delete(actor, at, id), FORMER);
  }
}
