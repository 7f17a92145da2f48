import { ApiProperty } from '@nestjs/swagger';
import { EXAMPLE } from '../../common/dto/examples';
import {
  ResponseId,
  ResponseList,
  ResponseObject,
  ResponseText,
  ResponseTextOrNull,
  ResponseTime,
} from '../../common/dto/response-fields';
import type { CustomRole } from '../../database/entities/custom-role.entity';
import type { Role } from '../../permissions/roles';
import type { PackedRule, Rule } from '../../permissions/rules/rule';
import { storedRules } from '../../permissions/rules/stored-rules';
import { BUILT_IN } from '../built-in-roles';

export class RoleRuleDto {
  @ResponseText('The subject of the rule.', 'identity')
  subject!: string;

  @ApiProperty({
    description: 'The actions that the rule is about.',
    type: [String],
    example: ['read', 'create-token'],
  })
  action!: readonly string[];

  @ApiProperty({
    description: 'Present if the rule is limited to objects whose fields compare.',
    type: Object,
    additionalProperties: true,
    required: false,
  })
  conditions?: object;

  @ApiProperty({ description: 'Present and true if the rule prohibits.', type: Boolean, required: false })
  inverted?: boolean;
}

/** A role as lists show it. */
export class ListedRoleDto {
  @ResponseId('The id of the role.', EXAMPLE.roleId)
  id!: string;

  @ResponseText('The name by which identities are given the role.', 'token-minter')
  slug!: string;

  @ResponseText('The name of the role.', 'Token minter')
  name!: string;

  @ResponseTextOrNull('The purpose of the role.', 'Creates tokens for identities that hold nothing more.')
  description!: string | null;

  @ResponseId('The organization of the role.', EXAMPLE.organizationId)
  orgId!: string;

  @ResponseTime('When the role was created. A built-in role has always been there.')
  createdAt!: Date;

  @ResponseTime('When the role was last changed.')
  updatedAt!: Date;

  static of({ id, slug, name, description, organizationId, createdAt, updatedAt }: CustomRole): ListedRoleDto {
    return { id, slug, name, description, orgId: organizationId, createdAt, updatedAt };
  }

  static builtIn(slug: Role, orgId: string): ListedRoleDto {
    const { id, name, description } = BUILT_IN[slug];
    return { id, slug, name, description, orgId, createdAt: ALWAYS, updatedAt: ALWAYS };
  }
}

const ALWAYS = new Date(0);
const BEGINNING = ALWAYS.toISOString();

export class OrganizationRoleDto extends ListedRoleDto {
  @ResponseList(() => RoleRuleDto, 'The rules, in order: the last one that matches decides.')
  permissions!: readonly RoleRuleDto[];

  static override of(role: CustomRole): OrganizationRoleDto {
    return { ...ListedRoleDto.of(role), permissions: storedRules(role.permissions) };
  }

  static withRules(role: ListedRoleDto, permissions: readonly Rule[]): OrganizationRoleDto {
    return { ...role, permissions };
  }
}

export class RoleAnswerDto {
  @ResponseObject(() => OrganizationRoleDto, 'The role.')
  role!: OrganizationRoleDto;
}

export class RolesDto {
  @ResponseList(() => ListedRoleDto, 'The built-in roles, then those of the organization by slug.', [
    { ...ListedRoleDto.builtIn('admin', EXAMPLE.organizationId), createdAt: BEGINNING, updatedAt: BEGINNING },
  ])
  roles!: ListedRoleDto[];
}

export class LegacyRoleListDto {
  @ResponseObject(() => RolesDto, 'The roles.')
  data!: RolesDto;
}

export class RoleListDto extends RolesDto {
  @ResponseObject(() => RolesDto, 'The same roles, where older clients look for them.')
  data!: RolesDto;
}

/** A role that the organization has made, as a membership shows it. */
export class MembershipRoleDto {
  @ResponseId('The id of the role.', EXAMPLE.roleId)
  id!: string;

  @ResponseText('The name of the role.', 'Token minter')
  name!: string;

  @ResponseText('The name by which identities are given the role.', 'token-minter')
  slug!: string;

  @ResponseTextOrNull('The purpose of the role.', 'Creates tokens for identities that hold nothing more.')
  description!: string | null;

  @ResponseList(() => RoleRuleDto, 'The rules, in order: the last one that matches decides.')
  permissions!: readonly RoleRuleDto[];

  static of({ id, name, slug, description, permissions }: CustomRole): MembershipRoleDto {
    return { id, name, slug, description, permissions: storedRules(permissions) };
  }
}

export class OwnRoleDto {
  @ResponseText('The slug of a built-in role; `custom` for a role that the organization has made.', 'admin')
  role!: string;
}

export class OwnMembershipDto {
  @ResponseId('The id of the membership.', EXAMPLE.membershipId)
  id!: string;

  @ResponseList(() => OwnRoleDto, 'The roles of the caller.')
  roles!: OwnRoleDto[];
}

export class OwnPermissionsDto {
  @ResponseList(() => OwnMembershipDto, 'The membership of the caller.')
  memberships!: OwnMembershipDto[];

  @ApiProperty({
    description:
      'The rules of the caller, packed: actions joined by commas, subject, conditions or 0, 1 for a prohibition. Zeros at the end are left out.',
    type: 'array',
    items: { type: 'array', items: {} },
    example: [['read,create', 'organization']],
  })
  permissions!: PackedRule[];
}
