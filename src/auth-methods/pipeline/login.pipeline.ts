import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock/clock';
import { uuidFromDigest } from '../../common/crypto/uuid-from-digest';
import { LatchkeyError } from '../../common/errors/latchkey.error';
import type { RequestOrigin } from '../../common/http/request-origin';
import type { AuthMethod, Guess, IdentityLoginAttempt, LoginAttempt, MethodConfiguration, Proof } from '../auth-method';
import type { AuthMethodDefinition } from '../auth-method.definition';
import { AuthMethodNotFoundError, InvalidCredentialsError, LoginError } from '../auth-methods.errors';
import { LockoutsService, type LockoutSubject } from './lockouts.service';
import { LoginConfigurationFinder } from './login-configuration.finder';
import { type IssuedLogin, LoginTokenIssuer } from './login-token.issuer';
import { SecurityEventReporter } from './security-event.reporter';

/** How one logs in: the definition of a method, its behaviour, and how it refuses an identity that does not have it. */
export interface LoginMethod {
  readonly definition: AuthMethodDefinition;
  readonly method: AuthMethod;
  readonly missing: () => Error;
}

/** What a caller sends who wants a token. */
export interface LoginRequest {
  readonly credentials: object;
  readonly origin: RequestOrigin;
  /** The organization of the token; only the identity's own is accepted. */
  readonly organizationSlug: string | undefined;
}

/** One login on its way through the steps, and what they have found out so far. */
interface Login extends LoginMethod, LoginRequest {
  readonly now: Date;
  /** What the named identity is configured with; undefined for methods that find it themselves. */
  configuration?: MethodConfiguration;
  /** What the attempt was counted against beforehand, as if it were a wrong guess. */
  reserved?: LockoutSubject;
  /** Whether that count has locked the name. It stays locked only if the guess is wrong. */
  isLocking?: boolean;
  proof?: Proof;
  /** The wrong guesses that a token makes forgotten. */
  guessesToClear?: LockoutSubject;
}

/** The largest JSON of claims that goes into the token: with the rest it stays within what Latchkey's JWTs may measure. */
const MAX_IDENTITY_AUTH_BYTES = 1_024;

/**
 * From credentials to an access token, the same way for every method. A method that reserves its attempts has them counted
 * before anything is compared; any other has a wrong guess counted afterwards. Both follow the same line: each step does
 * nothing where the method has nothing for it.
 */
@Injectable()
export class LoginPipeline {
  constructor(
    private readonly configurations: LoginConfigurationFinder,
    private readonly lockouts: LockoutsService,
    private readonly tokens: LoginTokenIssuer,
    private readonly events: SecurityEventReporter,
    private readonly clock: Clock,
  ) {}

  /** @throws AuthMethodNotFoundError, InvalidCredentialsError, LockedOutError, and whatever the method refuses with */
  async login(method: LoginMethod, request: LoginRequest): Promise<IssuedLogin> {
    const login: Login = { ...method, ...request, now: this.clock.now() };
    try {
      await this.find(login);
      await this.count(login);
      const proof = await this.authenticate(login);
      await this.checkLock(login, proof);
      refuse(proof);
      return await this.issue(login, proof);
    } catch (error) {
      throw await this.handleFailure(login, error);
    }
  }

  /** What the named identity is configured with. @throws AuthMethodNotFoundError */
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

  /** What the method itself does. @throws InvalidCredentialsError for a wrong guess */
  private async authenticate(login: Login): Promise<Proof> {
    login.proof = await login.method.authenticate(attemptOf(login));
    return login.proof;
  }

  /** Right or wrong, nothing gets in while it is locked. A reserved attempt has found that out already. @throws LockedOutError */
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

  /** What a failed login leaves behind, and the error its caller is told: being locked out outweighs a wrong guess. */
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

  /** Leaves exactly the wrong guesses counted. @throws LockedOutError */
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

/** The contract's words: "OIDC auth method not found for identity, did you configure OIDC auth?" */
export function notConfigured({ title }: Pick<AuthMethodDefinition, 'title'>): AuthMethodNotFoundError {
  const name = title.replace(/ Auth$/, '');
  return new AuthMethodNotFoundError(`${name} auth method not found for identity, did you configure ${name} auth?`);
}

/** Refuses credentials that are good but not good enough, once it is certain that the caller may be told. */
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
