import { HttpStatus } from '@nestjs/common';
import { type Refusal, REFUSALS } from '../access-tokens/issuing/access-tokens.errors';
import { BadRequestError, LatchkeyError, NotFoundError } from '../common/errors/latchkey.error';
import type { LockoutSubject } from './pipeline/lockouts.service';

// On the wire, the texts differ from method to method and from call to call; each method's definition has its own.

/** The identity has this method already. An identity has each method once. */
export class AuthMethodAlreadyConfiguredError extends BadRequestError {
  constructor(message: string) {
    super('auth_method_already_configured', message);
  }
}

/** The call needs an auth method that the identity does not have. 400. */
export class AuthMethodNotConfiguredError extends BadRequestError {
  constructor(message: string) {
    super('auth_method_not_configured', message);
  }
}

/** The same, where the contract answers 404. */
export class AuthMethodNotFoundError extends NotFoundError {
  constructor(message: string) {
    super('auth_method_not_found', message);
  }
}

/** The answer to a refused login, where the contract requires another one than 401 `UnauthorizedError`. */
export interface LoginErrorOptions {
  readonly status?: 400 | 401 | 403;
  readonly error?: string;
  /** For the log only. */
  readonly cause?: unknown;
}

/** A login was refused. The challenge of a 401 names no error, because no token was presented. */
export class LoginError extends LatchkeyError {
  /** @param reason in snake case, for the log: `audience_not_allowed`. @param message for the caller, never with a secret in it. */
  constructor(reason: string, message: string, { status = 401, error, cause }: LoginErrorOptions = {}) {
    super({ errorCode: reason, status, error: error ?? ERRORS[status] }, message, { cause });
  }
}

const ERRORS = { 400: 'BadRequest', 401: 'UnauthorizedError', 403: 'ForbiddenError' } as const;

/** The credentials are wrong. The answer is the same for an unknown name, another identity's secret and a wrong secret. 401. */
export class InvalidCredentialsError extends LoginError {
  /** @param guessed the target against which the guess is counted; left out if the guess is not to be counted. */
  constructor(readonly guessed?: LockoutSubject) {
    super('credentials_invalid', 'Invalid credentials');
  }
}

/** Too many recent wrong guesses: until the lock expires, every login of the name is refused, right or wrong. 401. */
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

/** The method did not prove the credentials in time. They are not to blame: never 401. */
export class LoginTimedOutError extends LatchkeyError {
  constructor() {
    super(
      { errorCode: 'login_timed_out', status: HttpStatus.SERVICE_UNAVAILABLE, error: 'ServiceUnavailable' },
      'The login took too long. Please try again.',
      { headers: { 'Retry-After': '5' } },
    );
  }
}

/** The credentials are correct, but the identity may not log in. */
export class LoginRefusedError extends LoginError {
  constructor(refusal: Refusal & ('not_a_member' | 'membership_inactive')) {
    super(`login_${refusal}`, `Failed to log in: ${REFUSALS[refusal]}`);
  }
}
