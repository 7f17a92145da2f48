import { BadRequestError, NotFoundError } from '../common/errors/latchkey.error';

// The texts differ from method to method and from call to call on the wire; each method's definition has its own.

/** An identity has each method once. */
export class AuthMethodAlreadyConfiguredError extends BadRequestError {
  constructor(message: string) {
    super('auth_method_already_configured', message);
  }
}

/** What was asked needs a method the identity does not have. */
export class AuthMethodNotConfiguredError extends BadRequestError {
  constructor(message: string) {
    super('auth_method_not_configured', message);
  }
}

/** The same, where the contract answers that there is nothing there. */
export class AuthMethodNotFoundError extends NotFoundError {
  constructor(message: string) {
    super('auth_method_not_found', message);
  }
}
