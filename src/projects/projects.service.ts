import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import type { Actor } from '../changes/change';
import { ChangesService } from '../changes/changes.service';
import { projectTarget } from '../changes/targets';
import { NothingLeft } from '../changes/unit-of-work';
import type { ListPart } from '../common/http/long-answer';
import { isId, NIL_ID } from '../common/ids';
import { ValidationFailureError } from '../common/errors/common.errors';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { ListReads } from '../database/list-reads';
import { extendStatementTimeout } from '../database/statement-timeout';
import { sqlIn, type SqlRunner } from '../database/sql-runner';
import { ProjectNotFoundError } from '../permissions/projects/projects.errors';
import type { ProjectCaller } from '../permissions/projects/project-access.service';
import type { CreateProjectDto, UpdateProjectDto } from './dto/project-input.dtos';
import { ProjectDto } from './dto/project.dtos';
import { ProjectMembershipStore } from './project-membership.store';
import { ProjectWorkService } from './project-work.service';
import { type Project, type ProjectProperties, projectSlugOf, ProjectStore } from './project.store';
import {
  ProjectDeleteProtectionError,
  ProjectSlugTakenError,
  UnknownKmsKeyError,
  UnsupportedProjectError,
} from './projects.errors';

/** Projects: what access is granted in. */
@Injectable()
export class ProjectsService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly store: ProjectStore,
    private readonly memberships: ProjectMembershipStore,
    private readonly work: ProjectWorkService,
    private readonly changes: ChangesService,
    private readonly reads: ListReads,
  ) {}

  /**
   * A project, and the caller as its administrator.
   *
   * @throws ProjectSlugTakenError, UnsupportedProjectError, UnknownKmsKeyError
   */
  create(actor: Actor, dto: CreateProjectDto): Promise<ProjectDto> {
    requireSupported(dto);
    const { projectName: name, projectDescription, hasDeleteProtection = false } = dto;
    const slug = dto.slug ?? projectSlugOf(name);
    const properties = { name, slug, description: projectDescription || null, hasDeleteProtection, settings: {} };
    return this.changes.alter({ actor, action: 'create-project' }, async (work) => {
      const { run } = work;
      const { identityId, organization } = actor.caller;
      const made = await this.store.insert(run, organization.id, properties);
      if (made === undefined) throw new ProjectSlugTakenError(slug);
      const member = { projectId: made.id, identityId };
      await this.memberships.insert(run, member, [{ role: 'admin' }]);
      work.changed(projectTarget(made));
      return ProjectDto.of(made);
    });
  }

  /** A page of the projects that the caller is in, in the order of their ids. */
  async list(
    { identityId, organization }: VerifiedAccessToken,
    cursor: string | undefined,
    limit: number,
  ): Promise<ListPart<ProjectDto>> {
    const after = cursor === undefined ? NIL_ID : idIn(cursor);
    const rows = await this.reads.read(organization.id, (tx) =>
      this.store.ofMember(sqlIn(tx), identityId, { after, limit: limit + 1 }),
    );
    const page = rows.slice(0, limit);
    const nextCursor = rows.length > limit ? Buffer.from(page.at(-1)!.id).toString('base64url') : null;
    return { items: page.map(ProjectDto.of), nextCursor };
  }

  /** @throws ProjectNotFoundError */
  async get({ caller, projectId }: ProjectCaller): Promise<ProjectDto> {
    const found = await this.store.find(sqlIn(this.dataSource.manager), projectId, caller.organization.id);
    if (found === undefined) throw new ProjectNotFoundError(projectId);
    return ProjectDto.of(found);
  }

  /** @throws ProjectNotFoundError, ProjectSlugTakenError */
  update(actor: Actor, at: ProjectCaller, dto: UpdateProjectDto): Promise<ProjectDto> {
    return this.changes.alter({ actor, action: 'update-project' }, async (work) => {
      const { run } = work;
      const { project: held } = await this.work.begin(work, at, { permission: 'settings:edit' });
      const { name = held.name, slug = held.slug, hasDeleteProtection = held.hasDeleteProtection, ...rest } = dto;
      const { description = held.description, ...hints } = rest;
      const settings = { ...held.settings, ...defined(hints) };
      const properties = { name, slug, description: description || null, hasDeleteProtection, settings };
      const updated = await this.write(run, held, properties, dto);
      // An empty body changes nothing, and is no event.
      if (updated === held) work.unchanged();
      else work.changed(projectTarget(updated));
      return ProjectDto.of(updated);
    });
  }

  /** @throws ProjectNotFoundError, ProjectDeleteProtectionError */
  delete(actor: Actor, at: ProjectCaller): Promise<ProjectDto> {
    return this.changes.takeAway({ actor, action: 'delete-project' }, async (work) => {
      const { tx, run } = work;
      const begun = this.work.begin(work, at, { permission: 'workspace:delete' });
      const { project: held } = await begun.catch(nothingLeft);
      if (held.hasDeleteProtection) throw new ProjectDeleteProtectionError();
      work.changed(projectTarget(held));
      await extendStatementTimeout(tx);
      await this.store.delete(run, held.id);
      return ProjectDto.of(held);
    });
  }

  private async write(
    run: SqlRunner,
    held: Project,
    properties: ProjectProperties,
    dto: UpdateProjectDto,
  ): Promise<Project> {
    if (Object.values(dto).every((value) => value === undefined)) return held;
    const updated = await this.store.update(run, held.id, properties);
    if (updated === undefined) throw new ProjectSlugTakenError(properties.slug);
    return updated;
  }
}

function requireSupported({ type, template, kmsKeyId }: CreateProjectDto): void {
  if (type && type !== 'secret-manager') throw new UnsupportedProjectError('type', 'secret-manager');
  if (template && template !== 'default') throw new UnsupportedProjectError('template', 'default');
  if (kmsKeyId) throw new UnknownKmsKeyError();
}

function defined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** @throws ValidationFailureError */
function idIn(cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString();
  if (isId(id)) return id;
  throw new ValidationFailureError([
    { code: 'invalid_string', path: ['cursor'], message: 'Not a cursor of this list' },
  ]);
}

/** One that is not there may have been deleted a moment ago. @throws NothingLeft */
function nothingLeft(error: unknown): never {
  throw error instanceof ProjectNotFoundError ? new NothingLeft(error) : error;
}
