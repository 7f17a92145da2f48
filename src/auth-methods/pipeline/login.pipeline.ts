import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock/clock';
import { uuidFromDigest } from '../../common/crypto/uuid-from-digest';
import { LatchkeyError } from '../../common/errors/latchkey.error';
import { NamedCounts, outcomeOf } from '../../common/named-counts';
import type { RequestOrigin } from '../../common/http/request-origin';
import type { AuthMethod, Guess, IdentityLoginAttempt, LoginAttempt, MethodConfiguration, Proof } from '../auth-method';
import type { AuthMethodDefinition } from '../auth-method.definition';
import { AuthMethodNotFoundError, InvalidCredentialsError, LoginError } from '../auth-methods.errors';
import { LockoutsService, type LockoutSubject } from './lockouts.service';
import { LoginConfigurationFinder } from './login-configuration.finder';
import { inLoginTime, LOGIN_TIME } from './login-time';
import { type IssuedLogin, LoginTokenIssuer } from './login-token.issuer';
import { SecurityEventReporter } from './security-event.reporter';

/** A way to log in: the definition of a method, its behaviour, and its refusal of an identity that does not have it. */
export interface LoginMethod {
  readonly definition: AuthMethodDefinition;
  readonly method: AuthMethod;
  readonly missing: () => Error;
}

/** The request of a caller that wants a token. */
export interface LoginRequest {
  readonly credentials: object;
  readonly origin: RequestOrigin;
  /** The organization of the token; only the identity's own is accepted. */
  readonly organizationSlug: string | undefined;
}

/** One login on its way through the steps, with the results of the steps so far. */
interface Login extends LoginMethod, LoginRequest {
  readonly now: Date;
  /** The configuration of the named identity; undefined for methods that find it themselves. */
  configuration?: MethodConfiguration;
  /** The target against which the attempt was counted beforehand, as if it were a wrong guess. */
  reserved?: LockoutSubject;
  /** Whether that count has locked the name. It stays locked only if the guess is wrong. */
  isLocking?: boolean;
  proof?: Proof;
  /** The target whose wrong guesses are cleared once the token is issued. */
  guessesToClear?: LockoutSubject;
}

/**
 * The largest JSON of `identityAuth` in a token. Together with the other claims it stays within the longest JWT that is
 * accepted.
 */
const MAX_IDENTITY_AUTH_BYTES = 1_024;

/**
 * Exchanges credentials for an access token, in the same steps for every method. If a method reserves its attempts, each attempt is
 * counted before anything is compared. Otherwise a wrong guess is counted afterwards. A step that a method does not need does
 * nothing.
 */
@Injectable()
export class LoginPipeline {
  /** Logins by method and outcome, for metrics: `oidc-auth succeeded`. */
  readonly counts = new NamedCounts();

  constructor(
    private readonly configurations: LoginConfigurationFinder,
    private readonly lockouts: LockoutsService,
    private readonly tokens: LoginTokenIssuer,
    private readonly events: SecurityEventReporter,
    private readonly clock: Clock,
    @Inject(LOGIN_TIME) private readonly timeMs: number,
  ) {}

  /** @throws AuthMethodNotFoundError, InvalidCredentialsError, LockedOutError, and the refusals of the method */
  async login(method: LoginMethod, request: LoginRequest): Promise<IssuedLogin> {
    const login: Login = { ...method, ...request, now: this.clock.now() };
    try {
      await this.find(login);
      await this.count(login);
      const proof = await this.authenticate(login);
      await this.checkLock(login, proof);
      refuse(proof);
      const issued = await this.issue(login, proof);
      this.counts.add(`${method.definition.slug} succeeded`);
      return issued;
    } catch (error) {
      const told = await this.handleFailure(login, error);
      this.counts.add(`${method.definition.slug} ${outcomeOf(told)}`);
      throw told;
    }
  }

  /** Reads the configuration of the named identity. @throws AuthMethodNotFoundError */
  private async find(login: Login): Promise<void> {
    const { definition, credentials, missing } = login;
    if (definition.hasClientId) return;
    const { identityId = '' } = credentials as { identityId?: string };
    login.configuration = await this.configurations.find(identityId, definition.slug);
    if (!login.configuration) throw missing();
  }

  /** Counts an attempt that a method reserves, as if it were a wrong guess. @throws LockedOutError */
  private async count(login: Login): Promise<void> {
    const guess = login.method.reserve?.(attemptOf(login));
    if (!guess) return;
    const reserved = reservationOf(login, guess);
    login.isLocking = await this.lockouts.countWrong(reserved, login.now);
    login.reserved = reserved;
    login.guessesToClear = reserved;
  }

