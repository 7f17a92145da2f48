import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { UnreadableValueError } from '../common/errors/unreadable-value.error';
import { isId } from '../common/ids';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { CustomRole } from '../database/entities/custom-role.entity';
import { OrganizationMembership } from '../database/entities/organization-membership.entity';
import { ListReads } from '../database/list-reads';
import { PermissionsService } from '../permissions/permissions.service';
import { isRole, type Role, ROLES } from '../permissions/roles';
import { packed } from '../permissions/rules/rule';
import { builtInWithId } from './built-in-roles';
import { ListedRoleDto, OrganizationRoleDto, type OwnPermissionsDto } from './dto/role.dtos';
import { MOST_ROLES } from './role.store';
import { RoleNotFoundError } from './roles.errors';

const OF_ORGANIZATION = { scope: 'organization' };

/** Reads roles, always those of the caller's organization. */
@Injectable()
export class RoleReadsService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly reads: ListReads,
    private readonly permissions: PermissionsService,
  ) {}

  /** The built-in roles, then those of the organization by slug. */
  async list({ organization: { id: organizationId } }: VerifiedAccessToken): Promise<ListedRoleDto[]> {
    const made = await this.reads.read(organizationId, (tx) =>
      tx.find(CustomRole, {
        select: LISTED,
        where: { organizationId, ...OF_ORGANIZATION },
        order: { slug: 'ASC' },
        take: MOST_ROLES,
      }),
    );
    return [...ROLES.map((slug) => ListedRoleDto.builtIn(slug, organizationId)), ...made.map(ListedRoleDto.of)];
  }

  /** @throws RoleNotFoundError */
  async get(caller: VerifiedAccessToken, id: string): Promise<OrganizationRoleDto> {
    const builtIn = builtInWithId(id);
    if (builtIn !== undefined) return this.builtIn(builtIn, caller);
    if (!isId(id)) throw new RoleNotFoundError(id);
    return this.found(caller, { id }, id);
  }

  /** @throws RoleNotFoundError */
  async getBySlug(caller: VerifiedAccessToken, slug: string): Promise<OrganizationRoleDto> {
    if (isRole(slug)) return this.builtIn(slug, caller);
    if (!/^[a-z0-9-]{1,64}$/.test(slug)) throw new RoleNotFoundError(slug);
    return this.found(caller, { slug }, slug);
  }

  /** The rules of the caller, and the membership that they come from. */
  async own(caller: VerifiedAccessToken): Promise<OwnPermissionsDto> {
    const where = { identityId: caller.identityId, organizationId: caller.organization.id };
    const membership = await this.dataSource.manager.findOne(OrganizationMembership, { where });
    if (membership === null) throw new UnreadableValueError('the membership of a caller');
    const memberships = [{ id: membership.id, roles: [{ role: membership.role }] }];
    return { memberships, permissions: packed(this.permissions.rulesOf(caller)) };
  }

  private async found(
    { organization }: VerifiedAccessToken,
    where: { id: string } | { slug: string },
    name: string,
  ): Promise<OrganizationRoleDto> {
    const all = { ...where, organizationId: organization.id, ...OF_ORGANIZATION };
    const role = await this.dataSource.manager.findOne(CustomRole, { where: all });
    if (role === null) throw new RoleNotFoundError(name);
    return OrganizationRoleDto.of(role);
  }

  private builtIn(role: Role, { organization }: VerifiedAccessToken): OrganizationRoleDto {
    const rules = this.permissions.rulesOf({ role, isInstanceAdmin: false });
    return OrganizationRoleDto.withRules(ListedRoleDto.builtIn(role, organization.id), rules);
  }
}

/** Without the rules, which may be long. */
const LISTED = {
  id: true,
  organizationId: true,
  slug: true,
  name: true,
  description: true,
  createdAt: true,
  updatedAt: true,
} as const;
