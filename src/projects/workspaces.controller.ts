import { Body, Delete, Get, Patch, Post, Query } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { CurrentActor } from '../access-tokens/guarding/actor.decorator';
import { Caller } from '../access-tokens/guarding/caller.decorator';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import type { Actor } from '../changes/change';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { Authorized } from '../permissions/authorized.decorator';
import { AuthorizedInProject } from '../permissions/projects/authorized-in-project.decorator';
import type { ProjectCaller } from '../permissions/projects/project-access.service';
import { InProject } from '../permissions/projects/project.guard';
import { CreateProjectDto, ListProjectsQueryDto, UpdateProjectDto } from './dto/project-input.dtos';
import { ProjectAnswerDto, ProjectDto, WorkspaceAnswerDto, WorkspaceListDto } from './dto/project.dtos';
import { older, PROJECT_DOCS } from './project-docs';
import { listOf } from './project-list';
import { ProjectsService } from './projects.service';

const BY_SLUG = 'by slug at an older path';

/** The paths of projects that older clients call, and Terraform. */
@LatchkeyController('api', 'Projects')
export class WorkspacesController {
  constructor(private readonly projects: ProjectsService) {}

  @Post('v2/workspace')
  @Authorized('project:create', older(PROJECT_DOCS.create, ProjectAnswerDto))
  async create(@CurrentActor() actor: Actor, @Body() dto: CreateProjectDto): Promise<ProjectAnswerDto> {
    return { project: await this.projects.create(actor, dto) };
  }

  @Get('v1/workspace')
  @Authorized('any', older(PROJECT_DOCS.list, WorkspaceListDto))
  list(@Caller() caller: VerifiedAccessToken, @Query() query: ListProjectsQueryDto): Promise<object> {
    return listOf('workspaces', query, (cursor, limit) => this.projects.list(caller, cursor, limit));
  }

  @Get('v1/workspace/slug/:projectSlug')
  @ApiParam({ name: 'projectSlug' })
  @AuthorizedInProject('member', older(PROJECT_DOCS.getBySlug, ProjectDto), 'projectSlug')
  getBySlug(@InProject() at: ProjectCaller): Promise<ProjectDto> {
    return this.projects.get(at);
  }

  @Get('v1/workspace/:projectId')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('member', older(PROJECT_DOCS.get, WorkspaceAnswerDto))
  async get(@InProject() at: ProjectCaller): Promise<WorkspaceAnswerDto> {
    return { workspace: await this.projects.get(at) };
  }

  @Patch('v1/workspace/:projectId')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('settings:edit', older(PROJECT_DOCS.update, WorkspaceAnswerDto))
  async update(
    @CurrentActor() actor: Actor,
    @InProject() at: ProjectCaller,
    @Body() dto: UpdateProjectDto,
  ): Promise<WorkspaceAnswerDto> {
    return { workspace: await this.projects.update(actor, at, dto) };
  }

  @Delete('v1/workspace/:projectId')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('workspace:delete', older(PROJECT_DOCS.delete, WorkspaceAnswerDto))
  async delete(@CurrentActor() actor: Actor, @InProject() at: ProjectCaller): Promise<WorkspaceAnswerDto> {
    return { workspace: await this.projects.delete(actor, at) };
  }

  @Get('v2/workspace/:projectSlug')
  @ApiParam({ name: 'projectSlug' })
  @AuthorizedInProject('member', older(PROJECT_DOCS.get, ProjectDto, BY_SLUG), 'projectSlug')
  getOfTerraform(@InProject() at: ProjectCaller): Promise<ProjectDto> {
    return this.projects.get(at);
  }

  @Patch('v2/workspace/:projectSlug')
  @ApiParam({ name: 'projectSlug' })
  @AuthorizedInProject('settings:edit', older(PROJECT_DOCS.update, ProjectDto, BY_SLUG), 'projectSlug')
  updateBySlug(
    @CurrentActor() actor: Actor,
    @InProject() at: ProjectCaller,
    @Body() dto: UpdateProjectDto,
  ): Promise<ProjectDto> {
    return this.projects.update(actor, at, dto);
  }

  @Delete('v2/workspace/:projectSlug')
  @ApiParam({ name: 'projectSlug' })
  @AuthorizedInProject('workspace:delete', older(PROJECT_DOCS.delete, ProjectDto, BY_SLUG), 'projectSlug')
  deleteBySlug(@CurrentActor() actor: Actor, @InProject() at: ProjectCaller): Promise<ProjectDto> {
    return this.projects.delete(actor, at);
  }
}
