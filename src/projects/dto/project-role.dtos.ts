import { createHash } from 'node:crypto';
import { Description, ListOf, Name } from '../../common/dto/request-fields';
import { EXAMPLE } from '../../common/dto/examples';
import {
  ResponseId,
  ResponseList,
  ResponseObject,
  ResponseText,
  ResponseTextOrNull,
  ResponseTime,
} from '../../common/dto/response-fields';
import { ApiProperty } from '@nestjs/swagger';
import { uuidFromDigest } from '../../common/crypto/uuid-from-digest';
import { PROJECT_ROLES, type ProjectRoleSlug } from '../../permissions/projects/project-roles';
import type { PackedRule, Rule } from '../../permissions/rules/rule';
import { MOST_RULES } from '../../permissions/rules/rule-input';
import { storedRules } from '../../permissions/rules/stored-rules';
import { RoleSlug, RuleDto } from '../../roles/dto/role-input.dtos';
import { RoleRuleDto } from '../../roles/dto/role.dtos';
import type { ProjectRole } from '../project-role.store';

const RESERVED = [...PROJECT_ROLES, 'custom', 'ssh-host-bootstrapper', 'cryptographic-operator'];
export const EXAMPLE_PROJECT_RULES = [{ subject: 'identity', action: ['read', 'create-token'] }];
const RULES = 'The rules, in order: the last one that matches decides.';
const SLUG = { description: 'The name by which members are given the role.', example: 'token-minter' };
const NAME = { description: 'The name of the role.', example: 'Token minter' };
const PURPOSE = {
  ...{ description: 'The purpose of the role.', example: 'Creates tokens for the services of the team.' },
  ...{ optional: true, nullable: true, max: 1_000 },
};

export class CreateProjectRoleDto {
  @RoleSlug(SLUG, RESERVED)
  slug!: string;

  @Name(NAME)
  name!: string;

  @Description(PURPOSE)
  description?: string | null;

  @ListOf(RuleDto, { description: RULES, example: EXAMPLE_PROJECT_RULES, min: 0, max: MOST_RULES })
  permissions!: RuleDto[];
}

/** A field that is left out keeps its value. */
export class UpdateProjectRoleDto {
  @RoleSlug({ ...SLUG, optional: true }, RESERVED)
  slug?: string;

  @Name({ ...NAME, optional: true })
  name?: string;

  @Description(PURPOSE)
  description?: string | null;

  @ListOf(RuleDto, {
    description: `Replaces all rules. ${RULES}`,
    example: EXAMPLE_PROJECT_RULES,
    optional: true,
    min: 0,
    max: MOST_RULES,
  })
  permissions?: RuleDto[];
}

export class ListedProjectRoleDto {
  @ResponseId('The id of the role.', EXAMPLE.roleId)
  id!: string;

  @ResponseText(SLUG.description, SLUG.example)
  slug!: string;

  @ResponseText(NAME.description, NAME.example)
  name!: string;

  @ResponseTextOrNull(PURPOSE.description, PURPOSE.example)
  description!: string | null;

  @ResponseId('The project of the role.', EXAMPLE.projectId)
  projectId!: string;

  @ResponseTime('When the role was created. A built-in role has always been there.')
  createdAt!: Date;

  @ResponseTime('When the role was last changed.')
  updatedAt!: Date;

  static of(role: Omit<ProjectRole, 'permissions'>): ListedProjectRoleDto {
    const { id, slug, name, description, projectId, createdAt, updatedAt } = role;
    return { id, slug, name, description, projectId, createdAt, updatedAt };
  }

  static builtIn(slug: ProjectRoleSlug, projectId: string): ListedProjectRoleDto {
    const id = uuidFromDigest(createHash('sha256').update(`${projectId} ${slug}`).digest());
    return { id, slug, ...BUILT_IN[slug], projectId, createdAt: ALWAYS, updatedAt: ALWAYS };
  }
}

const ALWAYS = new Date(0);
const BUILT_IN: Record<ProjectRoleSlug, { readonly name: string; readonly description: string }> = {
  admin: { name: 'Admin', description: 'Everything in the project.' },
  member: { name: 'Developer', description: 'Works in the project, and grants no rights.' },
  viewer: { name: 'Viewer', description: 'Reads.' },
  'no-access': { name: 'No Access', description: 'Nothing.' },
};

export class ProjectRoleDto extends ListedProjectRoleDto {
  @ResponseList(() => RoleRuleDto, RULES, EXAMPLE_PROJECT_RULES)
  permissions!: readonly RoleRuleDto[];

  static override of(role: ProjectRole): ProjectRoleDto {
    return ProjectRoleDto.withRules(ListedProjectRoleDto.of(role), storedRules(role.permissions));
  }

  static withRules(role: ListedProjectRoleDto, permissions: readonly Rule[]): ProjectRoleDto {
    return { ...role, permissions };
  }
}

export class ProjectRoleAnswerDto {
  @ResponseObject(() => ProjectRoleDto, 'The role.')
  role!: ProjectRoleDto;
}

const FIRST = { ...ListedProjectRoleDto.builtIn('admin', EXAMPLE.projectId) };

export class ProjectRoleListDto {
  @ResponseList(() => ListedProjectRoleDto, 'The built-in roles, then those of the project by slug.', [
    { ...FIRST, createdAt: ALWAYS.toISOString(), updatedAt: ALWAYS.toISOString() },
  ])
  roles!: ListedProjectRoleDto[];
}

export class OwnProjectRoleDto {
  @ResponseText('The slug of a role that counts now.', 'admin')
  role!: string;
}

export class OwnProjectMembershipDto {
  @ResponseList(() => OwnProjectRoleDto, 'The roles that count now.')
  roles!: OwnProjectRoleDto[];
}

export class OwnProjectRightsDto {
  @ResponseList(() => OwnProjectMembershipDto, 'The caller, as it is in the project.')
  memberships!: OwnProjectMembershipDto[];

  @ApiProperty({
    description: 'The rules of the caller that count now, packed as those of the organization are.',
    type: 'array',
    items: { type: 'array', items: {} },
    example: [['edit,delete', 'workspace']],
  })
  permissions!: PackedRule[];
}

export class OwnProjectPermissionsDto {
  @ResponseObject(() => OwnProjectRightsDto, 'The rights.')
  data!: OwnProjectRightsDto;
}