  /** Has the method prove the credentials. @throws InvalidCredentialsError for a wrong guess, LoginTimedOutError */
  private async authenticate(login: Login): Promise<Proof> {
    login.proof = await inLoginTime(this.timeMs, () => login.method.authenticate(attemptOf(login)));
    return login.proof;
  }

  /**
   * While a name is locked, right credentials are refused too. For a reserved attempt this was checked before.
   *
   * @throws LockedOutError
   */
  private async checkLock(login: Login, { guessed }: Proof): Promise<void> {
    if (login.reserved || !guessed) return;
    if (await this.lockouts.requireUnlocked(guessed, login.now)) login.guessesToClear = guessed;
  }

  private issue({ method, origin, organizationSlug, ...login }: Login, proof: Proof): Promise<IssuedLogin> {
    const { guessesToClear, reserved } = login;
    return this.tokens.issue({
      method,
      proof,
      origin,
      organizationSlug,
      guessesToClear,
      isReserved: Boolean(reserved),
    });
  }

  /**
   * Corrects the count after a failed login, and reports the failure.
   *
   * @returns the error for the caller: a lockout replaces a wrong guess.
   */
  private async handleFailure(login: Login, error: unknown): Promise<unknown> {
    let told = error;
    try {
      await this.correctCount(login, error);
    } catch (failure) {
      told = failure;
    }
    this.reportFailure(login, told);
    return told;
  }

  /** Corrects the count so that it holds wrong guesses only. @throws LockedOutError */
  private async correctCount(login: Login, error: unknown): Promise<void> {
    const { reserved, proof, now } = login;
    const wrongGuess = !proof && error instanceof InvalidCredentialsError ? error : undefined;
    if (!reserved) return this.countWrong(wrongGuess?.guessed, login);
    if (!wrongGuess) return this.lockouts.cancelGuess(reserved, now);
    if (login.isLocking) this.reportLock(reserved, login);
  }

  /** @throws LockedOutError */
  private async countWrong(guessed: LockoutSubject | undefined, login: Login): Promise<void> {
    if (guessed && (await this.lockouts.countWrong(guessed, login.now))) this.reportLock(guessed, login);
  }

  private reportLock({ authMethodId }: LockoutSubject, { definition, origin }: Login): void {
    if (authMethodId !== null) this.events.lockedOut({ method: definition.slug, authMethodId, ...origin });
  }

  private reportFailure({ definition, origin, ...login }: Login, error: unknown): void {
    if (!(error instanceof LatchkeyError)) return;
    const known = login.proof?.configuration ?? login.configuration;
    const { id: authMethodId, identityId } = known ?? { id: guessedAt(error), identityId: undefined };
    const reason = error.errorCode ?? error.name;
    this.events.failed({ method: definition.slug, reason, authMethodId, identityId, ...origin }, error.getStatus());
  }
}

/** In the words of the contract: "OIDC auth method not found for identity, did you configure OIDC auth?" */
export function notConfigured({ title }: Pick<AuthMethodDefinition, 'title'>): AuthMethodNotFoundError {
  const name = title.replace(/ Auth$/, '');
  return new AuthMethodNotFoundError(`${name} auth method not found for identity, did you configure ${name} auth?`);
}

/** Refuses right credentials, for example expired ones. Only called once the lock was checked, so that the caller may be told. */
function refuse({ refusal, identityAuth = {} }: Proof): void {
  if (refusal) throw refusal;
  if (Buffer.byteLength(JSON.stringify(identityAuth)) <= MAX_IDENTITY_AUTH_BYTES) return;
  throw new LoginError('identity_auth_too_large', 'Access denied: the claims for the access token are too large');
}

function attemptOf({ credentials, origin, now, configuration }: Login): LoginAttempt | IdentityLoginAttempt {
  const attempt = { credentials, address: origin.address, now };
  return configuration ? { ...attempt, configuration } : attempt;
}

function reservationOf({ configuration, definition }: Login, { name, policy }: Guess): LockoutSubject {
  if (!configuration) throw new TypeError(`${definition.slug} finds its configuration itself, and so cannot reserve`);
  const { id } = configuration;
  return { id: idOf(id, name), authMethodId: id, policy };
}

function guessedAt(error: LatchkeyError): string | undefined {
  return (error instanceof InvalidCredentialsError && error.guessed?.authMethodId) || undefined;
}

/** An id for a name within a configuration, always the same. */
function idOf(authMethodId: string, name: string): string {
  return uuidFromDigest(createHash('sha256').update(`${authMethodId} ${name}`).digest());
}
