import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { type DataSource, type EntityManager } from 'typeorm';
import { AccessTokenIssuer, type SignedAccessToken } from '../access-tokens/access-token.issuer';
import { FOREVER_SECONDS } from '../access-tokens/lifetime';
import { Clock } from '../common/clock/clock';
import { LATCHKEY_DATA_SOURCE } from '../database/data-source-name';
import { inSchemaOf } from '../database/schema';
import { Identity } from '../identities/identity.entity';
import { OrganizationMembership } from '../identities/organization-membership.entity';
import type { Organization } from '../organizations/organization.entity';
import { SubOrganizationNotFoundError } from '../organizations/organizations.errors';
import type { AuthMethod, LoginAttempt, Proof } from './auth-method';
import type { AuthMethodName } from './auth-method-names';
import { InvalidCredentialsError, LoginRefusedError } from './auth-methods.errors';
import { IdentityAuthMethod } from './identity-auth-method.entity';
import { Lockouts } from './lockouts.service';
import { LoginEvents } from './login-events';

/** Somebody who wants a token. */
export interface LoginRequest<Credentials extends object> {
  readonly credentials: Credentials;
  readonly address: string | undefined;
  /** The organization the token is to speak in; there is only the identity's own. */
  readonly organizationSlug: string | undefined;
}

export type Login = SignedAccessToken & { readonly accessTokenMaxTTL: number };

/** From credentials to an access token: the same way whatever the method. */
@Injectable()
export class LoginService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly issuer: AccessTokenIssuer,
    private readonly lockouts: Lockouts,
    private readonly events: LoginEvents,
    private readonly clock: Clock,
  ) {}

  async login<Credentials extends object>(
    slug: AuthMethodName,
    method: AuthMethod<Credentials>,
    { credentials, address, organizationSlug }: LoginRequest<Credentials>,
  ): Promise<Login> {
    const proof = await this.prove(slug, method, { credentials, address, now: this.clock.now() });
    const { login, tokenId } = await this.dataSource.transaction((tx) => this.issue(tx, proof, organizationSlug));
    const { identityId, clientSecretId } = proof;
    this.events.succeeded({ method: slug, identityId, tokenId, clientSecretId, address });
    return login;
  }

  private async prove<Credentials extends object>(
    slug: AuthMethodName,
    method: AuthMethod<Credentials>,
    attempt: LoginAttempt<Credentials>,
  ): Promise<Proof> {
    const { now } = attempt;
    try {
      const proof = await method.authenticate(attempt);
      const isRemembered = proof.guessed && (await this.lockouts.requireUnlocked(proof.guessed, now));
      proof.accept?.();
      return isRemembered ? proof : { ...proof, guessed: undefined };
    } catch (error) {
      if (error instanceof InvalidCredentialsError) await this.count(slug, error, attempt);
      throw error;
    }
  }

  /** @throws LockedOutError */
  private async count(
    method: AuthMethodName,
    { guessed }: InvalidCredentialsError,
    { address, now }: Pick<LoginAttempt<object>, 'address' | 'now'>,
  ): Promise<void> {
    if (!guessed) return;
    const isLocking = await this.lockouts.countWrong(guessed, now);
    const { authMethodId } = guessed;
    if (isLocking && authMethodId !== null) this.events.lockedOut({ method, authMethodId, address });
  }

  private async issue(tx: EntityManager, proof: Proof, organizationSlug: string | undefined) {
    const { identity, method, membership } = requireAdmitted(await this.lockedSubject(tx, proof), organizationSlug);
    const { clientSecretId } = proof;
    const token = await this.issuer.insert(tx, { identity, method, name: null, clientSecretId });
    await noteLogin(tx, membership, method.method, token.createdAt);
    if (proof.guessed) await this.lockouts.forget(tx, proof.guessed, token.createdAt);
    await proof.spend?.(tx);
    const signable = { ...token, identityName: identity.name, trustedIps: method.accessTokenTrustedIps };
    const signed = this.issuer.sign(signable, token.createdAt, token.expiresAt);
    const accessTokenMaxTTL = (method.accessTokenPeriod === 0 && method.accessTokenMaxTTL) || FOREVER_SECONDS;
    return { login: { ...signed, accessTokenMaxTTL }, tokenId: token.id };
  }

  /** Whom a token is for, kept from removal until it is there to be revoked. @throws InvalidCredentialsError */
  private async lockedSubject(tx: EntityManager, { identityId, authMethodId }: Proof): Promise<Subject> {
    const identity = (await tx
      .createQueryBuilder(Identity, 'i')
      .innerJoinAndSelect('i.organization', 'o')
      .innerJoinAndMapOne('i.method', IdentityAuthMethod, 'a', 'a.identityId = i.id AND a.id = :authMethodId')
      .leftJoinAndMapOne(
        'i.membership',
        OrganizationMembership,
        'm',
        'm.identityId = i.id AND m.organizationId = i.organizationId',
      )
      .where('i.id = :identityId', { identityId, authMethodId })
      // The identity first, as its deletion has it: the other way round the two would wait for each other.
      .setLock('for_key_share', undefined, ['i', 'a'])
      .getOne()) as (Subject['identity'] & Omit<Subject, 'identity'>) | null;
    // Removed a moment ago: as if it had never been.
    if (!identity) throw new InvalidCredentialsError();
    return { identity, method: identity.method, membership: identity.membership };
  }
}

interface Subject {
  readonly identity: Identity & { readonly organization: Organization };
  readonly method: IdentityAuthMethod;
  readonly membership: OrganizationMembership | null;
}

/** @throws LoginRefusedError, SubOrganizationNotFoundError */
function requireAdmitted(subject: Subject, organizationSlug: string | undefined) {
  const { membership, identity } = subject;
  if (!membership) throw new LoginRefusedError('not_a_member');
  if (!membership.isActive) throw new LoginRefusedError('membership_inactive');
  const slug = organizationSlug ?? identity.organization.slug;
  if (slug !== identity.organization.slug) throw new SubOrganizationNotFoundError(slug);
  return { ...subject, membership };
}

/** At most every ten seconds: a write a login would make a hot row of an identity that logs in often. */
async function noteLogin(
  tx: EntityManager,
  { id, lastLoginAuthMethod, lastLoginAt }: OrganizationMembership,
  method: AuthMethodName,
  at: Date,
): Promise<void> {
  const isFresh = lastLoginAt !== null && at.getTime() - lastLoginAt.getTime() < NOTE_INTERVAL_MS;
  if (isFresh && lastLoginAuthMethod === method) return;
  await tx.query(inSchemaOf(tx.dataSource, NOTE_LOGIN), [id, method, at]);
}

const NOTE_INTERVAL_MS = 10_000;

// Whoever finds the row taken leaves it: another login notes the same, or a manager has it, who may take long.
const NOTE_LOGIN = `
  UPDATE latchkey.organization_memberships SET last_login_auth_method = $2, last_login_at = $3
   WHERE id = (SELECT id FROM latchkey.organization_memberships WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED)`;
