import { EXAMPLE } from '../common/dto/examples';
import { READ_REFUSALS } from '../database/list-reads';
import type { AuthorizedDocs } from '../permissions/authorized.decorator';
import { boundaryRefusals, PermissionBoundaryError } from '../permissions/permissions.errors';
import { LegacyRoleListDto, RoleAnswerDto, RoleListDto } from './dto/role.dtos';
import { MOST_ROLES } from './role.store';
import {
  BuiltInRoleError,
  RoleInUseError,
  RoleNotFoundError,
  RoleSlugTakenError,
  TooManyRolesError,
} from './roles.errors';
import { CREATE_ROLE, UPDATE_ROLE } from './roles.service';

const NOT_FOUND = new RoleNotFoundError(EXAMPLE.roleId);

const COVERED = 'You must hold everything that the rules allow.';

/** The documentation of each operation on roles, which both families of paths share. */
export const ROLE_DOCS = {
  create: {
    event: 'create-org-role',
    summary: 'Create a role',
    description: `An identity is given the role by its slug. ${COVERED}`,
    answer: RoleAnswerDto,
    refusals: [
      new PermissionBoundaryError(CREATE_ROLE.what, [{ action: 'delete', subject: 'identity' }]),
      new RoleSlugTakenError(),
      new TooManyRolesError(MOST_ROLES),
    ],
  },
  list: {
    event: 'list-org-roles',
    summary: 'List the roles of your organization',
    description: 'The built-in roles come first. Rules are not listed: get a role to see its rules.',
    answer: RoleListDto,
    refusals: READ_REFUSALS,
  },
  get: { event: 'get-org-role', summary: 'Get a role', answer: RoleAnswerDto, refusals: [NOT_FOUND] },
  update: {
    event: 'update-org-role',
    summary: 'Update a role',
    description: `Fields that are left out keep their values. Whoever has the role has the new rules at once. ${COVERED} That holds for the rules before and after.`,
    answer: RoleAnswerDto,
    refusals: [NOT_FOUND, ...boundaryRefusals(UPDATE_ROLE), new BuiltInRoleError(), new RoleSlugTakenError()],
  },
  delete: {
    event: 'delete-org-role',
    summary: 'Delete a role',
    description: 'Only a role that no identity has.',
    answer: RoleAnswerDto,
    refusals: [
      NOT_FOUND,
      new BuiltInRoleError(),
      new RoleInUseError([{ id: EXAMPLE.identityId, name: 'deployer' }], 1),
    ],
  },
} as const satisfies Record<string, AuthorizedDocs>;

/** The same operation at an older path. */
export function legacy(docs: AuthorizedDocs, refusals: AuthorizedDocs['refusals'] = []): AuthorizedDocs {
  const { summary, description, ...rest } = docs;
  const place = `Use "${summary}" instead.`;
  return {
    ...rest,
    summary: `${summary}, at an older path`,
    description: [place, description].filter(Boolean).join(' '),
    answer: rest.answer === RoleListDto ? LegacyRoleListDto : rest.answer,
    refusals: [...(docs.refusals ?? []), ...refusals],
    isDeprecated: true,
  };
}
