import { Body, Delete, Get, Param, Patch, Post } from '@nestjs/common';
import { CurrentActor } from '../access-tokens/guarding/actor.decorator';
import { Caller } from '../access-tokens/guarding/caller.decorator';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import type { Actor } from '../changes/change';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { Authorized } from '../permissions/authorized.decorator';
import { CreateRoleDto, UpdateRoleDto } from './dto/role-input.dtos';
import { RoleAnswerDto, RoleListDto } from './dto/role.dtos';
import { ROLE_DOCS } from './role-docs';
import { RoleReadsService } from './role-reads.service';
import { RoleNotFoundError } from './roles.errors';
import { RolesService } from './roles.service';

@LatchkeyController('api/v1/organization/roles', 'Roles')
export class RolesController {
  constructor(
    private readonly roles: RolesService,
    private readonly reads: RoleReadsService,
  ) {}

  @Post()
  @Authorized('role:create', ROLE_DOCS.create)
  async create(@CurrentActor() actor: Actor, @Body() dto: CreateRoleDto): Promise<RoleAnswerDto> {
    return { role: await this.roles.create(actor, dto) };
  }

  @Get()
  @Authorized('role:read', ROLE_DOCS.list)
  async list(@Caller() caller: VerifiedAccessToken): Promise<RoleListDto> {
    const roles = await this.reads.list(caller);
    return { roles, data: { roles } };
  }

  @Get('slug/:slug')
  @Authorized('role:read', {
    event: 'get-org-role',
    summary: 'Get a role by its slug',
    answer: RoleAnswerDto,
    refusals: [new RoleNotFoundError('token-minter')],
  })
  async getBySlug(@Caller() caller: VerifiedAccessToken, @Param('slug') slug: string): Promise<RoleAnswerDto> {
    return { role: await this.reads.getBySlug(caller, slug) };
  }

  @Get(':roleId')
  @Authorized('role:read', ROLE_DOCS.get)
  async get(@Caller() caller: VerifiedAccessToken, @Param('roleId') id: string): Promise<RoleAnswerDto> {
    return { role: await this.reads.get(caller, id) };
  }

  @Patch(':roleId')
  @Authorized('role:edit', ROLE_DOCS.update)
  async update(
    @CurrentActor() actor: Actor,
    @Param('roleId') id: string,
    @Body() dto: UpdateRoleDto,
  ): Promise<RoleAnswerDto> {
    return { role: await this.roles.update(actor, id, dto) };
  }

  @Delete(':roleId')
  @Authorized('role:delete', ROLE_DOCS.delete)
  async delete(@CurrentActor() actor: Actor, @Param('roleId') id: string): Promise<RoleAnswerDto> {
    return { role: await this.roles.delete(actor, id) };
  }
}
