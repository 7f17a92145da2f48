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

/** What a token is made from. */
export interface NewAccessToken {
  readonly identityId: string;
  /** What its holder calls it: 1 to 255 characters. */
  readonly name?: string;
}

/** A token that was just made. */
export interface IssuedAccessToken {
  readonly tokenId: string;
  readonly identityId: string;
  /** The token itself. It is known only here: keep it, or hand it on, now. */
  readonly accessToken: string;
  /** Null for a token that never runs out. */
  readonly expiresAt: Date | null;
}

/**
 * Makes and revokes access tokens in a host's own code, in the host's own transaction when it gives one. It asks for no
 * permission: who may is the host's to decide.
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
   * Revokes a token, whichever method it came from, and it never comes back to life. Its very next use in this process is
   * refused, and after `revocationBoundMs` any use on any node; in a transaction of the host's, that counts from the commit,
   * and `settle` makes it at once in this process.
   *
   * @throws LastAdministratorError for the last credential of the last administrator of an organization.
   * @returns false for a token that is not there, or was revoked before.
   */
  async revoke(tokenId: string, options: ChangeOptions = {}): Promise<boolean> {
    if (!isId(tokenId)) return false;
    const organizationId = organizationOf(options);
    return this.transaction.takeAway('revoke-access-token', options, async (work) => {
      const { run } = work;
      const isRevoked = await this.lastAdministrator.keepForToken(run, { tokenId, organizationId }, () =>
        this.store.revoke(run, { tokenId, organizationId, revokedAt: this.clock.now() }),
      );
      if (isRevoked) work.changed({ type: 'token', id: tokenId, organizationId: organizationId ?? undefined });
      else work.unchanged();
      return isRevoked;
    });
  }

  /** After a commit of the host's: has this process learn at once of what was made, revoked, changed or deleted in it. */
  async settle(): Promise<void> {
    await this.receipts.applyLocally();
    this.cache.forgetRefusals();
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
