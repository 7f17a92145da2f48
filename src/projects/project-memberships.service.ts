import { Injectable } from '@nestjs/common';
import type { Actor } from '../changes/change';
import { ChangesService } from '../changes/changes.service';
import { projectMembershipTarget } from '../changes/targets';
import { NothingLeft, type OwnUnitOfWork } from '../changes/unit-of-work';
import { isId } from '../common/ids';
import type { SqlRunner } from '../database/sql-runner';
import { ManagedIdentitiesService } from '../identities/managed-identities.service';
import { LastProjectAdministratorError } from '../permissions/projects/project-administrators.service';
import type { ProjectCaller } from '../permissions/projects/project-access.service';
import { type AssignedRole, assignedRoles } from './assigned-roles';
import type { CreateMembershipDto, UpdateMembershipDto } from './dto/membership-input.dtos';
import { ProjectMembershipDto } from './dto/membership.dtos';
import { AlreadyInProjectError, OwnMembershipError, ProjectMembershipNotFoundError } from './memberships.errors';
import { ProjectMembershipReads } from './project-membership.reads';
import { ProjectMembershipStore } from './project-membership.store';
import { ProjectRoleStore } from './project-role.store';
import { type HeldProject, ProjectWorkService } from './project-work.service';

/** The permissions of which a caller needs one in order to give roles. */
export const GIVING_ROLES = ['identity:grant-privileges', 'identity:assign-role'] as const;
export const CREATE_MEMBERSHIP = { what: 'add identity to project' };
export const UPDATE_MEMBERSHIP = { what: 'update roles of identity in project' };
export const DELETE_MEMBERSHIP = { what: 'remove identity from project' };

/** The members of projects, and their roles. */
@Injectable()
export class ProjectMembershipsService {
  constructor(
    private readonly store: ProjectMembershipStore,
    private readonly reads: ProjectMembershipReads,
    private readonly roles: ProjectRoleStore,
    private readonly work: ProjectWorkService,
    private readonly managed: ManagedIdentitiesService,
    private readonly changes: ChangesService,
  ) {}

  /**
   * @throws IdentityNotFoundError, AlreadyInProjectError, PermissionBoundaryError, ProjectRoleNotFoundError,
   * TemporaryAccessError, NoPermanentRoleError
   */
  create(actor: Actor, at: ProjectCaller, identityId: string, dto: CreateMembershipDto): Promise<ProjectMembershipDto> {
    const attempt = { actor, action: 'create-identity-project-membership' } as const;
    return this.changes.alter(attempt, async (work) => {
      const held = await this.begin(work, at, 'identity:create', identityId);
      const { identity } = await this.managed.get(work.tx, at.caller, identityId);
      const roles = dto.roles ?? [{ role: dto.role ?? 'no-access' }];
      const regrant = { ...CREATE_MEMBERSHIP, identityId: identity.id, anyOf: GIVING_ROLES };
      await this.work.regrant(work.run, held, regrant, async () => {
        const assigned = await assignedRoles(this.roles, { run: work.run, projectId: held.projectId }, roles);
        const member = { projectId: held.projectId, identityId: identity.id };
        if (!(await this.store.insert(work.run, member, assigned))) throw new AlreadyInProjectError();
      });
      return this.told(work, held, identity.id);
    });
  }

  /**
   * @throws ProjectMembershipNotFoundError, PermissionBoundaryError, ProjectRoleNotFoundError, TemporaryAccessError,
   * NoPermanentRoleError, LastProjectAdministratorError
   */
  update(actor: Actor, at: ProjectCaller, identityId: string, dto: UpdateMembershipDto): Promise<ProjectMembershipDto> {
    const attempt = { actor, action: 'update-identity-project-membership' } as const;
    return this.changes.takeAway(attempt, async (work) => {
      const held = await this.begin(work, at, 'identity:edit', identityId);
      const membership = await this.find(work.run, held, identityId);
      const regrant = { ...UPDATE_MEMBERSHIP, identityId: membership.identityId, anyOf: GIVING_ROLES };
      await this.work.regrant(work.run, held, regrant, () => this.setRoles(work.run, held, membership.id, dto.roles));
      return this.told(work, held, membership.identityId);
    });
  }

  /** @throws ProjectMembershipNotFoundError, OwnMembershipError, PermissionBoundaryError, LastProjectAdministratorError */
  delete(actor: Actor, at: ProjectCaller, identityId: string): Promise<ProjectMembershipDto> {
    const attempt = { actor, action: 'delete-identity-project-membership' } as const;
    return this.changes.takeAway(attempt, async (work) => {
      const held = await this.begin(work, at, 'identity:delete', identityId);
      const membership = await this.find(work.run, held, identityId).catch(nothingLeft);
      if (membership.identityId === at.caller.identityId) throw new OwnMembershipError();
      const deleted = await this.told(work, held, membership.identityId);
      const regrant = { ...DELETE_MEMBERSHIP, identityId: membership.identityId };
      const remove = () => this.store.delete(work.run, membership.id);
      await this.work.regrant(work.run, held, regrant, () => this.keepingAdministrator(work.run, held, remove));
      return deleted;
    });
  }

  private setRoles(run: SqlRunner, held: HeldProject, id: string, roles: readonly AssignedRole[]): Promise<void> {
    return this.keepingAdministrator(run, held, async () => {
      const assigned = await assignedRoles(this.roles, { run, projectId: held.projectId }, roles);
      await this.store.setRoles(run, id, assigned);
    });
  }

  private async keepingAdministrator(
    run: SqlRunner,
    { projectId }: HeldProject,
    change: () => Promise<void>,
  ): Promise<void> {
    const had = await this.store.hasAdministrator(run, projectId);
    await change();
    if (had && !(await this.store.hasAdministrator(run, projectId))) throw new LastProjectAdministratorError();
  }

  private begin(work: OwnUnitOfWork, at: ProjectCaller, permission: string, identityId: string): Promise<HeldProject> {
    return this.work.begin(work, at, { permission, fields: { identityId: identityId.toLowerCase() } });
  }

  private async find(
    run: SqlRunner,
    { projectId }: HeldProject,
    id: string,
  ): Promise<{ id: string; identityId: string }> {
    const identityId = id.toLowerCase();
    const found = isId(id) ? await this.store.find(run, { projectId, identityId }) : undefined;
    if (found === undefined) throw new ProjectMembershipNotFoundError(id);
    return { id: found, identityId };
  }

  /** The membership as it is now, which the audit log is told. */
  private async told(
    work: OwnUnitOfWork,
    { projectId }: HeldProject,
    identityId: string,
  ): Promise<ProjectMembershipDto> {
    const conditions = [{ sql: 'm.project_id = $1 AND m.identity_id = $2', values: [projectId, identityId] }];
    const [row] = await this.reads.find(work.run, { conditions, order: 'm.id', limit: 1, offset: 0 });
    work.changed(projectMembershipTarget(row!));
    return ProjectMembershipDto.of(row!);
  }
}

/** One that is not there may have been removed a moment ago. @throws NothingLeft */
function nothingLeft(error: unknown): never {
  throw error instanceof ProjectMembershipNotFoundError ? new NothingLeft(error) : error;
}
