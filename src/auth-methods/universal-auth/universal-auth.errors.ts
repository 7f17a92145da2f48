import { BadRequestError, NotFoundError } from '../../common/errors/latchkey.error';
import { LoginError } from '../auth-methods.errors';

/** No client secret of the organization has this id. 404. */
export class ClientSecretNotFoundError extends NotFoundError {
  constructor(clientSecretId: string) {
    super('client_secret_not_found', `Client secret with ID ${clientSecretId} not found`);
  }
}

/** The secret was revoked, has ended, or has a use limit and would share it. 400. */
export class ClientSecretNotRotatableError extends BadRequestError {
  constructor(clientSecretId: string) {
    super(
      'client_secret_not_rotatable',
      `Client secret with ID ${clientSecretId} cannot be rotated: it was revoked, has ended, or has a use limit, with which graceSeconds must be 0`,
    );
  }
}

/** Another secret has taken the place of this one. 400. */
export class ClientSecretRotatedBeforeError extends BadRequestError {
  constructor(clientSecretId: string) {
    super(
      'client_secret_rotated_before',
      `Client secret with ID ${clientSecretId} was rotated before: rotate the secret in its place. The call that rotated it can be repeated for a day, with its idempotency key`,
    );
  }
}

/** The most unrevoked secrets of one client: as many as one list returns. */
export const MAX_CLIENT_SECRETS = 10_000;

/** The client has too many secrets that are neither revoked nor replaced. Revoking one makes room. 400. */
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
