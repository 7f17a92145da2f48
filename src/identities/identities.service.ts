import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { Clock } from '../common/clock/clock';
import { takingAway } from '../common/async/errand';
import { extendStatementTimeout } from '../database/statement-timeout';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { ChangeReceiptsService } from '../change-feed/change-receipts.service';
import { LastAdministratorService } from '../permissions/last-administrator.service';
import { type Attempt, PermissionsService } from '../permissions/permissions.service';
import { isRole, type Role } from '../permissions/roles';
import { type CreateIdentityDto, type MetadataInputDto, type UpdateIdentityDto } from './dto/identity-input.dtos';
import {
  DeletedIdentityDto,
  DetailedMembershipDto,
  IdentityDto,
  MembershipDto,
  MetadataDto,
} from './dto/identity.dtos';
import { DeleteProtectionError, OtherOrganizationError, UnknownRoleError } from './identities.errors';
import { requireDistinctKeys } from './distinct-keys';
import { IdentityDirectoryService } from './identity-directory.service';
import { IdentityMetadata } from '../database/entities/identity-metadata.entity';
import { Identity } from '../database/entities/identity.entity';
import { ManagedIdentitiesService } from './managed-identities.service';
import { OrganizationMembership } from '../database/entities/organization-membership.entity';

/** What a new identity is made of. */
export interface NewIdentity {
  readonly organizationId: string;
  readonly name: string;
  readonly role: Role;
  readonly hasDeleteProtection?: boolean;
  readonly isInstanceAdmin?: boolean;
}

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
    private readonly receipts: ChangeReceiptsService,
    private readonly lastAdministrator: LastAdministratorService,
    private readonly clock: Clock,
    private readonly permissions: PermissionsService,
  ) {}

  /** @throws OtherOrganizationError, UnknownRoleError, PermissionBoundaryError */
  async create(caller: VerifiedAccessToken, dto: CreateIdentityDto): Promise<IdentityDto> {
    requireDistinctKeys(dto.metadata);
    requireOwn(caller, dto.organizationId);
    const role = requireRole(dto.role ?? 'no-access');
    this.requireGrant(caller, role, CREATE_IDENTITY);
    const { name, hasDeleteProtection } = dto;
    return this.dataSource.transaction(async (tx) => {
      const organizationId = caller.organization.id;
      const { identity } = await this.insert(tx, { organizationId, name, role, hasDeleteProtection });
      const metadata = await this.replaceMetadata(tx, identity.id, dto.metadata ?? []);
      return { ...DeletedIdentityDto.of(identity), authMethods: [], metadata: metadata.map(MetadataDto.of) };
    });
  }

  /** @throws IdentityNotFoundError, UnknownRoleError, InstanceAdminRequiredError, PermissionBoundaryError, LastAdministratorError */
  async update(caller: VerifiedAccessToken, identityId: string, dto: UpdateIdentityDto): Promise<IdentityDto> {
    requireDistinctKeys(dto.metadata);
    // A role may be a lesser one. Labels, too, decide what a caller may do where a host asks for them.
    const mayTakeAway = dto.role !== undefined || dto.metadata !== undefined;
    return mayTakeAway ? takingAway(() => this.change(caller, identityId, dto)) : this.change(caller, identityId, dto);
  }

  private async change(caller: VerifiedAccessToken, identityId: string, dto: UpdateIdentityDto): Promise<IdentityDto> {
    const change = async (tx: EntityManager) => {
      const target = await this.managed.getForChange(tx, caller, identityId, UPDATE_IDENTITY);
      if (dto.role !== undefined && dto.role !== target.membership.role) {
        const role = requireRole(dto.role);
        this.requireGrant(caller, role, UPDATE_IDENTITY, target.membership.role);
        await tx.save(Object.assign(target.membership, { role }));
      }
      if (dto.metadata !== undefined) await this.replaceMetadata(tx, identityId, dto.metadata);
      const { name = target.identity.name, hasDeleteProtection = target.identity.hasDeleteProtection } = dto;
      return tx.save(Object.assign(target.identity, { name, hasDeleteProtection }));
    };
    const target = { identityId, organizationId: caller.organization.id };
    const identity = await this.dataSource.transaction((tx) =>
      dto.role === undefined ? change(tx) : this.lastAdministrator.keep(tx, target, () => change(tx)),
    );
    await this.receipts.applyLocally();
    return { ...DeletedIdentityDto.of(identity), ...(await this.belongings(identity.id)) };
  }

  /** @throws IdentityNotFoundError, InstanceAdminRequiredError, PermissionBoundaryError, DeleteProtectionError, LastAdministratorError */
  async delete(caller: VerifiedAccessToken, identityId: string): Promise<DeletedIdentityDto> {
    const target = { identityId, organizationId: caller.organization.id };
    const remove = (tx: EntityManager) =>
      this.lastAdministrator.keep(tx, target, async () => {
        const { identity } = await this.managed.getForChange(tx, caller, identityId, DELETE_IDENTITY);
        if (identity.hasDeleteProtection) throw new DeleteProtectionError();
        await extendStatementTimeout(tx);
        await tx.delete(Identity, { id: identity.id });
        return DeletedIdentityDto.of(identity);
      });
    const deleted = await takingAway(() => this.dataSource.transaction(remove));
    await this.receipts.applyLocally();
    return deleted;
  }

  /** @throws IdentityNotFoundError */
  async get(caller: VerifiedAccessToken, identityId: string): Promise<DetailedMembershipDto> {
    const { identity, membership } = await this.managed.get(this.dataSource.manager, caller, identityId);
    const { authMethods, metadata } = await this.belongings(identity.id);
    const described = MembershipDto.of(membership, identity, authMethods);
    const activeLockoutAuthMethods = await this.directory.lockedMethodsOf(identity.id, this.clock.now());
    return { ...described, identity: { ...described.identity, activeLockoutAuthMethods }, metadata };
  }

  /** An identity and its membership. Rights are the caller's to check. */
  async insert(
    tx: EntityManager,
    { role, ...rest }: NewIdentity,
  ): Promise<{ identity: Identity; membership: OrganizationMembership }> {
    const identity = await tx.save(tx.create(Identity, rest));
    const { organizationId } = rest;
    const membership = await tx.save(
      tx.create(OrganizationMembership, {
        organizationId,
        identityId: identity.id,
        role,
        lastLoginAuthMethod: null,
        lastLoginAt: null,
      }),
    );
    return { identity, membership };
  }

  /** Giving a role, or taking one, needs the right to grant it and everything in it. `no-access` gives nothing of ours. */
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

  private async replaceMetadata(tx: EntityManager, identityId: string, metadata: MetadataInputDto[]) {
    await tx.delete(IdentityMetadata, { identityId });
    return tx.save(
      metadata.map(({ key, value }, position) => tx.create(IdentityMetadata, { identityId, key, value, position })),
    );
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

/** @throws OtherOrganizationError for every id but the caller's own, whether it exists or not. */
export function requireOwn(caller: VerifiedAccessToken, organizationId: string): void {
  if (organizationId.toLowerCase() !== caller.organization.id) throw new OtherOrganizationError();
}

function requireRole(slug: string): Role {
  if (!isRole(slug)) throw new UnknownRoleError();
  return slug;
}
