import { BadRequestError, ForbiddenError, NotFoundError } from '../common/errors/latchkey.error';
import { ROLES } from '../permissions/roles';

/** No identity of the caller's organization has this id. 404. */
export class IdentityNotFoundError extends NotFoundError {
  constructor(identityId: string) {
    super('identity_not_found', `Failed to find identity with ID ${identityId}`);
  }
}

/** The named organization is not that of the caller's token. The answer does not say whether it exists. */
export class OtherOrganizationError extends ForbiddenError {
  constructor() {
    super('other_organization', 'You are not logged into this organization');
  }
}

/** There is no role with this name. 400. */
export class UnknownRoleError extends BadRequestError {
  constructor() {
    super(
      'role_unknown',
      `There is no such role. Choose one of: ${ROLES.join(', ')}, or the slug of a role of your organization.`,
    );
  }
}

export class DeleteProtectionError extends BadRequestError {
  constructor() {
    super('identity_delete_protected', 'Identity has delete protection');
  }
}
