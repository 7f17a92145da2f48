import { Injectable } from '@nestjs/common';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import type { Actor } from '../changes/change';
import { ChangesService } from '../changes/changes.service';
import { roleTarget } from '../changes/targets';
import { NothingLeft, type OwnUnitOfWork } from '../changes/unit-of-work';
import { isId } from '../common/ids';
import type { CustomRole } from '../database/entities/custom-role.entity';
import type { SqlRunner } from '../database/sql-runner';
import { PermissionsService, requireInstanceAdmin } from '../permissions/permissions.service';
import { rulesFrom } from '../permissions/rules/rule-input';
import { storedRules } from '../permissions/rules/stored-rules';
import { builtInWithId } from './built-in-roles';
import type { CreateRoleDto, UpdateRoleDto } from './dto/role-input.dtos';
import { OrganizationRoleDto } from './dto/role.dtos';
import { MOST_ROLES, type RoleProperties, type Refused, RoleStore } from './role.store';
import {
  BuiltInRoleError,
  RoleInUseError,
  RoleNotFoundError,
  RoleSlugTakenError,
  TooManyRolesError,
} from './roles.errors';

export const CREATE_ROLE = { what: 'create role' };
export const UPDATE_ROLE = { what: 'update role' };

/** How many of the identities that have a role its refusal names. */
const NAMED_HOLDERS = 10;

/** Changes the roles of an organization. */
@Injectable()
export class RolesService {
  constructor(
    private readonly store: RoleStore,
    private readonly changes: ChangesService,
    private readonly permissions: PermissionsService,
  ) {}

  /** @throws ValidationFailureError, PermissionBoundaryError, RoleSlugTakenError, TooManyRolesError */
  create(actor: Actor, { slug, name, description = null, permissions }: CreateRoleDto): Promise<OrganizationRoleDto> {
    const rules = rulesFrom(permissions, this.permissions.subjects);
    this.permissions.requireCovered(actor.caller, rules, CREATE_ROLE.what);
    return this.changes.add({ actor, action: 'create-org-role' }, async (work) => {
      const organizationId = actor.caller.organization.id;
      const made = written(await this.store.insert(work.run, organizationId, { slug, name, description, rules }));
      work.changed(roleTarget(made));
      return OrganizationRoleDto.of(made);
    });
  }

  /**
   * Changes a role and, with it, the rights of everyone who has it. The caller covers it before and after. So nothing is left to
   * call a widening: an order of rules, or a prohibition that is gone.
   *
   * @throws ValidationFailureError, RoleNotFoundError, BuiltInRoleError, PermissionBoundaryError, InstanceAdminRequiredError,
   * RoleSlugTakenError
   */
  update(actor: Actor, roleId: string, dto: UpdateRoleDto): Promise<OrganizationRoleDto> {
    const sent = dto.permissions && rulesFrom(dto.permissions, this.permissions.subjects);
    return this.changes.takeAway({ actor, action: 'update-org-role' }, async (work) => {
      const held = await this.hold(work, actor.caller, roleId);
      const rules = sent ?? storedRules(held.permissions);
      this.permissions.requireCovered(actor.caller, rules, UPDATE_ROLE.what);
      const { slug = held.slug, name = held.name, description = held.description } = dto;
      const changed = await this.write(work.run, held, { slug, name, description, rules }, dto);
      // An empty body changes nothing, and is no event.
      if (changed === held) work.unchanged();
      else work.changed(roleTarget(changed));
      return OrganizationRoleDto.of(changed);
    });
  }

  /** @throws RoleNotFoundError, BuiltInRoleError, RoleInUseError */
  delete(actor: Actor, roleId: string): Promise<OrganizationRoleDto> {
    return this.changes.takeAway({ actor, action: 'delete-org-role' }, async (work) => {
      const { run } = work;
      const held = await this.find(run, actor.caller, roleId).catch(nothingLeft);
      work.changed(roleTarget(held));
      const { first, count } = await this.store.holders(run, held.id, NAMED_HOLDERS);
      if (count > 0) throw new RoleInUseError(first, count);
      await this.store.delete(run, held.id);
      return OrganizationRoleDto.of(held);
    });
  }

  private async write(run: SqlRunner, held: CustomRole, role: RoleProperties, dto: UpdateRoleDto): Promise<CustomRole> {
    const isEmpty = Object.values(dto).every((value) => value === undefined);
    return isEmpty ? held : written(await this.store.update(run, held.id, role));
  }

  private async hold({ run }: OwnUnitOfWork, caller: VerifiedAccessToken, roleId: string): Promise<CustomRole> {
    const held = await this.find(run, caller, roleId);
    this.permissions.requireCovered(caller, storedRules(held.permissions), UPDATE_ROLE.what);
    requireInstanceAdmin(caller, { isInstanceAdmin: await this.store.hasInstanceAdmin(run, held.id) });
    return held;
  }

  private async find(run: SqlRunner, { organization }: VerifiedAccessToken, roleId: string): Promise<CustomRole> {
    if (builtInWithId(roleId) !== undefined) throw new BuiltInRoleError();
    const held = isId(roleId) ? await this.store.hold(run, roleId, organization.id) : undefined;
    if (held === undefined) throw new RoleNotFoundError(roleId);
    return held;
  }
}

/** @throws RoleSlugTakenError, TooManyRolesError */
function written(outcome: CustomRole | Refused): CustomRole {
  if (outcome === 'slug_taken') throw new RoleSlugTakenError();
  if (outcome === 'too_many') throw new TooManyRolesError(MOST_ROLES);
  return outcome;
}

/** One that is not there may have been deleted a moment ago. @throws NothingLeft */
function nothingLeft(error: unknown): never {
  throw error instanceof RoleNotFoundError ? new NothingLeft(error) : error;
}
