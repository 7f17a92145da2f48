import { BadRequestError, ForbiddenError, NotFoundError } from '../common/errors/latchkey.error';
import { ROLES } from '../permissions/roles';

/** No identity of the caller's organization has this id. */
export class IdentityNotFoundError extends NotFoundError {
  constructor(identityId: string) {
    super('identity_not_found', `Failed to find identity with ID ${identityId}`);
  }
}

/** The organization named is not the one the caller's token speaks in. Whether it exists is not told. */
export class OtherOrganizationError extends ForbiddenError {
  constructor() {
    super('other_organization', 'You are not logged into this organization');
  }
}

/** An identity was to be given a role there is none of. */
export class UnknownRoleError extends BadRequestError {
  constructor() {
    super('role_unknown', `There is no such role. Choose one of: ${ROLES.join(', ')}.`);
  }
}

export class DeleteProtectionError extends BadRequestError {
  constructor() {
    super('identity_delete_protected', 'Identity has delete protection');
  }
}
