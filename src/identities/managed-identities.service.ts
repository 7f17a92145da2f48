import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { isId } from '../common/ids';
import { type Attempt, PermissionsService } from '../permissions/permissions.service';
import { IdentityNotFoundError } from './identities.errors';
import type { Identity } from '../database/entities/identity.entity';
import { OrganizationMembership } from '../database/entities/organization-membership.entity';

export interface ManagedIdentity {
  readonly identity: Identity;
  readonly membership: OrganizationMembership;
}

/** Identities as a caller manages them: found only in the caller's organization, changed only by callers that cover them. */
@Injectable()
export class ManagedIdentitiesService {
  constructor(private readonly permissions: PermissionsService) {}

  /** @throws IdentityNotFoundError */
  async get(tx: EntityManager, caller: VerifiedAccessToken, identityId: string): Promise<ManagedIdentity> {
    return this.load(tx, caller, identityId, false);
  }

  /**
   * The identity, for a change of it or of its credentials. Its membership stays locked until the transaction ends: changes of
   * one identity happen one after another, and each sees the present role.
   *
   * @throws IdentityNotFoundError, InstanceAdminRequiredError, PermissionBoundaryError
   */
  async getForChange(
    tx: EntityManager,
    caller: VerifiedAccessToken,
    identityId: string,
    attempt: Attempt,
  ): Promise<ManagedIdentity> {
    return this.covered(caller, await this.load(tx, caller, identityId, true), attempt);
  }

  /**
   * The identity, for reading data that only a caller that covers it may see. Nothing is locked.
   *
   * @throws IdentityNotFoundError, InstanceAdminRequiredError, PermissionBoundaryError
   */
  async getManageable(
    tx: EntityManager,
    caller: VerifiedAccessToken,
    identityId: string,
    attempt: Attempt,
  ): Promise<ManagedIdentity> {
    return this.covered(caller, await this.load(tx, caller, identityId, false), attempt);
  }

  private covered(caller: VerifiedAccessToken, managed: ManagedIdentity, attempt: Attempt): ManagedIdentity {
    const target = { role: managed.membership.role, isInstanceAdmin: managed.identity.isInstanceAdmin };
    this.permissions.requirePrivileges(caller, target, attempt);
    return managed;
  }

  private async load(
    tx: EntityManager,
    caller: VerifiedAccessToken,
    identityId: string,
    isLocking: boolean,
  ): Promise<ManagedIdentity> {
    if (!isId(identityId)) throw new IdentityNotFoundError(identityId);
    const query = tx
      .createQueryBuilder(OrganizationMembership, 'm')
      .innerJoinAndSelect('m.identity', 'i', 'i.organizationId = m.organizationId')
      .where('m.organizationId = :organizationId', { organizationId: caller.organization.id })
      .andWhere('m.identityId = :identityId', { identityId });
    // The membership first: it is what changes of an identity wait for. The identity too, or else whoever has waited would see
    // it as it was before.
    if (isLocking) query.setLock('for_no_key_update', undefined, ['m', 'i']);
    const membership = await query.getOne();
    if (!membership?.identity) throw new IdentityNotFoundError(identityId);
    return { identity: membership.identity, membership };
  }
}
