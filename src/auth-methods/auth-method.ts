import type { EntityManager } from 'typeorm';
import type { LatchkeyError } from '../common/errors/latchkey.error';
import type { IdentityAuth } from '../database/entities/access-token.claims';
import type { LockoutPolicy, LockoutSubject } from './pipeline/lockouts.service';

/**
 * The settings of a method beyond the policy of its tokens: `config`, which may be answered, and `secrets`, which are stored
 * encrypted.
 */
export interface MethodSettings<Config extends object = object, Secrets extends object = object> {
  readonly config: Config;
  /** @default {} */
  readonly secrets?: Secrets;
}

/** The configuration of one identity's method. */
export interface MethodConfiguration<Config extends object = object, Secrets extends object = object> {
  readonly id: string;
  readonly identityId: string;
  /** The organization of the identity. */
  readonly organizationId: string;
  readonly config: Config;
  readonly secrets: Secrets;
}

/** A login. */
export interface LoginAttempt<Credentials extends object = object> {
  /** The body, validated by the method's own DTO. */
  readonly credentials: Credentials;
  /** The client's IP address; undefined if it is unknown. */
  readonly address: string | undefined;
  readonly now: Date;
}

/** A login that names its identity, with the configuration of that identity. */
export interface IdentityLoginAttempt<
  Credentials extends object = object,
  Config extends object = object,
  Secrets extends object = object,
> extends LoginAttempt<Credentials> {
  readonly configuration: MethodConfiguration<Config, Secrets>;
}

/** The result of `authenticate`: the facts about a caller. A method may add the data that its own `consume` needs. */
export interface Proof {
  /** The configuration that the credentials belong to. It says for which identity the token is issued. */
  readonly configuration: Pick<MethodConfiguration, 'id' | 'identityId'>;
  /** Facts about the caller that go into the token, and stay there through every renewal: at most 1 KiB of JSON. */
  readonly identityAuth?: IdentityAuth;
  /** For credentials that can be guessed: the name against which a wrong guess would have been counted. */
  readonly guessed?: LockoutSubject;
  /** The id of the client secret that was used, if any. */
  readonly clientSecretId?: string;
  /** Why the login is refused although its credentials are right. The caller is told unless guessing has locked the method. */
  readonly refusal?: LatchkeyError;
}

/**
 * The name, such as a user name, whose password is about to be tried. Each name is counted separately within a configuration.
 */
export interface Guess {
  readonly name: string;
  readonly policy: LockoutPolicy;
}

/** A configuration that is about to be attached or updated. */
export interface ConfigurationChange<Config extends object = object, Secrets extends object = object> {
  /** The body. */
  readonly input: object;
  /** The settings after the change. */
  readonly next: MethodSettings<Config, Secrets>;
  /** The settings before the change; undefined when the method is being attached. */
  readonly present?: MethodSettings<Config, Secrets>;
}

/**
 * A way to log in. It proves which identity is calling, or throws. It issues no token, and writes nothing except counters of
 * its own credentials. Everything else is the same for all methods. It is an ordinary provider: its constructor can inject
 * other providers.
 */
export abstract class AuthMethod<Attempt extends LoginAttempt = LoginAttempt, Proved extends Proof = Proof> {
  /**
   * Proves the credentials. Runs outside of any transaction, so it may ask other services over the network.
   *
   * @returns the configuration that the credentials belong to, and facts for the token.
   * @throws InvalidCredentialsError for a guess that is to be counted; LoginError for any other refusal.
   */
  abstract authenticate(attempt: Attempt): Promise<Proved>;

  /**
   * For credentials that can be guessed, such as passwords: names the target against which an attempt counts until it has
   * proved correct. The attempt is counted before `authenticate` compares anything, so that at most `lockoutThreshold` attempts
   * are ever compared. Leave it out, or return undefined, if nothing is to be counted beforehand.
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
   * Checks a configuration before it is written, over the network if necessary; no transaction is open meanwhile. Called only
   * after the caller's permission for the change was checked. @throws LatchkeyError to refuse the configuration.
   */
  prepare?(change: ConfigurationChange): Promise<void>;
}
