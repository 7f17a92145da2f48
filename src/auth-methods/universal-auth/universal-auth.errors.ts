import { NotFoundError } from '../../common/errors/latchkey.error';
import { LoginError } from '../auth-methods.errors';

export class ClientSecretNotFoundError extends NotFoundError {
  constructor(clientSecretId: string) {
    super('client_secret_not_found', `Client secret with ID ${clientSecretId} not found`);
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
