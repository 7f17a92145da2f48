import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { SafeLogger } from '../../common/safe-logger';

export interface SucceededLogin {
  readonly method: string;
  readonly authMethodId: string;
  readonly identityId: string;
  readonly tokenId: string;
  readonly clientSecretId: string | undefined;
  readonly address: string | undefined;
}

export interface FailedLogin {
  readonly method: string;
  /** Why, as a code: that of the error. */
  readonly reason: string;
  /** Undefined as long as it is not known who wants to log in. */
  readonly authMethodId: string | undefined;
  readonly identityId: string | undefined;
  readonly address: string | undefined;
}

export interface LockedOut {
  readonly method: string;
  readonly authMethodId: string;
  readonly address: string | undefined;
}

/** What is worth keeping of logins. They are logged; override it to keep them elsewhere. Never a secret among the fields. */
@Injectable()
export class SecurityEvents {
  private readonly logger = new SafeLogger(SecurityEvents.name);

  /** In the transaction that issues the token: what is written here is there if the token is. */
  async succeeded(_tx: EntityManager, login: SucceededLogin): Promise<void> {
    this.logger.debug({ event: 'login.succeeded', ...login });
    return Promise.resolve();
  }

  /** Refused for a reason the caller is told. Anybody can make these by the thousand. */
  failed(login: FailedLogin): void {
    this.logger.debug({ event: 'login.failed', ...login });
  }

  /** Somebody guesses, or a program was given the wrong secret: either way a person should know. */
  lockedOut(lockout: LockedOut): void {
    this.logger.warn({ event: 'login.locked_out', ...lockout });
  }
}
