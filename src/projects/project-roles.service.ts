import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import type { Actor } from '../changes/change';
import { ChangesService } from '../changes/changes.service';
import { projectRoleTarget } from '../changes/targets';
import { NothingLeft } from '../changes/unit-of-work';
import { Clock } from '../common/clock/clock';
import { isId } from '../common/ids';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { ListReads } from '../database/list-reads';
import { sqlIn, type SqlRunner } from '../database/sql-runner';
import { cutTo } from '../permissions/projects/project-access';
import { ProjectAccessService, type ProjectCaller } from '../permissions/projects/project-access.service';
import { builtInProjectRules, isProjectRole, PROJECT_ROLES } from '../permissions/projects/project-roles';
import { conditionsIn, packed, type Rule } from '../permissions/rules/rule';
import { revivedBy } from '../permissions/rules/revived';
import { storedRules } from '../permissions/rules/stored-rules';
import { MOST_CONDITIONS_OF_MEMBER, ProjectRoleNotFoundError, TooManyConditionsError } from './assigned-roles';
import { ListedProjectRoleDto, type OwnProjectPermissionsDto, ProjectRoleDto } from './dto/project-role.dtos';
import {
  MOST_PROJECT_ROLES,
  type ProjectRole,
  type ProjectRoleProperties,
  ProjectRoleStore,
  type RefusedRole,
} from './project-role.store';
import { ProjectRoleInUseError, ProjectRoleSlugTakenError, TooManyProjectRolesError } from './project-roles.errors';
import { type HeldProject, ProjectWorkService } from './project-work.service';

export const CREATE_PROJECT_ROLE = { what: 'create role in project' };
export const UPDATE_PROJECT_ROLE = { what: 'update role in project' };
const NAMED_HOLDERS = 10;

/** The properties of a role, its rules checked. A property that is left out keeps its value. */
export type ProjectRoleChange = Partial<ProjectRoleProperties>;

