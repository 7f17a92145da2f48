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
import { ProjectAnswerDto, ProjectDto } from './dto/project.dtos';
import { PROJECT_DOCS } from './project-docs';
import { listOf } from './project-list';
import { ProjectsService } from './projects.service';

@LatchkeyController('api/v1/projects', 'Projects')
export class ProjectsController {
  constructor(private readonly projects: ProjectsService) {}

  @Post()
  @Authorized('project:create', PROJECT_DOCS.create)
  async create(@CurrentActor() actor: Actor, @Body() dto: CreateProjectDto): Promise<ProjectAnswerDto> {
    return { project: await this.projects.create(actor, dto) };
  }

  @Get()
  @Authorized('any', PROJECT_DOCS.list)
  list(@Caller() caller: VerifiedAccessToken, @Query() query: ListProjectsQueryDto): Promise<object> {
    return listOf('projects', query, (cursor, limit) => this.projects.list(caller, cursor, limit));
  }

  @Get('slug/:projectSlug')
  @ApiParam({ name: 'projectSlug' })
  @AuthorizedInProject('member', PROJECT_DOCS.getBySlug, 'projectSlug')
  getBySlug(@InProject() at: ProjectCaller): Promise<ProjectDto> {
    return this.projects.get(at);
  }

  @Get(':projectId')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('member', PROJECT_DOCS.get)
  async get(@InProject() at: ProjectCaller): Promise<ProjectAnswerDto> {
    return { project: await this.projects.get(at) };
  }

  @Patch(':projectId')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('settings:edit', PROJECT_DOCS.update)
  async update(
    @CurrentActor() actor: Actor,
    @InProject() at: ProjectCaller,
    @Body() dto: UpdateProjectDto,
  ): Promise<ProjectAnswerDto> {
    return { project: await this.projects.update(actor, at, dto) };
  }

  @Delete(':projectId')
  @ApiParam({ name: 'projectId' })
  @AuthorizedInProject('workspace:delete', PROJECT_DOCS.delete)
  async delete(@CurrentActor() actor: Actor, @InProject() at: ProjectCaller): Promise<ProjectAnswerDto> {
    return { project: await this.projects.delete(actor, at) };
  }
}
