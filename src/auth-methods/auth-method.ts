import type { EntityManager } from 'typeorm';
import type { LockoutSubject } from './lockouts.service';

/** Somebody who says who it is. */
export interface LoginAttempt<Credentials extends object> {
  readonly credentials: Credentials;
  /** Where it comes from; undefined when that cannot be told. */
  readonly address: string | undefined;
  readonly now: Date;
}

/** What a method found out about somebody. */
export interface Proof {
  /** The configuration the caller is known by, which says whose tokens it may have. */
  readonly authMethodId: string;
  readonly identityId: string;
  /** For credentials that can be guessed: what a wrong guess would have been counted against. */
  readonly guessed?: LockoutSubject;
  /** The client secret that was used, if one was. */
  readonly clientSecretId?: string;
  /** What else must hold. Asked once it is certain that the caller may be told. */
  readonly accept?: () => void;
  /**
   * Spends a use of a credential that may be used so often, in the transaction that issues the token: it is not spent when no
   * token comes of it. The last thing before the commit, because others wait for the same row.
   */
  readonly spend?: (tx: EntityManager) => Promise<void>;
}

/**
 * A way to log in. It proves who is calling, or throws; it issues nothing, and writes nothing but counters of its own
 * credentials. Everything else is the same for all methods and happens in `LoginService`.
 */
export abstract class AuthMethod<Credentials extends object = object> {
  /** @throws InvalidCredentialsError for a guess that is to be counted, or whatever else the method refuses with. */
  abstract authenticate(attempt: LoginAttempt<Credentials>): Promise<Proof>;
}
