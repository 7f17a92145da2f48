import { Injectable, Logger } from '@nestjs/common';
import type { AuthMethodName } from './auth-method-names';

export interface SucceededLogin {
  readonly method: AuthMethodName;
  readonly identityId: string;
  readonly tokenId: string;
  readonly clientSecretId: string | undefined;
  readonly address: string | undefined;
}

export interface LockedOut {
  readonly method: AuthMethodName;
  readonly authMethodId: string;
  readonly address: string | undefined;
}

/** What is worth keeping of logins. They are logged; override it to keep them elsewhere. Never a secret among the fields. */
@Injectable()
export class LoginEvents {
  private readonly logger = new Logger(LoginEvents.name);

  succeeded(login: SucceededLogin): void {
    this.logger.debug({ event: 'login.succeeded', ...login });
  }

  /** Somebody guesses, or a program was given the wrong secret: either way a person should know. */
  lockedOut(lockout: LockedOut): void {
    this.logger.warn({ event: 'login.locked_out', ...lockout });
  }
}