/** The roles that a project makes itself. */
@Injectable()
export class ProjectRolesService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly store: ProjectRoleStore,
    private readonly work: ProjectWorkService,
    private readonly changes: ChangesService,
    private readonly access: ProjectAccessService,
    private readonly reads: ListReads,
    private readonly clock: Clock,
  ) {}

  /** @throws PermissionBoundaryError, ProjectRoleSlugTakenError, TooManyProjectRolesError */
  create(actor: Actor, at: ProjectCaller, role: ProjectRoleProperties): Promise<ProjectRoleDto> {
    return this.changes.add({ actor, action: 'create-project-role' }, async (work) => {
      const held = await this.work.begin(work, at, { permission: 'role:create' });
      this.work.requireRulesCovered(held, role.rules, CREATE_PROJECT_ROLE.what);
      const made = written(await this.store.insert(work.run, held.projectId, role));
      work.changed(projectRoleTarget(made, at.caller.organization.id));
      return ProjectRoleDto.of(made);
    });
  }

  /**
   * Changes a role and, with it, the rights of everyone who has it. The caller covers it before and after, and whatever a dropped
   * prohibition may give back.
   *
   * @throws ProjectRoleNotFoundError, PermissionBoundaryError, ProjectRoleSlugTakenError, TooManyConditionsError
   */
  update(actor: Actor, at: ProjectCaller, roleId: string, change: ProjectRoleChange): Promise<ProjectRoleDto> {
    return this.changes.takeAway({ actor, action: 'update-project-role' }, async (work) => {
      const held = await this.work.begin(work, at, { permission: 'role:edit' });
      const role = await this.find(work.run, held.projectId, roleId);
      const before = storedRules(role.permissions);
      const { slug = role.slug, name = role.name, description = role.description, rules = before } = change;
      this.requireCovered(held, before, rules);
      if (slug !== role.slug) await this.requireFree(work.run, held.projectId, slug);
      const isEmpty = Object.values(change).every((value) => value === undefined);
      const changed = isEmpty ? role : await this.store.update(work.run, role.id, { slug, name, description, rules });
      await this.requireFewConditions(work.run, role, rules);
      // An empty body changes nothing, and is no event.
      if (isEmpty) work.unchanged();
      else work.changed(projectRoleTarget(changed, at.caller.organization.id));
      return ProjectRoleDto.of(changed);
    });
  }

  /** @throws ProjectRoleNotFoundError, ProjectRoleInUseError */
  delete(actor: Actor, at: ProjectCaller, roleId: string): Promise<ProjectRoleDto> {
    return this.changes.takeAway({ actor, action: 'delete-project-role' }, async (work) => {
      const held = await this.work.begin(work, at, { permission: 'role:delete' });
      const role = await this.find(work.run, held.projectId, roleId).catch(nothingLeft);
      const holders = await this.store.holders(work.run, role.id, NAMED_HOLDERS);
      if (holders.count > 0) throw new ProjectRoleInUseError(holders);
      work.changed(projectRoleTarget(role, at.caller.organization.id));
      await this.store.delete(work.run, role.id);
      return ProjectRoleDto.of(role);
    });
  }

  /** The built-in roles, then those of the project by slug. */
  async list({ projectId, caller }: ProjectCaller): Promise<ListedProjectRoleDto[]> {
    const made = await this.reads.read(caller.organization.id, (tx) => this.store.list(sqlIn(tx), projectId));
    return [
      ...PROJECT_ROLES.map((slug) => ListedProjectRoleDto.builtIn(slug, projectId)),
      ...made.map(ListedProjectRoleDto.of),
    ];
  }

  /** @throws ProjectRoleNotFoundError */
  async getBySlug({ projectId }: ProjectCaller, slug: string): Promise<ProjectRoleDto> {
    if (isProjectRole(slug)) {
      return ProjectRoleDto.withRules(ListedProjectRoleDto.builtIn(slug, projectId), builtInProjectRules(slug));
    }
    const isSlug = /^[a-z0-9-]{1,64}$/.test(slug);
    const run = sqlIn(this.dataSource.manager);
    const found = isSlug ? (await this.store.bySlugs(run, projectId, [slug])).get(slug) : undefined;
    if (found === undefined) throw new ProjectRoleNotFoundError(slug);
    return ProjectRoleDto.of(found);
  }

  /** A role of any project that the caller is in. @throws ProjectRoleNotFoundError, NotInProjectError, PermissionDeniedError */
  async getById(caller: VerifiedAccessToken, roleId: string): Promise<ProjectRoleDto> {
    const run = sqlIn(this.dataSource.manager);
    const projectId = isId(roleId) ? await this.store.projectOf(run, roleId, caller.organization.id) : undefined;
    if (projectId === undefined) throw new ProjectRoleNotFoundError(roleId);
    this.access.require(await this.access.enter(caller, projectId), 'role:read');
    return ProjectRoleDto.of(await this.find(run, projectId, roleId));
  }

  /** The rules of the caller that count now. */
  own({ access, permissions }: ProjectCaller): OwnProjectPermissionsDto {
    const nowMs = this.clock.epochMs();
    const roles = access.grantsAt(nowMs).map(({ source }) => ({ role: source.slug }));
    const rules = cutTo(permissions, access.rulesAt(nowMs));
    return { data: { memberships: [{ roles }], permissions: packed(rules) } };
  }

  private requireCovered(held: HeldProject, before: readonly Rule[], after: readonly Rule[]): void {
    for (const rules of [before, after, revivedBy(before, after)]) {
      this.work.requireRulesCovered(held, rules, UPDATE_PROJECT_ROLE.what);
    }
  }

  /** A role grows with the same bound as it is given. @throws TooManyConditionsError */
  private async requireFewConditions(run: SqlRunner, role: ProjectRole, after: readonly Rule[]): Promise<void> {
    if (conditionsIn(after) <= conditionsIn(storedRules(role.permissions))) return;
    if (await this.store.isBeyond(run, role.id, MOST_CONDITIONS_OF_MEMBER)) throw new TooManyConditionsError();
  }

  private async requireFree(run: SqlRunner, projectId: string, slug: string): Promise<void> {
    if ((await this.store.bySlugs(run, projectId, [slug])).size > 0) throw new ProjectRoleSlugTakenError();
  }

  private async find(run: SqlRunner, projectId: string, roleId: string): Promise<ProjectRole> {
    const found = isId(roleId) ? await this.store.find(run, projectId, roleId) : undefined;
    if (found === undefined) throw new ProjectRoleNotFoundError(roleId);
    return found;
  }
}

/** @throws ProjectRoleSlugTakenError, TooManyProjectRolesError */
function written(outcome: ProjectRole | RefusedRole): ProjectRole {
  if (outcome === 'slug_taken') throw new ProjectRoleSlugTakenError();
  if (outcome === 'too_many') throw new TooManyProjectRolesError(MOST_PROJECT_ROLES);
  return outcome;
}

/** One that is not there may have been deleted a moment ago. @throws NothingLeft */
function nothingLeft(error: unknown): never {
  throw error instanceof ProjectRoleNotFoundError ? new NothingLeft(error) : error;
}
