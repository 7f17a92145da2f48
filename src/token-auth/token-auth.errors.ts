import { BadRequestError, NotFoundError } from '../common/errors/latchkey.error';

export class TokenAuthAlreadyConfiguredError extends BadRequestError {
  constructor() {
    super('token_auth_already_configured', 'Failed to add Token Auth to already configured identity');
  }
}

/** The texts differ from call to call on the wire (contract 1.1). */
export class TokenAuthNotConfiguredError extends BadRequestError {
  constructor(message = 'The identity does not have Token Auth') {
    super('token_auth_not_configured', message);
  }
}

export class TokenAuthNotFoundError extends NotFoundError {
  constructor() {
    super('token_auth_not_found', 'Token Auth configuration not found for identity');
  }
}

/** One text for a token that never was, and for one of another organization or method (decisions 18). */
export class TokenNotFoundError extends NotFoundError {
  constructor(tokenId: string) {
    super('token_not_found', `Token with ID ${tokenId} not found`);
  }
}

export class TokenNotRevocableError extends NotFoundError {
  constructor(tokenId: string) {
    super('token_not_revocable', `Token with ID ${tokenId} not found or already revoked`);
  }
}

export class SubOrganizationNotFoundError extends NotFoundError {
  constructor(slug: string) {
    super('sub_organization_not_found', `Sub organization with slug ${slug} not found`);
  }
}
