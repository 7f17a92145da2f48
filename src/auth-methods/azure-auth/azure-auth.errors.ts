import { LoginError } from '../auth-methods.errors';

/** The tenant has no key that the token can have been signed with. */
export class InvalidSigningKeyError extends LoginError {
  constructor() {
    super('invalid_signing_key', 'Invalid signing key');
  }
}

export class TenantMismatchError extends LoginError {
  constructor() {
    super('tenant_id_mismatch', 'Tenant ID mismatch');
  }
}

/** A user has obtained the token. */
export class UserTokenError extends LoginError {
  constructor() {
    super('user_token_not_supported', 'Access denied: the token is that of a user, and not of a service principal');
  }
}

export class ServicePrincipalNotAllowedError extends LoginError {
  /** @param id as Entra has said it. */
  constructor(id: string) {
    super('service_principal_not_allowed', `Service principal '${id}' not allowed`);
  }
}
