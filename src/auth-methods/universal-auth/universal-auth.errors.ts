import { BadRequestError, NotFoundError } from '../../common/errors/latchkey.error';
import { LoginError } from '../auth-methods.errors';

export class ClientSecretNotFoundError extends NotFoundError {
  constructor(clientSecretId: string) {
    super('client_secret_not_found', `Client secret with ID ${clientSecretId} not found`);
  }
}

/** The most unrevoked secrets of one client: as many as one list returns. */
export const MAX_CLIENT_SECRETS = 10_000;

/** The client has too many unrevoked secrets. Revoking one makes room. */
export class TooManyClientSecretsError extends BadRequestError {
  constructor() {
    super('too_many_client_secrets', `A client has at most ${MAX_CLIENT_SECRETS} client secrets that are not revoked`);
  }
}

export class ClientSecretExpiredError extends LoginError {
  constructor() {
    super('client_secret_expired', 'Access denied due to expired client secret');
  }
}

export class ClientSecretUsedUpError extends LoginError {
  constructor() {
    super('client_secret_used_up', 'Access denied due to client secret usage limit reached');
  }
}
