import { NotFoundError } from '../common/errors/latchkey.error';

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
