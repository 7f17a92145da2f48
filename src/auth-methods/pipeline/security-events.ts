import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { RequestOrigin } from '../../common/http/request-origin';
import { SafeLogger } from '../../common/safe-logger';

/** A login that is answered with a token. */
export interface SucceededLogin extends RequestOrigin {
  /** The slug of the auth method. */
  readonly method: string;
  readonly authMethodId: string;
  readonly identityId: string;
  readonly tokenId: string;
  readonly clientSecretId: string | undefined;
}

/** A login that is refused. */
export interface FailedLogin extends RequestOrigin {
  /** The slug of the auth method. */
  readonly method: string;
  /** The reason as a code: that of the error. */
  readonly reason: string;
  /** Undefined as long as it is not known which identity the caller means. */
  readonly authMethodId: string | undefined;
  readonly identityId: string | undefined;
}

/** The wrong guess that locks a name. */
export interface LockedOut extends RequestOrigin {
  /** The slug of the auth method. */
  readonly method: string;
  readonly authMethodId: string;
}

/**
 * The security events of logins. By default they are logged. To keep them elsewhere, extend this class and give it to the module
 * (`securityEvents`). No field ever holds a secret; `userAgent` is whatever the client wrote.
 */
@Injectable()
export class SecurityEvents {
  private readonly logger = new SafeLogger(SecurityEvents.name);

  /**
   * Runs in the transaction that issues the token, so that what is written with `tx` is there exactly if the token is. Should it
   * throw, or take longer than five seconds, there is no token: a `LatchkeyError` is answered as it is, anything else with 503.
   */
  succeeded(_tx: EntityManager, login: SucceededLogin): Promise<void> | void {
    this.logger.debug({ event: 'login.succeeded', ...login });
  }

  /**
   * A refusal whose reason the caller is told. Any client can cause these by the thousand. The login does not wait for it, and
   * an error here changes nothing.
   */
  failed(login: FailedLogin): Promise<void> | void {
    this.logger.debug({ event: 'login.failed', ...login });
  }

  /**
   * Someone guesses, or a program was given the wrong secret: either way a person should know. The login does not wait for it, and
   * an error here changes nothing.
   */
  lockedOut(lockout: LockedOut): Promise<void> | void {
    this.logger.warn({ event: 'login.locked_out', ...lockout });
  }
}
