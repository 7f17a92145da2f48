import { EXAMPLE } from '../common/dto/examples';
import { READ_REFUSALS } from '../database/list-reads';
import type { AuthorizedDocs } from '../permissions/authorized.decorator';
import { PermissionBoundaryError } from '../permissions/permissions.errors';
import { MixedSecretReadsError } from '../permissions/projects/project-rule-input';
import { ProjectRoleNotFoundError } from './assigned-roles';
import { ProjectRoleAnswerDto, ProjectRoleListDto } from './dto/project-role.dtos';
import { MOST_PROJECT_ROLES } from './project-role.store';
import { ProjectRoleInUseError, ProjectRoleSlugTakenError, TooManyProjectRolesError } from './project-roles.errors';
import { CREATE_PROJECT_ROLE, UPDATE_PROJECT_ROLE } from './project-roles.service';

const NOT_FOUND = new ProjectRoleNotFoundError(EXAMPLE.roleId);
const COVERED = 'You must hold everything that the rules allow, for good.';

function boundary({ what }: { readonly what: string }): PermissionBoundaryError {
  return new PermissionBoundaryError(what, [{ action: 'delete', subject: 'identity' }]);
}

/** The documentation of each operation on the roles of projects, which all families of paths share. */
export const PROJECT_ROLE_DOCS = {
  create: {
    event: 'create-project-role',
    summary: 'Create a role of a project',
    description: `Members are given the role by its slug. ${COVERED}`,
    answer: ProjectRoleAnswerDto,
    refusals: [
      boundary(CREATE_PROJECT_ROLE),
      new ProjectRoleSlugTakenError(),
      new TooManyProjectRolesError(MOST_PROJECT_ROLES),
      new MixedSecretReadsError(),
    ],
  },
  list: {
    event: 'list-project-roles',
    summary: 'List the roles of a project',
    description: 'The built-in roles come first. Rules are not listed: get a role to see its rules.',
    answer: ProjectRoleListDto,
    refusals: READ_REFUSALS,
  },
  getBySlug: {
    event: 'get-project-role',
    summary: 'Get a role of a project by its slug',
    answer: ProjectRoleAnswerDto,
    refusals: [new ProjectRoleNotFoundError('token-minter')],
  },
  update: {
    event: 'update-project-role',
    summary: 'Update a role of a project',
    description: `Fields that are left out keep their values. ${COVERED} That holds for the rules before and after, and for what a dropped prohibition kept from anyone.`,
    answer: ProjectRoleAnswerDto,
    refusals: [NOT_FOUND, boundary(UPDATE_PROJECT_ROLE), new ProjectRoleSlugTakenError(), new MixedSecretReadsError()],
  },
  delete: {
    event: 'delete-project-role',
    summary: 'Delete a role of a project',
    description: 'Only a role that no member has.',
    answer: ProjectRoleAnswerDto,
    refusals: [
      NOT_FOUND,
      new ProjectRoleInUseError({ first: [{ id: EXAMPLE.identityId, name: 'deployer' }], count: 1 }),
    ],
  },
} as const satisfies Record<string, AuthorizedDocs>;
