import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Clock } from '../../common/clock/clock';
import { isId } from '../../common/ids';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import { requireAllRows } from '../../database/schema';
import type { AuthMethod, IdentityLoginAttempt, LoginAttempt, MethodConfiguration, Proof } from '../auth-method';
import type { AuthMethodDefinition } from '../auth-method.definition';
import { AuthMethodNotFoundError, InvalidCredentialsError, LoginError } from '../auth-methods.errors';
import { IdentityAuthMethod } from '../../database/entities/identity-auth-method.entity';
import { LockoutsService, type LockoutSubject } from './lockouts.service';
import { SecurityEvents } from './security-events';
import { MethodSecretsService } from '../configuration/method-secrets.service';

/** How one logs in: the definition of a method, its behaviour, and what it says where an identity does not have it. */
export interface LoginMethod {
  readonly definition: AuthMethodDefinition;
  readonly method: AuthMethod;
  readonly missing?: () => Error;
}

/** What is known once somebody has proved who it is, and what is to be settled with the token. */
export interface Proven {
  readonly proof: Proof;
  /** Wrong guesses to forget. */
  readonly remembered?: LockoutSubject;
  /** The attempt itself has been counted as wrong beforehand. */
  readonly isReserved: boolean;
  readonly now: Date;
}

/** JSON of what goes into the token: together with the rest it stays within what a JWT of ours may measure. */
const MAX_IDENTITY_AUTH_BYTES = 1_024;

/** From credentials to proof: lock-outs, and whatever the method itself does. */
@Injectable()
export class LoginProver {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly secrets: MethodSecretsService,
    private readonly lockouts: LockoutsService,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
  ) {}

  attempt(credentials: object, address: string | undefined): LoginAttempt {
    return { credentials, address, now: this.clock.now() };
  }

  /** What the identity is configured with; undefined for methods that find it themselves. @throws AuthMethodNotFoundError */
  async configurationFor(
    { definition, missing }: LoginMethod,
    { credentials }: LoginAttempt,
  ): Promise<MethodConfiguration | undefined> {
    if (definition.hasClientId) return undefined;
    const { identityId = '' } = credentials as { identityId?: string };
    const row = isId(identityId) ? await this.find(identityId, definition) : null;
    if (!row) throw missing?.() ?? notConfigured(definition);
    return { id: row.id, identityId: row.identityId, config: row.config, secrets: this.secrets.open(row) };
  }

  /** Null only where it is not there: that it is hidden is an error of the database. */
  private async find(identityId: string, { slug: method }: AuthMethodDefinition): Promise<IdentityAuthMethod | null> {
    const row = await this.dataSource.manager.findOneBy(IdentityAuthMethod, { identityId, method });
    if (!row) await requireAllRows(this.dataSource);
    return row;
  }

  /** @throws InvalidCredentialsError, LockedOutError, and whatever the method refuses with */
  async prove(
    { definition: { slug }, method }: LoginMethod,
    attempt: LoginAttempt | IdentityLoginAttempt,
  ): Promise<Proven> {
    const reserved = this.reservation(method, attempt);
    if (reserved) return this.proveReserved(slug, method, attempt, reserved);
    try {
      const proof = accepted(await method.authenticate(attempt));
      const { guessed } = proof;
      const hasEntry = guessed !== undefined && (await this.lockouts.requireUnlocked(guessed, attempt.now));
      proof.accept?.();
      return { proof, remembered: hasEntry ? guessed : undefined, isReserved: false, now: attempt.now };
    } catch (error) {
      if (error instanceof InvalidCredentialsError && error.guessed) await this.count(slug, error.guessed, attempt);
      throw error;
    }
  }

  /** Counts first, and takes it back for everything but a wrong guess. */
  private async proveReserved(
    slug: string,
    method: AuthMethod,
    attempt: LoginAttempt,
    remembered: LockoutSubject,
  ): Promise<Proven> {
    await this.count(slug, remembered, attempt);
    try {
      const proof = accepted(await method.authenticate(attempt));
      proof.accept?.();
      return { proof, remembered, isReserved: true, now: attempt.now };
    } catch (error) {
      if (!(error instanceof InvalidCredentialsError)) await this.lockouts.giveBack(remembered, attempt.now);
      throw error;
    }
  }

  private reservation(method: AuthMethod, attempt: LoginAttempt): LockoutSubject | undefined {
    const guess = method.reserve?.(attempt);
    if (!guess) return undefined;
    const { id } = (attempt as IdentityLoginAttempt).configuration;
    return { id: idOf(id, guess.name), authMethodId: id, policy: guess.policy };
  }

  /** @throws LockedOutError */
  private async count(method: string, guessed: LockoutSubject, { address, now }: LoginAttempt): Promise<void> {
    const isLocking = await this.lockouts.countWrong(guessed, now);
    const { authMethodId } = guessed;
    if (isLocking && authMethodId !== null) this.events.lockedOut({ method, authMethodId, address });
  }
}

/** The contract's words: "OIDC auth method not found for identity, did you configure OIDC auth?" */
export function notConfigured({ title }: Pick<AuthMethodDefinition, 'title'>): AuthMethodNotFoundError {
  const name = title.replace(/ Auth$/, '');
  return new AuthMethodNotFoundError(`${name} auth method not found for identity, did you configure ${name} auth?`);
}

function accepted(proof: Proof): Proof {
  const { identityAuth = {} } = proof;
  if (Buffer.byteLength(JSON.stringify(identityAuth)) <= MAX_IDENTITY_AUTH_BYTES) return proof;
  throw new LoginError('identity_auth_too_large', 'Access denied: the claims for the access token are too large');
}

/** An id for a name within a configuration: always the same. */
function idOf(authMethodId: string, name: string): string {
  const digest = createHash('sha256').update(`${authMethodId} ${name}`).digest('hex');
  return digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}
