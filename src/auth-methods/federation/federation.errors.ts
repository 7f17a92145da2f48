import { HttpStatus } from '@nestjs/common';
import { BadRequestError, LatchkeyError } from '../../common/errors/latchkey.error';
import { LoginError } from '../auth-methods.errors';

/** The issuer of a token cannot be asked for its keys. The caller's token is not to blame: never 401 (decision 25). */
export class IssuerUnavailableError extends LatchkeyError {
  /** @param reason in snake case, for the log: `timed_out`. */
  constructor(reason: string, cause?: unknown) {
    super(
      { errorCode: `issuer_${reason}`, status: HttpStatus.SERVICE_UNAVAILABLE, error: 'ServiceUnavailable' },
      'The issuer of the token cannot be asked for its keys. Please try again.',
      { cause, headers: { 'Retry-After': '5' } },
    );
  }
}

/** A URL leads to an address that tenants' URLs may not reach. */
export class PrivateAddressError extends BadRequestError {
  constructor() {
    super('private_address', 'Local IPs not allowed as URL');
  }
}

/** The text that was sent is not a JWT. */
export class InvalidJwtError extends LoginError {
  constructor() {
    super('invalid_jwt', 'Invalid JWT');
  }
}

/** The JWT is not to be believed, or not now. */
export class UnverifiedJwtError extends LoginError {
  /** @param reason in a few words, with nothing of the token in them. */
  constructor(reason: string) {
    super('jwt_verification_failed', `Access denied: ${reason}`);
  }
}
