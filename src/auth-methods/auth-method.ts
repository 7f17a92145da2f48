import type { EntityManager } from 'typeorm';
import type { LatchkeyError } from '../common/errors/latchkey.error';
import type { IdentityAuth } from '../database/entities/access-token.claims';
import type { LockoutPolicy, LockoutSubject } from './pipeline/lockouts.service';

/** What a method is configured with, beyond the policy of its tokens: settings anybody may see, and secrets, kept encrypted. */
export interface MethodSettings<Config extends object = object, Secrets extends object = object> {
  readonly config: Config;
  /** @default {} */
  readonly secrets?: Secrets;
}

/** The method of one identity. */
export interface MethodConfiguration<Config extends object = object, Secrets extends object = object> {
  readonly id: string;
  readonly identityId: string;
  readonly config: Config;
  readonly secrets: Secrets;
}

/** Somebody who says who it is. */
export interface LoginAttempt<Credentials extends object = object> {
  /** What was sent, validated by the method's own DTO. */
  readonly credentials: Credentials;
  /** Where it comes from; undefined when that cannot be told. */
  readonly address: string | undefined;
  readonly now: Date;
}

/** Somebody who says which identity it is, and what that identity is configured with. */
export interface IdentityLoginAttempt<
  Credentials extends object = object,
  Config extends object = object,
  Secrets extends object = object,
> extends LoginAttempt<Credentials> {
  readonly configuration: MethodConfiguration<Config, Secrets>;
}

/** What a method found out about a caller. A method may add what its own `consume` needs. */
export interface Proof {
  /** The configuration the caller is known by, which says whose tokens it may have. */
  readonly configuration: Pick<MethodConfiguration, 'id' | 'identityId'>;
  /** Facts about the caller that go into the token, and stay there through every renewal: 1 KiB of JSON at most. */
  readonly identityAuth?: IdentityAuth;
  /** For credentials that can be guessed: what a wrong guess would have been counted against. */
  readonly guessed?: LockoutSubject;
  /** The client secret that was used, if one was. */
  readonly clientSecretId?: string;
  /** Why the login is refused although its credentials are right. The caller is told unless guessing has locked the method. */
  readonly refusal?: LatchkeyError;
}

/** Whose password, say, somebody is about to try: the name is counted by itself within the configuration. */
export interface Guess {
  readonly name: string;
  readonly policy: LockoutPolicy;
}

/** A configuration that is about to be attached or updated. */
export interface ConfigurationChange<Config extends object = object, Secrets extends object = object> {
  /** What was sent. */
  readonly input: object;
  /** What it is going to be. */
  readonly next: MethodSettings<Config, Secrets>;
  /** What it is; undefined when it is being attached. */
  readonly present?: MethodSettings<Config, Secrets>;
}

/**
 * A way to log in. It proves who is calling, or throws; it issues nothing, and writes nothing but counters of its own
 * credentials. Everything else is the same for all methods. An ordinary provider: what its constructor asks for is injected.
 */
export abstract class AuthMethod<Attempt extends LoginAttempt = LoginAttempt, Proved extends Proof = Proof> {
  /**
   * Runs outside of any transaction, so it may ask others over the network.
   *
   * @throws InvalidCredentialsError for a guess that is to be counted, LoginError for what the method refuses otherwise.
   */
  abstract authenticate(attempt: Attempt): Promise<Proved>;

  /**
   * For credentials that can be guessed, such as passwords: what an attempt counts against until it has turned out right. It is
   * counted before `authenticate` compares anything, so that no more than the threshold are ever compared. Left out, or
   * undefined, when nothing is to be counted beforehand.
   */
  reserve?(attempt: Attempt): Guess | undefined;

  /**
   * Spends a use of a credential that has a limited number of uses, in the transaction that issues the token: without a token
   * no use is spent. It runs near the end of the transaction, because other logins wait for the same row.
   *
   * @throws LatchkeyError to refuse the login
   */
  consume?(tx: EntityManager, proof: Proved): Promise<void>;

  /**
   * Checks a configuration before it is written, over the network if need be: no transaction is open meanwhile. Asked only once
   * the caller has the right to the change. @throws LatchkeyError to refuse it.
   */
  prepare?(change: ConfigurationChange): Promise<void>;
}
