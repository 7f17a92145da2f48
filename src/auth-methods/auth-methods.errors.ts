import { HttpStatus } from '@nestjs/common';
import { type Refusal, REFUSALS } from '../access-tokens/issuing/access-tokens.errors';
import { BadRequestError, LatchkeyError, NotFoundError } from '../common/errors/latchkey.error';
import type { LockoutSubject } from './pipeline/lockouts.service';

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

/** How a refused login is answered where the contract wants something else than 401 `UnauthorizedError`. */
export interface LoginErrorOptions {
  readonly status?: 400 | 401 | 403;
  readonly error?: string;
  /** For the log only. */
  readonly cause?: unknown;
}

/** A login was refused. The challenge of a 401 names no error: what was presented is no token. */
export class LoginError extends LatchkeyError {
  /** @param reason in snake case, for the log: `audience_not_allowed`. @param message for the caller, never with a secret in it. */
  constructor(reason: string, message: string, { status = 401, error, cause }: LoginErrorOptions = {}) {
    super({ errorCode: reason, status, error: error ?? ERRORS[status] }, message, { cause });
  }
}

const ERRORS = { 400: 'BadRequest', 401: 'UnauthorizedError', 403: 'ForbiddenError' } as const;

/** One answer for nobody, for somebody else and for a wrong secret. */
export class InvalidCredentialsError extends LoginError {
  /** @param guessed what the guess is to be counted against; left out when there was none. */
  constructor(readonly guessed?: LockoutSubject) {
    super('credentials_invalid', 'Invalid credentials');
  }
}

/** Too many wrong guesses of late. Right or wrong, nothing gets in meanwhile. */
export class LockedOutError extends LoginError {
  constructor() {
    super('locked_out', 'This identity auth method is temporarily locked, please try again later');
  }
}

/** The success could not be recorded, so there is no token. The caller's credentials are not to blame: never 401. */
export class UnrecordedLoginError extends LatchkeyError {
  constructor(cause: unknown) {
    super(
      { errorCode: 'login_unrecorded', status: HttpStatus.SERVICE_UNAVAILABLE, error: 'ServiceUnavailable' },
      'The login could not be recorded. Please try again.',
      { cause, headers: { 'Retry-After': '1' } },
    );
  }
}

/** The credentials are good, but the identity may not come in. */
export class LoginRefusedError extends LoginError {
  constructor(refusal: Refusal & ('not_a_member' | 'membership_inactive')) {
    super(`login_${refusal}`, `Failed to log in: ${REFUSALS[refusal]}`);
  }
}
