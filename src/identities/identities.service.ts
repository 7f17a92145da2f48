import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { Clock } from '../common/clock/clock';
import { extendStatementTimeout } from '../database/statement-timeout';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { ChangesService } from '../changes/changes.service';
import type { Actor, ChangeTarget } from '../changes/change';
import { NothingLeft, type OwnUnitOfWork } from '../changes/unit-of-work';
import { LastAdministratorService } from '../permissions/last-administrator.service';
import { type Attempt, PermissionsService } from '../permissions/permissions.service';
import { isRole, type Role } from '../permissions/roles';
import { type CreateIdentityDto, type UpdateIdentityDto } from './dto/identity-input.dtos';
import {
  DeletedIdentityDto,
  DetailedMembershipDto,
  IdentityDto,
  MembershipDto,
  MetadataDto,
} from './dto/identity.dtos';
import {
  DeleteProtectionError,
  IdentityNotFoundError,
  OtherOrganizationError,
  UnknownRoleError,
} from './identities.errors';
import { requireDistinctKeys } from './distinct-keys';
import { IdentityDirectoryService } from './identity-directory.service';
import { IdentityMetadata } from '../database/entities/identity-metadata.entity';
import type { Identity } from '../database/entities/identity.entity';
import { IdentityStore } from './identity.store';
import { ManagedIdentitiesService } from './managed-identities.service';

export const CREATE_IDENTITY: Attempt = { what: 'create identity', permission: 'identity:grant-privileges' };
export const UPDATE_IDENTITY: Attempt = { what: 'update identity', permission: 'identity:edit' };
export const DELETE_IDENTITY: Attempt = { what: 'delete identity', permission: 'identity:delete' };

/** Machine identities of an organization. */
@Injectable()
export class IdentitiesService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly managed: ManagedIdentitiesService,
    private readonly directory: IdentityDirectoryService,
    private readonly store: IdentityStore,
    private readonly changes: ChangesService,
    private readonly lastAdministrator: LastAdministratorService,
    private readonly clock: Clock,
    private readonly permissions: PermissionsService,
  ) {}

  /** @throws OtherOrganizationError, UnknownRoleError, PermissionBoundaryError */
  async create(actor: Actor, dto: CreateIdentityDto): Promise<IdentityDto> {
    const { caller } = actor;
    requireDistinctKeys(dto.metadata);
    requireOwn(caller, dto.organizationId);
    const role = requireRole(dto.role ?? 'no-access');
    this.requireGrant(caller, role, CREATE_IDENTITY);
    const { name, hasDeleteProtection } = dto;
    return this.changes.add({ actor, action: 'create-identity' }, async (work) => {
      const { run } = work;
      const organizationId = caller.organization.id;
      const made = await this.store.insert(run, { organizationId, name, role, hasDeleteProtection });
      if (made === undefined) throw new OtherOrganizationError();
      const { identity } = made;
      work.changed(targetOf(identity));
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
    return { ...DeletedIdentityDto.of(identity), ...(await this.belongings(identity.id)) };
  }

  private async change(
    work: OwnUnitOfWork,
    caller: VerifiedAccessToken,
    identityId: string,
    dto: UpdateIdentityDto,
  ): Promise<Identity> {
    const { tx, run } = work;
    const { identity, membership } = await this.managed.getForChange(tx, caller, identityId, UPDATE_IDENTITY);
    work.changed(targetOf(identity));
    if (dto.role !== undefined && dto.role !== membership.role) {
      const role = requireRole(dto.role);
      this.requireGrant(caller, role, UPDATE_IDENTITY, membership.role);
      await this.store.setRole(run, membership.id, role);
    }
    if (dto.metadata !== undefined) await this.store.replaceLabels(run, identity.id, dto.metadata);
    const { name = identity.name, hasDeleteProtection = identity.hasDeleteProtection } = dto;
    if (name === identity.name && hasDeleteProtection === identity.hasDeleteProtection) return identity;
    const updatedAt = await this.store.update(run, identity.id, { name, hasDeleteProtection });
    return Object.assign(identity, { name, hasDeleteProtection, updatedAt });
  }

  /** @throws IdentityNotFoundError, InstanceAdminRequiredError, PermissionBoundaryError, DeleteProtectionError, LastAdministratorError */
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
    work.changed(targetOf(identity));
    if (identity.hasDeleteProtection) throw new DeleteProtectionError();
    await extendStatementTimeout(tx);
    await this.store.delete(run, identity.id, identity.organizationId);
    return DeletedIdentityDto.of(identity);
  }

  /** @throws IdentityNotFoundError */
  async get(caller: VerifiedAccessToken, identityId: string): Promise<DetailedMembershipDto> {
    const { identity, membership } = await this.managed.get(this.dataSource.manager, caller, identityId);
    const { authMethods, metadata } = await this.belongings(identity.id);
    const described = MembershipDto.of(membership, identity, authMethods);
    const activeLockoutAuthMethods = await this.directory.lockedMethodsOf(identity.id, this.clock.now());
    return { ...described, identity: { ...described.identity, activeLockoutAuthMethods }, metadata };
  }

  /**
   * To give or take a role, a caller needs the right to grant it and all its permissions. `no-access` has no permission of
   * Latchkey.
   */
  private requireGrant(
    caller: VerifiedAccessToken,
    role: Role,
    { what }: Attempt,
    formerRole: string = 'no-access',
  ): void {
    if (role === 'no-access' && formerRole === 'no-access') return;
    const attempt: Attempt = { what, permission: 'identity:grant-privileges' };
    this.permissions.requirePrivileges(caller, { role, isInstanceAdmin: false }, attempt);
  }

  private async belongings(identityId: string): Promise<{ authMethods: string[]; metadata: MetadataDto[] }> {
    const methods = await this.directory.authMethodsOf([identityId]);
    const rows = await this.dataSource.manager.find(IdentityMetadata, {
      where: { identityId },
      order: { position: 'ASC' },
    });
    return { authMethods: methods.get(identityId) ?? [], metadata: rows.map(MetadataDto.of) };
  }
}

/** @throws OtherOrganizationError for every id except the caller's own, whether it exists or not. */
export function requireOwn(caller: VerifiedAccessToken, organizationId: string): void {
  if (organizationId.toLowerCase() !== caller.organization.id) throw new OtherOrganizationError();
}

function targetOf({ id, organizationId }: Identity): ChangeTarget {
  return { type: 'identity', id, identityId: id, organizationId };
}

/** One that is not there may have been deleted a moment ago. @throws NothingLeft */
function nothingLeft(error: unknown): never {
  throw error instanceof IdentityNotFoundError ? new NothingLeft(error) : error;
}

function requireRole(slug: string): Role {
  if (!isRole(slug)) throw new UnknownRoleError();
  return slug;
}
