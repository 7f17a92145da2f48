import { EXAMPLE } from '../common/dto/examples';
import { READ_REFUSALS } from '../database/list-reads';
import { IdentityNotFoundError } from '../identities/identities.errors';
import type { AuthorizedDocs } from '../permissions/authorized.decorator';
import { PermissionBoundaryError } from '../permissions/permissions.errors';
import { LastProjectAdministratorError } from '../permissions/projects/project-administrators.service';
import { NoPermanentRoleError, ProjectRoleNotFoundError } from './assigned-roles';
import { ProjectMembershipAnswerDto, ProjectMembershipListDto } from './dto/membership.dtos';
import { AlreadyInProjectError, OwnMembershipError, ProjectMembershipNotFoundError } from './memberships.errors';
import { CREATE_MEMBERSHIP, DELETE_MEMBERSHIP, UPDATE_MEMBERSHIP } from './project-memberships.service';
import { TemporaryAccessError } from './temporary-access';

const NOT_FOUND = new ProjectMembershipNotFoundError(EXAMPLE.identityId);
const OF_ROLES = [new ProjectRoleNotFoundError('deployer'), new TemporaryAccessError(), new NoPermanentRoleError()];
const COVERED =
  'You need `identity:grant-privileges` in the project, and must hold everything that the identity holds there, before and after, for as long as it does.';

function boundary({ what }: { readonly what: string }): PermissionBoundaryError {
  return new PermissionBoundaryError(what, [{ action: 'grant-privileges', subject: 'identity' }]);
}

/** The documentation of each operation on the members of a project, which both families of paths share. */
export const MEMBERSHIP_DOCS = {
  create: {
    event: 'create-identity-project-membership',
    summary: 'Add an identity to a project',
    description: COVERED,
    answer: ProjectMembershipAnswerDto,
    refusals: [
      new IdentityNotFoundError(EXAMPLE.identityId),
      new AlreadyInProjectError(),
      boundary(CREATE_MEMBERSHIP),
      ...OF_ROLES,
    ],
  },
  list: {
    event: 'list-identity-project-memberships',
    summary: 'List the identities in a project',
    answer: ProjectMembershipListDto,
    refusals: READ_REFUSALS,
  },
  get: {
    event: 'get-identity-project-membership',
    summary: 'Get the membership of an identity in a project',
    answer: ProjectMembershipAnswerDto,
    refusals: [NOT_FOUND],
  },
  update: {
    event: 'update-identity-project-membership',
    summary: 'Replace the roles of an identity in a project',
    description: COVERED,
    answer: ProjectMembershipAnswerDto,
    refusals: [NOT_FOUND, boundary(UPDATE_MEMBERSHIP), ...OF_ROLES, new LastProjectAdministratorError()],
  },
  delete: {
    event: 'delete-identity-project-membership',
    summary: 'Remove an identity from a project',
    description: 'You must hold everything that the identity holds there.',
    answer: ProjectMembershipAnswerDto,
    refusals: [NOT_FOUND, boundary(DELETE_MEMBERSHIP), new OwnMembershipError(), new LastProjectAdministratorError()],
  },
} as const satisfies Record<string, AuthorizedDocs>;
