import { Injectable } from '@nestjs/common';
import { AccessTokenCache } from '../access-tokens/verification/access-token.cache';
import { AccessTokenIssuer, type TokenMethod } from '../access-tokens/issuing/access-token.issuer';
import { AccessTokenStore } from '../access-tokens/issuing/access-token.store';
import { Clock } from '../common/clock/clock';
import { isId } from '../common/ids';
import type { TrustedIp } from '../common/net/trusted-ips';
import type { UnitOfWork } from '../changes/unit-of-work';
import { IdentityStore } from '../identities/identity.store';
import { IdentityNotFoundError } from '../identities/identities.errors';
import { CreateTokenDto } from '../token-auth/dto/token-auth.dtos';
import { LastAdministratorService } from '../permissions/last-administrator.service';
import { TOKEN_AUTH } from '../token-auth/token-auth.definition';
import { ChangeReceiptsService } from '../change-feed/change-receipts.service';
import { type ChangeOptions, HostTransactionService, organizationOf } from './host-transaction.service';
import { checked, requireKnown } from './input';

/** The identity and name of a new token. */
export interface NewAccessToken {
  readonly identityId: string;
  /** A name for people: 1 to 255 characters. */
  readonly name?: string;
}

/** A token that was just issued. */
export interface IssuedAccessToken {
  readonly tokenId: string;
  readonly identityId: string;
  /** The token itself. It is stored nowhere and cannot be read again: keep it, or hand it on, now. */
  readonly accessToken: string;
  /** When the token expires; null for a token that never does. */
  readonly expiresAt: Date | null;
}

/**
 * Issues and revokes access tokens in a host's own code, in the host's own transaction if it passes one. It checks no
 * permission: the host decides who may call it.
 */
@Injectable()
export class AccessTokens {
  constructor(
    private readonly transaction: HostTransactionService,
    private readonly issuer: AccessTokenIssuer,
    private readonly store: AccessTokenStore,
    private readonly identities: IdentityStore,
    private readonly clock: Clock,
    private readonly receipts: ChangeReceiptsService,
    private readonly cache: AccessTokenCache,
    private readonly lastAdministrator: LastAdministratorService,
  ) {}

  /**
   * Makes a token for an identity that has Token Auth.
   *
   * @throws IdentityNotFoundError, AuthMethodNotConfiguredError, ValidationFailureError; TypeError for an option there is not
   */
  async issue(token: NewAccessToken, options: ChangeOptions = {}): Promise<IssuedAccessToken> {
    requireKnown('issue', token, ['identityId', 'name']);
    const { name = null } = await checked(CreateTokenDto, { name: token.name });
    if (!isId(token.identityId)) throw new IdentityNotFoundError(token.identityId);
    return this.transaction.within('create-token-identity-token-auth', options, async (work) => {
      const { run } = work;
      const holder = { identityId: token.identityId, organizationId: organizationOf(options) };
      // Locked first, read afterwards: a method that was removed in the meantime must not be seen any more.
      const isThere = await this.identities.noteLogin(run, holder, { method: TOKEN_AUTH.slug, at: this.clock.now() });
      if (!isThere) throw new IdentityNotFoundError(token.identityId);
      return this.issueBy(work, token.identityId, name);
    });
  }

  private async issueBy(work: UnitOfWork, identityId: string, name: string | null): Promise<IssuedAccessToken> {
    const { run } = work;
    const [found] = await run<MethodRow>(FIND_METHOD, [identityId, TOKEN_AUTH.slug]);
    if (found === undefined) throw TOKEN_AUTH.refusals.missingOnRemove();
    const { identityName, trustedIps, organizationId, ...method } = found;
    const row = await this.issuer.insert(run, { identity: { id: found.identityId, organizationId }, method, name });
    const { id: tokenId, createdAt, expiresAt } = row;
    work.changed({ type: 'token', id: tokenId, identityId: row.identityId, organizationId });
    const { accessToken } = this.issuer.sign({ ...row, identityName, trustedIps }, createdAt, expiresAt);
    return { tokenId, identityId: row.identityId, accessToken, expiresAt };
  }

  /**
   * Revokes a token for good, whichever auth method issued it. This process refuses its next use, and after `revocationBoundMs`
   * every node refuses it. In a transaction of the host, that time runs from the commit; `applyChanges` applies the change to this
   * process at once.
   *
   * @throws LastAdministratorError for the last credential of the last administrator of an organization;
   * DatabaseUnavailableError.
   * @returns false for a token that does not exist, or was revoked before.
   */
  async revoke(tokenId: string, options: ChangeOptions = {}): Promise<boolean> {
    if (!isId(tokenId)) return false;
    const organizationId = organizationOf(options);
    return this.transaction.takeAway('revoke-identity-access-token', options, async (work) => {
      const { run } = work;
      const isRevoked = await this.lastAdministrator.keepForToken(run, { tokenId, organizationId }, () =>
        this.store.revoke(run, { tokenId, organizationId, revokedAt: this.clock.now() }),
      );
      if (isRevoked) work.changed({ type: 'token', id: tokenId, organizationId: organizationId ?? undefined });
      else work.unchanged();
      return isRevoked;
    });
  }

  /**
   * To be called after a commit of the host: applies to this process at once what the transaction issued, revoked, changed or
   * deleted.
   */
  async applyChanges(): Promise<void> {
    await this.receipts.applyLocally();
    this.cache.discardRefusals();
  }
}

interface MethodRow extends TokenMethod {
  readonly identityId: string;
  readonly identityName: string;
  readonly organizationId: string;
  readonly trustedIps: TrustedIp[];
}

const FIND_METHOD = `
  SELECT a.id, a.method, i.id AS "identityId", i.name AS "identityName", i.organization_id AS "organizationId",
         a.access_token_ttl AS "accessTokenTTL", a.access_token_max_ttl AS "accessTokenMaxTTL",
         a.access_token_period AS "accessTokenPeriod", a.access_token_num_uses_limit AS "accessTokenNumUsesLimit",
         a.access_token_trusted_ips AS "trustedIps"
    FROM latchkey.identities i
    JOIN latchkey.identity_auth_methods a ON a.identity_id = i.id AND a.method = $2
   WHERE i.id = $1`;
