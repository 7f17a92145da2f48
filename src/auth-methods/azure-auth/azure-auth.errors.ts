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

/** The token is that of a user, of a device, or does not say whose it is. */
export class UserTokenError extends LoginError {
  constructor() {
    super('user_token_not_supported', 'Access denied: the token is not that of a service principal');
  }
}

export class ServicePrincipalNotAllowedError extends LoginError {
  /** @param id as Entra has said it. */
  constructor(id: string) {
    super('service_principal_not_allowed', `Service principal '${id}' not allowed`);
  }
}
