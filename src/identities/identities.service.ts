import { Injectable } from '@nestjs/common';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import type { SqlRunner } from '../database/sql-runner';
import { extendStatementTimeout } from '../database/statement-timeout';
import { ChangesService } from '../changes/changes.service';
import type { Actor } from '../changes/change';
import { identityTarget } from '../changes/targets';
import { NothingLeft, type OwnUnitOfWork } from '../changes/unit-of-work';
import { LastAdministratorService } from '../permissions/last-administrator.service';
import { type Attempt, PermissionsService } from '../permissions/permissions.service';
import { ProjectAdministratorsService } from '../permissions/projects/project-administrators.service';
import { type AssignableRole, AssignableRolesService } from '../roles/assignable-roles.service';
import { type CreateIdentityDto, type UpdateIdentityDto } from './dto/identity-input.dtos';
import { DeletedIdentityDto, IdentityDto, MetadataDto } from './dto/identity.dtos';
import {
  DeleteProtectionError,
  IdentityNotFoundError,
  OtherOrganizationError,
  UnknownRoleError,
} from './identities.errors';
import { requireDistinctKeys } from './distinct-keys';
import type { Identity } from '../database/entities/identity.entity';
import { IdentityStore } from './identity.store';
import { ManagedIdentitiesService } from './managed-identities.service';
import { IdentityReadsService } from './identity-reads.service';

export const CREATE_IDENTITY: Attempt = { what: 'create identity', permission: 'identity:grant-privileges' };
export const UPDATE_IDENTITY: Attempt = { what: 'update identity', permission: 'identity:edit' };
export const DELETE_IDENTITY: Attempt = { what: 'delete identity', permission: 'identity:delete' };

/** Machine identities of an organization. */
@Injectable()
export class IdentitiesService {
  constructor(
    private readonly managed: ManagedIdentitiesService,
    private readonly reads: IdentityReadsService,
    private readonly store: IdentityStore,
    private readonly changes: ChangesService,
    private readonly lastAdministrator: LastAdministratorService,
    private readonly permissions: PermissionsService,
    private readonly roles: AssignableRolesService,
    private readonly projectAdministrators: ProjectAdministratorsService,
  ) {}

  /** @throws OtherOrganizationError, UnknownRoleError, PermissionBoundaryError */
  async create(actor: Actor, dto: CreateIdentityDto): Promise<IdentityDto> {
    const { caller } = actor;
    requireDistinctKeys(dto.metadata);
    requireOwn(caller, dto.organizationId);
    const { name, hasDeleteProtection } = dto;
    const wish = { slug: dto.role ?? 'no-access', attempt: CREATE_IDENTITY };
    return this.changes.add({ actor, action: 'create-identity' }, async (work) => {
      const { run } = work;
      const organizationId = caller.organization.id;
      const { slug, role, customRoleId } = await this.grantable(work, caller, wish);
      const made = await this.store.insert(run, { organizationId, name, role, customRoleId, hasDeleteProtection });
      if (made === undefined) throw new OtherOrganizationError();
      const { identity } = made;
      work.changed(identityTarget(identity, { role: slug, metadata: dto.metadata ?? [] }));
      const metadata = await this.store.addLabels(run, identity.id, dto.metadata ?? []);
      return { ...DeletedIdentityDto.of(identity), authMethods: [], metadata: metadata.map(MetadataDto.of) };
    });
  }

  /** @throws IdentityNotFoundError, UnknownRoleError, InstanceAdminRequiredError, PermissionBoundaryError, LastAdministratorError */
  async update(actor: Actor, identityId: string, dto: UpdateIdentityDto): Promise<IdentityDto> {
    const { caller } = actor;
    requireDistinctKeys(dto.metadata);
    const target = { identityId, organizationId: caller.organization.id };
    const act = (work: OwnUnitOfWork) => {
      const change = () => this.change(work, caller, identityId, dto);
      return dto.role === undefined ? change() : this.lastAdministrator.keep(work.run, target, change);
    };
    // The role may be a lesser one. Labels affect rights too, if a host checks them.
    const mayTakeAway = dto.role !== undefined || dto.metadata !== undefined;
    const attempt = { actor, action: 'update-identity' } as const;
    const identity = await (mayTakeAway ? this.changes.takeAway(attempt, act) : this.changes.alter(attempt, act));
    return { ...DeletedIdentityDto.of(identity), ...(await this.reads.belongings(identity.id)) };
  }

