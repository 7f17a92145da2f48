import { Injectable } from '@nestjs/common';
import { AccessTokenCache } from '../access-tokens/verification/access-token.cache';
import { AccessTokenIssuer, secondsBetween } from '../access-tokens/issuing/access-token.issuer';
import { Clock } from '../common/clock/clock';
import { takingAway } from '../common/async/errand';
import { isId } from '../common/ids';
import type { TrustedIp } from '../common/net/trusted-ips';
import { IdentityNotFoundError } from '../identities/identities.errors';
import { CreateTokenDto } from '../token-auth/dto/token-auth.dtos';
import { LastAdministratorService } from '../permissions/last-administrator.service';
import { TOKEN_AUTH } from '../token-auth/token-auth.definition';
import { ChangeReceiptsService } from '../change-feed/change-receipts.service';
import { type ChangeOptions, HostTransactionService, organizationOf, type Run } from './host-transaction.service';
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
    return this.transaction.within(options, async (run) => {
      const now = this.clock.now();
      // Locked first, read afterwards: a method that was removed meanwhile must not be seen any more.
      const [membership] = await run(LOCK_MEMBERSHIP, [token.identityId, now, organizationOf(options)]);
      if (membership === undefined) throw new IdentityNotFoundError(token.identityId);
      const [method] = await run<MethodRow>(FIND_METHOD, [token.identityId]);
      if (method === undefined) throw TOKEN_AUTH.refusals.missingOnRemove();
      const expiresAt = this.issuer.firstExpiry(method, now);
      const values = [method.identityId, method.organizationId, method.id, name, method.accessTokenTTL];
      const limits = [method.accessTokenMaxTTL, method.accessTokenPeriod, method.numUsesLimit];
      const life = [now, expiresAt, secondsBetween(now, expiresAt)];
      const [row] = await run<{ id: string }>(INSERT, [...values, ...limits, ...life]);
      const origin = { authMethod: 'token-auth', clientSecretId: null, identityAuth: null };
      const signable = { ...method, ...origin, id: row!.id, createdAt: now };
      const { accessToken } = this.issuer.sign(signable, now, expiresAt);
      return { tokenId: row!.id, identityId: method.identityId, accessToken, expiresAt };
    });
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
    const revoke = async (run: Run) => {
      const revoked = await this.lastAdministrator.keepForToken(run, { tokenId, organizationId }, () =>
        run(REVOKE, [tokenId, this.clock.now(), organizationId]),
      );
      return revoked.length === 1;
    };
    return takingAway(() => this.transaction.within(options, revoke));
  }

  /** After a commit of the host's: has this process learn at once of what was made, revoked, changed or deleted in it. */
  async settle(): Promise<void> {
    await this.receipts.applyLocally();
    this.cache.forgetRefusals();
  }
}

interface MethodRow {
  id: string;
  identityId: string;
  identityName: string;
  organizationId: string;
  accessTokenTTL: number;
  accessTokenMaxTTL: number;
  accessTokenPeriod: number;
  numUsesLimit: number;
  trustedIps: TrustedIp[];
}

const LOCK_MEMBERSHIP = `
  UPDATE latchkey.organization_memberships m SET last_login_auth_method = 'token-auth', last_login_at = $2
    FROM latchkey.identities i
   WHERE i.id = $1 AND m.identity_id = i.id AND m.organization_id = i.organization_id
     AND ($3::uuid IS NULL OR i.organization_id = $3)
  RETURNING m.id`;

const FIND_METHOD = `
  SELECT a.id, i.id AS "identityId", i.name AS "identityName", i.organization_id AS "organizationId",
         a.access_token_ttl AS "accessTokenTTL", a.access_token_max_ttl AS "accessTokenMaxTTL",
         a.access_token_period AS "accessTokenPeriod", a.access_token_num_uses_limit AS "numUsesLimit",
         a.access_token_trusted_ips AS "trustedIps"
    FROM latchkey.identities i
    JOIN latchkey.identity_auth_methods a ON a.identity_id = i.id AND a.method = 'token-auth'
   WHERE i.id = $1`;

const INSERT = `
  INSERT INTO latchkey.identity_access_tokens
         (identity_id, organization_id, auth_method_id, auth_method, name, access_token_ttl, access_token_max_ttl,
          access_token_period, num_uses_limit, created_at, updated_at, expires_at, signed_ttl)
  VALUES ($1, $2, $3, 'token-auth', $4, $5, $6, $7, $8, $9, $9, $10, $11)
  RETURNING id`;

const REVOKE = `
  UPDATE latchkey.identity_access_tokens SET revoked_at = $2, updated_at = $2
   WHERE id = $1 AND revoked_at IS NULL AND ($3::uuid IS NULL OR organization_id = $3)
     AND EXISTS (SELECT FROM latchkey.identity_auth_methods a WHERE a.id = auth_method_id)
  RETURNING id`;
