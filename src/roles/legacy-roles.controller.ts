import { Body, Delete, Get, Param, Patch, Post } from '@nestjs/common';
import { CurrentActor } from '../access-tokens/guarding/actor.decorator';
import { Caller } from '../access-tokens/guarding/caller.decorator';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import type { Actor } from '../changes/change';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { OtherOrganizationError } from '../identities/identities.errors';
import { requireOwn } from '../identities/identities.service';
import { Authorized } from '../permissions/authorized.decorator';
import { CreateRoleDto, UpdateRoleDto } from './dto/role-input.dtos';
import { LegacyRoleListDto, OwnPermissionsDto, RoleAnswerDto } from './dto/role.dtos';
import { legacy, ROLE_DOCS } from './role-docs';
import { RoleReadsService } from './role-reads.service';
import { RolesService } from './roles.service';

const OTHER = [new OtherOrganizationError()];

/** The paths that older clients call, with the organization in them. */
@LatchkeyController('api/v1/organization/:orgId', 'Roles')
export class LegacyRolesController {
  constructor(
    private readonly roles: RolesService,
    private readonly reads: RoleReadsService,
  ) {}

  @Post('roles')
  @Authorized('role:create', legacy(ROLE_DOCS.create, OTHER))
  async create(
    @CurrentActor() actor: Actor,
    @Param('orgId') orgId: string,
    @Body() dto: CreateRoleDto,
  ): Promise<RoleAnswerDto> {
    requireOwn(actor.caller, orgId);
    return { role: await this.roles.create(actor, dto) };
  }

  @Get('roles')
  @Authorized('role:read', legacy(ROLE_DOCS.list, OTHER))
  async list(@Caller() caller: VerifiedAccessToken, @Param('orgId') orgId: string): Promise<LegacyRoleListDto> {
    requireOwn(caller, orgId);
    return { data: { roles: await this.reads.list(caller) } };
  }

  @Get('roles/:roleId')
  @Authorized('role:read', legacy(ROLE_DOCS.get, OTHER))
  async get(
    @Caller() caller: VerifiedAccessToken,
    @Param('orgId') orgId: string,
    @Param('roleId') id: string,
  ): Promise<RoleAnswerDto> {
    requireOwn(caller, orgId);
    return { role: await this.reads.get(caller, id) };
  }

  @Patch('roles/:roleId')
  @Authorized('role:edit', legacy(ROLE_DOCS.update, OTHER))
  async update(
    @CurrentActor() actor: Actor,
    @Param('orgId') orgId: string,
    @Param('roleId') id: string,
    @Body() dto: UpdateRoleDto,
  ): Promise<RoleAnswerDto> {
    requireOwn(actor.caller, orgId);
    return { role: await this.roles.update(actor, id, dto) };
  }

  @Delete('roles/:roleId')
  @Authorized('role:delete', legacy(ROLE_DOCS.delete, OTHER))
  async delete(
    @CurrentActor() actor: Actor,
    @Param('orgId') orgId: string,
    @Param('roleId') id: string,
  ): Promise<RoleAnswerDto> {
    requireOwn(actor.caller, orgId);
    return { role: await this.roles.delete(actor, id) };
  }

  @Get('permissions')
  @Authorized('any', {
    event: null,
    summary: 'Get your own permissions',
    description: 'The rules that the token of this request has now.',
    answer: OwnPermissionsDto,
    refusals: OTHER,
  })
  async own(@Caller() caller: VerifiedAccessToken, @Param('orgId') orgId: string): Promise<OwnPermissionsDto> {
    requireOwn(caller, orgId);
    return this.reads.own(caller);
  }
}
