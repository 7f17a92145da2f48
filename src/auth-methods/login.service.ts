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
import { Organization } from '../organizations/organization.entity';
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
    const { now, address } = attempt;
    try {
      const proof = await method.authenticate(attempt);
      if (proof.guessed) await this.lockouts.settleRight(proof.guessed, now);
      return proof;
    } catch (error) {
      if (!(error instanceof InvalidCredentialsError) || !error.guessed) throw error;
      const isLocking = await this.lockouts.countWrong(error.guessed, now);
      const { authMethodId } = error.guessed;
      if (isLocking && authMethodId !== null) this.events.lockedOut({ method: slug, authMethodId, address });
      throw error;
    }
  }

  /** The identity is locked before the method, as its deletion does: the other way round the two would wait for each other. */
  private async issue(tx: EntityManager, proof: Proof, organizationSlug: string | undefined) {
    const lock = { mode: 'for_key_share' as const };
    const identity = await tx.findOne(Identity, { where: { id: proof.identityId }, lock });
    const method = await tx.findOne(IdentityAuthMethod, { where: { id: proof.authMethodId }, lock });
    // Removed a moment ago: as if it had never been.
    if (!identity || !method) throw new InvalidCredentialsError();
    await requireMembership(tx, identity);
    await proof.accept?.(tx);
    await requireOwnSlug(tx, identity, organizationSlug);
    const { clientSecretId } = proof;
    const token = await this.issuer.insert(tx, { identity, method, name: null, clientSecretId });
    await tx.query(inSchemaOf(tx.dataSource, NOTE_LOGIN), [
      identity.organizationId,
      identity.id,
      method.method,
      token.createdAt,
    ]);
    const signable = { ...token, identityName: identity.name, trustedIps: method.accessTokenTrustedIps };
    const signed = this.issuer.sign(signable, token.createdAt, token.expiresAt);
    const accessTokenMaxTTL = (method.accessTokenPeriod === 0 && method.accessTokenMaxTTL) || FOREVER_SECONDS;
    return { login: { ...signed, accessTokenMaxTTL }, tokenId: token.id };
  }
}

/** @throws LoginRefusedError */
async function requireMembership(tx: EntityManager, { id: identityId, organizationId }: Identity): Promise<void> {
  const membership = await tx.findOneBy(OrganizationMembership, { organizationId, identityId });
  if (!membership) throw new LoginRefusedError('not_a_member');
  if (!membership.isActive) throw new LoginRefusedError('membership_inactive');
}

/** @throws SubOrganizationNotFoundError */
async function requireOwnSlug(tx: EntityManager, { organizationId }: Identity, slug: string | undefined) {
  if (slug === undefined) return;
  if (!(await tx.existsBy(Organization, { id: organizationId, slug }))) throw new SubOrganizationNotFoundError(slug);
}

// At most every ten seconds, and never waiting for who has the row: logins of one identity do not queue for it.
const NOTE_LOGIN = `
  UPDATE latchkey.organization_memberships SET last_login_auth_method = $3, last_login_at = $4
   WHERE id = (SELECT id FROM latchkey.organization_memberships
                WHERE organization_id = $1 AND identity_id = $2
                  AND (last_login_at IS NULL OR last_login_at < $4::timestamptz - interval '10 seconds'
                       OR last_login_auth_method IS DISTINCT FROM $3)
                  FOR NO KEY UPDATE SKIP LOCKED)`;