  private async change(
    work: OwnUnitOfWork,
    caller: VerifiedAccessToken,
    identityId: string,
    dto: UpdateIdentityDto,
  ): Promise<Identity> {
    const { tx, run } = work;
    const { identity, membership } = await this.managed.getForChange(tx, caller, identityId, UPDATE_IDENTITY);
    const former = membership.customRole?.slug ?? membership.role;
    const slug = dto.role ?? former;
    if (slug !== former) {
      const wish = { slug, former, attempt: UPDATE_IDENTITY };
      const { role, customRoleId } = await this.grantable(work, caller, wish);
      await this.store.setRole(run, membership.id, role, customRoleId);
    }
    const isChanged = await this.changeProperties(run, identity, dto);
    // The values that an identity has already are no change, and no event.
    if (isChanged || slug !== former) work.changed(identityTarget(identity, { role: slug, metadata: dto.metadata }));
    else work.unchanged();
    return identity;
  }

  /** @returns whether there was something to change. */
  private async changeProperties(run: SqlRunner, identity: Identity, dto: UpdateIdentityDto): Promise<boolean> {
    const { name = identity.name, hasDeleteProtection = identity.hasDeleteProtection, metadata } = dto;
    if (metadata !== undefined) await this.store.replaceLabels(run, identity.id, metadata);
    if (name === identity.name && hasDeleteProtection === identity.hasDeleteProtection) return metadata !== undefined;
    const updatedAt = await this.store.update(run, identity.id, { name, hasDeleteProtection });
    Object.assign(identity, { name, hasDeleteProtection, updatedAt });
    return true;
  }

  /** @throws IdentityNotFoundError, InstanceAdminRequiredError, PermissionBoundaryError, DeleteProtectionError, LastAdministratorError, LastProjectAdministratorError */
  async delete(actor: Actor, identityId: string): Promise<DeletedIdentityDto> {
    const { caller } = actor;
    const target = { identityId, organizationId: caller.organization.id };
    return this.changes.takeAway({ actor, action: 'delete-identity' }, (work) =>
      this.lastAdministrator.keep(work.run, target, () => this.remove(work, caller, identityId)),
    );
  }

  private async remove(
    work: OwnUnitOfWork,
    caller: VerifiedAccessToken,
    identityId: string,
  ): Promise<DeletedIdentityDto> {
    const { tx, run } = work;
    const { identity } = await this.managed.getForChange(tx, caller, identityId, DELETE_IDENTITY).catch(nothingLeft);
    work.changed(identityTarget(identity));
    if (identity.hasDeleteProtection) throw new DeleteProtectionError();
    await extendStatementTimeout(tx);
    await this.projectAdministrators.requireOthers(run, identity.id, identity.organizationId);
    await this.store.delete(run, identity.id, identity.organizationId);
    return DeletedIdentityDto.of(identity);
  }

  /**
   * To give or take a role, a caller needs the right to grant it and all its permissions. `no-access` has no permission of
   * Latchkey.
   */
  private async grantable(
    { run }: OwnUnitOfWork,
    caller: VerifiedAccessToken,
    { slug, former = 'no-access', attempt: { what } }: { slug: string; former?: string; attempt: Attempt },
  ): Promise<AssignableRole> {
    const role = await this.roles.find(run, caller.organization.id, slug);
    if (role === undefined) throw new UnknownRoleError();
    if (slug === 'no-access' && former === 'no-access') return role;
    const attempt: Attempt = { what, permission: 'identity:grant-privileges' };
    this.permissions.requirePrivileges(caller, { role: slug, rules: role.rules, isInstanceAdmin: false }, attempt);
    return role;
  }
}

/** @throws OtherOrganizationError for every id except the caller's own, whether it exists or not. */
export function requireOwn(caller: VerifiedAccessToken, organizationId: string): void {
  if (organizationId.toLowerCase() !== caller.organization.id) throw new OtherOrganizationError();
}

/** One that is not there may have been deleted a moment ago. @throws NothingLeft */
function nothingLeft(error: unknown): never {
  throw error instanceof IdentityNotFoundError ? new NothingLeft(error) : error;
}
