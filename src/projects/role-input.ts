import { fromLegacyRules, toLegacyRules } from '../permissions/projects/legacy-rules';
import { projectRulesFrom } from '../permissions/projects/project-rule-input';
import type { Rule } from '../permissions/rules/rule';
import type {
  CreateProjectRoleDto,
  ProjectRoleAnswerDto,
  ProjectRoleDto,
  UpdateProjectRoleDto,
} from './dto/project-role.dtos';
import type { ProjectRoleProperties } from './project-role.store';
import type { ProjectRoleChange } from './project-roles.service';

/** The form of rules in one family of paths. */
export interface RuleForm {
  readonly read: (rules: readonly Rule[]) => readonly Rule[];
  readonly write: (rules: readonly Rule[]) => readonly Rule[];
}

/** Rules as they are stored. */
export const PRESENT: RuleForm = { read: (rules) => rules, write: (rules) => rules };
/** Rules as older clients know them. */
export const FORMER: RuleForm = { read: fromLegacyRules, write: toLegacyRules };

/** @throws ValidationFailureError, MixedSecretReadsError */
export function newRole(dto: CreateProjectRoleDto, { read }: RuleForm = PRESENT): ProjectRoleProperties {
  const { slug, name, description = null } = dto;
  return { slug, name, description, rules: read(projectRulesFrom(dto.permissions)) };
}

/** @throws ValidationFailureError, MixedSecretReadsError */
export function changedRole(dto: UpdateProjectRoleDto, { read }: RuleForm = PRESENT): ProjectRoleChange {
  const { permissions, ...rest } = dto;
  return { ...rest, rules: permissions && read(projectRulesFrom(permissions)) };
}

export function answerOf(role: ProjectRoleDto, { write }: RuleForm = PRESENT): ProjectRoleAnswerDto {
  return { role: { ...role, permissions: write(role.permissions as readonly Rule[]) } };
}
