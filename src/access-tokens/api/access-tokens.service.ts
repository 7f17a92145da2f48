import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Clock } from '../../common/clock/clock';
import { ChangesService } from '../../changes/changes.service';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import { sqlOn } from '../../database/sql-runner';
import { LastAdministratorService } from '../../permissions/last-administrator.service';
import { type Receipt, ChangeReceiptsService } from '../../change-feed/change-receipts.service';
import { AccessTokenIssuer, secondsBetween, type SignedAccessToken } from '../issuing/access-token.issuer';
import { AccessTokenStore } from '../issuing/access-token.store';
import { AccessTokenKeyring } from '../issuing/access-token.keyring';
import { AccessTokenRefusedError } from '../issuing/access-tokens.errors';
import { FOREVER_SECONDS, tighter } from '../issuing/lifetime';
import { TokenFactsReader } from '../verification/token-facts.reader';
import { requireUsable } from '../verification/token-rules';

/** Renews and revokes a token for its holder, whichever auth method issued it. */
@Injectable()
export class AccessTokensService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly keyring: AccessTokenKeyring,
    private readonly issuer: AccessTokenIssuer,
    private readonly store: AccessTokenStore,
    private readonly changes: ChangesService,
    private readonly facts: TokenFactsReader,
    private readonly receipts: ChangeReceiptsService,
    private readonly clock: Clock,
    private readonly lastAdministrator: LastAdministratorService,
  ) {}

  /** Signs a later JWT for the same token (decision 4). Counts no use. */
  async renew(jwt: string, address: string | undefined): Promise<SignedAccessToken & { accessTokenMaxTTL: number }> {
    const claims = this.keyring.verify(jwt);
    const { jti } = claims;
    const now = this.clock.now();
    const facts = requireUsable({
      facts: await this.facts.find(claims),
      epochMs: now.getTime(),
      address,
      purpose: 'Cannot renew',
    });
    const policy = tighter(facts, facts.method);
    const expiresAt = this.issuer.renewedExpiry(policy, facts.createdAt, now);
    await this.extend(jti, now, expiresAt);
    const { tokenId: id, organization, method } = facts;
    const signed = this.issuer.sign(
      { ...facts, id, organizationId: organization.id, trustedIps: method.trustedIps },
      now,
      expiresAt,
    );
    const isPeriodic = policy.accessTokenPeriod > 0;
    return { ...signed, accessTokenMaxTTL: (!isPeriodic && policy.accessTokenMaxTTL) || FOREVER_SECONDS };
  }

  /**
   * Revokes the token of a JWT, and with it every JWT of its chain. A revocation is final; to revoke again has the same result.
   *
   * @throws LastAdministratorError: the holder of an administrator's last token must issue another one first
   */
  async revoke(jwt: string): Promise<Receipt | null> {
    const { jti, identityId, orgId } = this.keyring.verify(jwt);
    const target = { identityId, organizationId: orgId, waitsForRolesOnly: true };
    return this.changes.takeAway(async ({ tx, run }) => {
      const revocation = { tokenId: jti, revokedAt: this.clock.now(), organizationId: null, includesRemoved: true };
      await this.lastAdministrator.keep(run, target, () => this.store.revoke(run, revocation));
      return this.receipts.of(tx);
    });
  }

  /** One statement, with the condition in it: a token that was revoked after its verification is not renewed. */
  private async extend(id: string, now: Date, expiresAt: Date | null): Promise<void> {
    const renewal = { tokenId: id, renewedAt: now, expiresAt, signedTTL: secondsBetween(now, expiresAt) };
    const isRenewed = await this.store.renew(sqlOn(this.dataSource, this.dataSource), renewal);
    if (!isRenewed) throw new AccessTokenRefusedError('revoked', 'Cannot renew');
  }
}
