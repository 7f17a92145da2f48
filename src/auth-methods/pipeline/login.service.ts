import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { AccessTokenIssuer, type SignedAccessToken } from '../../access-tokens/issuing/access-token.issuer';
import { FOREVER_SECONDS } from '../../access-tokens/issuing/lifetime';
import { LatchkeyError } from '../../common/errors/latchkey.error';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import { inSchemaOf } from '../../database/schema';
import { Identity } from '../../database/entities/identity.entity';
import { OrganizationMembership } from '../../database/entities/organization-membership.entity';
import type { Organization } from '../../database/entities/organization.entity';
import { SubOrganizationNotFoundError } from '../../organizations/organizations.errors';
import type { Proof } from '../auth-method';
import { InvalidCredentialsError, LoginRefusedError } from '../auth-methods.errors';
import { IdentityAuthMethod } from '../../database/entities/identity-auth-method.entity';
import { LockoutsService } from './lockouts.service';
import { SecurityEvents } from './security-events';
import { type LoginMethod, LoginProver, type Proven } from './login.prover';

/** Somebody who wants a token. */
export interface LoginRequest {
  readonly credentials: object;
  readonly address: string | undefined;
  /** The organization the token is to speak in; there is only the identity's own. */
  readonly organizationSlug: string | undefined;
}

export type Login = SignedAccessToken & { readonly accessTokenMaxTTL: number };

type Issuing = Pick<LoginRequest, 'address' | 'organizationSlug'> & Proven;

/** From credentials to an access token: the same way whatever the method. */
@Injectable()
export class LoginService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly prover: LoginProver,
    private readonly issuer: AccessTokenIssuer,
    private readonly lockouts: LockoutsService,
    private readonly events: SecurityEvents,
  ) {}

  async login(method: LoginMethod, { credentials, address, organizationSlug }: LoginRequest): Promise<Login> {
    let known: Proof['configuration'] | undefined;
    try {
      const attempt = this.prover.attempt(credentials, address);
      const configuration = await this.prover.configurationFor(method, attempt);
      known = configuration;
      const proven = await this.prover.prove(method, configuration ? { ...attempt, configuration } : attempt);
      known = proven.proof.configuration;
      return await this.issueFor({ ...proven, address, organizationSlug });
    } catch (error) {
      this.tellFailure(method.definition.slug, error, known, address);
      throw error;
    }
  }

  private async issueFor(issuing: Issuing): Promise<Login> {
    try {
      return await this.dataSource.transaction((tx) => this.issue(tx, issuing));
    } catch (error) {
      const { remembered, isReserved, now } = issuing;
      if (remembered && isReserved) await this.lockouts.giveBack(remembered, now);
      throw error;
    }
  }

  private tellFailure(
    method: string,
    error: unknown,
    known: Proof['configuration'] | undefined,
    address: string | undefined,
  ): void {
    if (!(error instanceof LatchkeyError)) return;
    const { id: authMethodId, identityId } = known ?? { id: guessedAt(error), identityId: undefined };
    this.events.failed({ method, reason: error.errorCode ?? error.name, authMethodId, identityId, address });
  }

  private async issue(tx: EntityManager, { proof, remembered, isReserved, address, organizationSlug }: Issuing) {
    const { identity, method, membership } = requireAdmitted(await this.lockedSubject(tx, proof), organizationSlug);
    const { clientSecretId, identityAuth } = proof;
    const token = await this.issuer.insert(tx, { identity, method, name: null, clientSecretId, identityAuth });
    await noteLogin(tx, membership, method.method, token.createdAt);
    if (remembered) await this.lockouts.forget(tx, remembered, token.createdAt, isReserved);
    await proof.spend?.(tx);
    const ids = { authMethodId: method.id, identityId: identity.id, tokenId: token.id, clientSecretId };
    await this.events.succeeded(tx, { method: method.method, ...ids, address });
    const signable = { ...token, identityName: identity.name, trustedIps: method.accessTokenTrustedIps };
    const signed = this.issuer.sign(signable, token.createdAt, token.expiresAt);
    const accessTokenMaxTTL = (method.accessTokenPeriod === 0 && method.accessTokenMaxTTL) || FOREVER_SECONDS;
    return { ...signed, accessTokenMaxTTL };
  }

  /** Whom a token is for, kept from removal until it is there to be revoked. @throws InvalidCredentialsError */
  private async lockedSubject(tx: EntityManager, { configuration }: Proof): Promise<Subject> {
    const { id: authMethodId, identityId } = configuration;
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

function guessedAt(error: LatchkeyError): string | undefined {
  return (error instanceof InvalidCredentialsError && error.guessed?.authMethodId) || undefined;
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
  method: string,
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
