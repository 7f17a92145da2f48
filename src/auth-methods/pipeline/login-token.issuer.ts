import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { AccessTokenIssuer, type SignedAccessToken } from '../../access-tokens/issuing/access-token.issuer';
import { FOREVER_SECONDS } from '../../access-tokens/issuing/lifetime';
import type { RequestOrigin } from '../../common/http/request-origin';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import type { IdentityAccessToken } from '../../database/entities/identity-access-token.entity';
import { Identity } from '../../database/entities/identity.entity';
import { IdentityAuthMethod } from '../../database/entities/identity-auth-method.entity';
import { OrganizationMembership } from '../../database/entities/organization-membership.entity';
import type { Organization } from '../../database/entities/organization.entity';
import { sqlIn } from '../../database/sql-runner';
import { IdentityStore, type NotedLogin } from '../../identities/identity.store';
import { SubOrganizationNotFoundError } from '../../organizations/organizations.errors';
import type { AuthMethod, Proof } from '../auth-method';
import { InvalidCredentialsError, LoginRefusedError } from '../auth-methods.errors';
import { LockoutsService, type LockoutSubject } from './lockouts.service';
import { SecurityEventReporter } from './security-event.reporter';

/** A login that has been proved, and what its token settles. */
export interface ProvenLogin {
  readonly method: Pick<AuthMethod, 'consume'>;
  readonly proof: Proof;
  readonly origin: RequestOrigin;
  /** The organization of the token; only the identity's own is accepted. */
  readonly organizationSlug: string | undefined;
  /** The wrong guesses that the token makes forgotten. */
  readonly guessesToClear: LockoutSubject | undefined;
  /** Whether this login is itself among them: it was counted beforehand. */
  readonly isReserved: boolean;
}

export type IssuedLogin = SignedAccessToken & { readonly accessTokenMaxTTL: number };

/** Turns a proof into an access token, in one transaction. */
@Injectable()
export class LoginTokenIssuer {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly issuer: AccessTokenIssuer,
    private readonly identities: IdentityStore,
    private readonly lockouts: LockoutsService,
    private readonly events: SecurityEventReporter,
  ) {}

  /** @throws InvalidCredentialsError, LoginRefusedError, SubOrganizationNotFoundError, LockedOutError */
  issue(login: ProvenLogin): Promise<IssuedLogin> {
    return this.dataSource.transaction((tx) => this.issueIn(tx, login));
  }

  private async issueIn(tx: EntityManager, login: ProvenLogin): Promise<IssuedLogin> {
    const { proof, guessesToClear, organizationSlug } = login;
    const subject = requireAdmitted(await this.lockedSubject(tx, proof), organizationSlug);
    const { identity, configuration, membership } = subject;
    const { clientSecretId, identityAuth } = proof;
    const granted = { identity, method: configuration, name: null, clientSecretId, identityAuth };
    const token = await this.issuer.insert(tx, granted);
    const made = { method: configuration.method, at: token.createdAt };
    if (isWorthNoting(membership, made)) await this.identities.noteLoginUnlessLocked(sqlIn(tx), membership.id, made);
    if (guessesToClear) await this.lockouts.clearGuesses(tx, guessesToClear, token.createdAt, login.isReserved);
    // Late, because other logins with the same credential wait for its row.
    await login.method.consume?.(tx, proof);
    await this.record(tx, token, configuration, login);
    return this.signed(token, subject);
  }

  private record(
    tx: EntityManager,
    { id: tokenId, organizationId }: IdentityAccessToken,
    { id: authMethodId, method, identityId }: IdentityAuthMethod,
    { proof: { clientSecretId }, origin }: ProvenLogin,
  ): Promise<void> {
    const login = { method, authMethodId, identityId, tokenId, clientSecretId, ...origin };
    return this.events.succeeded(tx, login, organizationId);
  }

  private signed(token: IdentityAccessToken, { identity, configuration }: Subject): IssuedLogin {
    const { accessTokenPeriod, accessTokenMaxTTL, accessTokenTrustedIps: trustedIps } = configuration;
    const signable = { ...token, identityName: identity.name, trustedIps };
    const signed = this.issuer.sign(signable, token.createdAt, token.expiresAt);
    return { ...signed, accessTokenMaxTTL: (accessTokenPeriod === 0 && accessTokenMaxTTL) || FOREVER_SECONDS };
  }

  /** Whom a token is for. Its rows cannot be removed until the token can be revoked. @throws InvalidCredentialsError */
  private async lockedSubject(tx: EntityManager, { configuration }: Proof): Promise<Subject> {
    const { id: authMethodId, identityId } = configuration;
    const identity = (await tx
      .createQueryBuilder(Identity, 'i')
      .innerJoinAndSelect('i.organization', 'o')
      .innerJoinAndMapOne('i.configuration', IdentityAuthMethod, 'a', 'a.identityId = i.id AND a.id = :authMethodId')
      .leftJoinAndMapOne(
        'i.membership',
        OrganizationMembership,
        'm',
        'm.identityId = i.id AND m.organizationId = i.organizationId',
      )
      .where('i.id = :identityId', { identityId, authMethodId })
      // The identity first, as in its deletion: in the other order, the two would wait for each other.
      .setLock('for_key_share', undefined, ['i', 'a'])
      .getOne()) as (Subject['identity'] & Omit<Subject, 'identity'>) | null;
    // The method was removed a moment ago: treated as if it had never existed.
    if (!identity) throw new InvalidCredentialsError();
    return { identity, configuration: identity.configuration, membership: identity.membership };
  }
}

interface Subject {
  readonly identity: Identity & { readonly organization: Organization };
  readonly configuration: IdentityAuthMethod;
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

/** At most one write in ten seconds: the row of an identity that logs in often would be contended. */
function isWorthNoting(
  { lastLoginAuthMethod, lastLoginAt }: OrganizationMembership,
  { method, at }: NotedLogin,
): boolean {
  const isFresh = lastLoginAt !== null && at.getTime() - lastLoginAt.getTime() < NOTE_INTERVAL_MS;
  return !isFresh || lastLoginAuthMethod !== method;
}

const NOTE_INTERVAL_MS = 10_000;
