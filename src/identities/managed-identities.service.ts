import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { inSchemaOf } from '../database/schema';
import { sqlIn } from '../database/sql-runner';
import { isId } from '../common/ids';
import { UnreadableValueError } from '../common/errors/unreadable-value.error';
import { ProjectBoundaryService } from '../permissions/projects/project-boundary.service';
import { type Attempt, PermissionsService, type Privileges } from '../permissions/permissions.service';
import { CUSTOM_ROLE } from '../permissions/roles';
import { RuleSet } from '../permissions/rules/rule-set';
import { storedRules } from '../permissions/rules/stored-rules';
import { IdentityNotFoundError } from './identities.errors';
import { CustomRole } from '../database/entities/custom-role.entity';
import type { Identity } from '../database/entities/identity.entity';
import { OrganizationMembership } from '../database/entities/organization-membership.entity';

export interface ManagedIdentity {
  readonly identity: Identity;
  readonly membership: OrganizationMembership;
}

interface FoundIdentity extends ManagedIdentity {
  /** Whether it is in a project. */
  readonly isInProject: boolean;
}

/** A statement that has waited for a lock has the row as it is now, joined with the role that it had before. */
async function rejoin(tx: EntityManager, membership: OrganizationMembership): Promise<void> {
  const { customRoleId: id, customRole } = membership;
  if (id !== null && customRole?.id !== id) membership.customRole = await tx.findOneBy(CustomRole, { id });
}

/** The rights of an identity. A role that cannot be read is not taken for one without rules. @throws UnreadableValueError */
export function privilegesOf({ identity: { isInstanceAdmin }, membership }: ManagedIdentity): Privileges {
  if (membership.role !== CUSTOM_ROLE) return { role: membership.role, isInstanceAdmin };
  const { customRole } = membership;
  if (!customRole) throw new UnreadableValueError('the role of an identity');
  return { role: customRole.slug, rules: new RuleSet(storedRules(customRole.permissions)), isInstanceAdmin };
}

/** Identities as a caller manages them: found only in the caller's organization, changed only by callers that cover them. */
@Injectable()
export class ManagedIdentitiesService {
  constructor(
    private readonly permissions: PermissionsService,
    private readonly projects: ProjectBoundaryService,
  ) {}

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
    return this.covered(tx, caller, await this.load(tx, caller, identityId, true), attempt);
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
    return this.covered(tx, caller, await this.load(tx, caller, identityId, false), attempt);
  }

  private async covered(
    tx: EntityManager,
    caller: VerifiedAccessToken,
    managed: FoundIdentity,
    attempt: Attempt,
  ): Promise<ManagedIdentity> {
    this.permissions.requirePrivileges(caller, privilegesOf(managed), attempt);
    const { identity, isInProject } = managed;
    if (isInProject && !isExempt(caller, identity, attempt)) {
      await this.projects.requireCovered(sqlIn(tx), caller, identity.id, attempt.what);
    }
    return managed;
  }

  private async load(
    tx: EntityManager,
    caller: VerifiedAccessToken,
    identityId: string,
    isLocking: boolean,
  ): Promise<FoundIdentity> {
    if (!isId(identityId)) throw new IdentityNotFoundError(identityId);
    const query = tx
      .createQueryBuilder(OrganizationMembership, 'm')
      .innerJoinAndSelect('m.identity', 'i', 'i.organizationId = m.organizationId')
      .leftJoinAndSelect('m.customRole', 'r', 'r.organizationId = m.organizationId')
      .where('m.organizationId = :organizationId', { organizationId: caller.organization.id })
      .andWhere('m.identityId = :identityId', { identityId })
      .addSelect(inSchemaOf(tx, IS_IN_PROJECT), 'is_in_project');
    // The membership first: it is what changes of an identity wait for. The identity too, or else whoever has waited would see
    // it as it was before.
    if (isLocking) query.setLock('for_no_key_update', undefined, ['m', 'i']);
    const { entities, raw } = await query.getRawAndEntities<{ is_in_project: boolean }>();
    const [membership] = entities;
    if (!membership?.identity) throw new IdentityNotFoundError(identityId);
    if (isLocking) await rejoin(tx, membership);
    return { identity: membership.identity, membership, isInProject: raw[0]!.is_in_project };
  }
}

const IS_IN_PROJECT = 'EXISTS (SELECT FROM latchkey.projects_of(i.id))';

/**
 * Whether rights in projects do not matter: where tokens are revoked, and where an identity acts on its own credentials. Its own
 * name and labels may feed its rules.
 */
function isExempt(caller: VerifiedAccessToken, { id }: Identity, { isRevocation, permission }: Attempt): boolean {
  if (isRevocation) return true;
  return id === caller.identityId && caller.permissions === null && permission !== 'identity:edit';
}
