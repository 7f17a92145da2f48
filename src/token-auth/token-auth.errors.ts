import { NotFoundError } from '../common/errors/latchkey.error';

/** One text for a token that never existed, and for one of another organization or method (decision 18). */
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
