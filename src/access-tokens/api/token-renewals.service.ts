import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock/clock';
import type { TokenHolder } from '../../changes/change';
import type { RequestOrigin } from '../../common/http/request-origin';
import { ChangesService } from '../../changes/changes.service';
import { AccessTokenIssuer, secondsBetween, type SignedAccessToken } from '../issuing/access-token.issuer';
import { AccessTokenStore } from '../issuing/access-token.store';
import { AccessTokenKeyring } from '../issuing/access-token.keyring';
import { AccessTokenRefusedError, KeyNotRenewableError } from '../issuing/access-tokens.errors';
import { ShortKeyring } from '../issuing/short-key.keyring';
import { FOREVER_SECONDS, tighter } from '../issuing/lifetime';
import { TokenFactsReader } from '../verification/token-facts.reader';
import { requireUsable } from '../verification/token-rules';
import { holderTarget } from './holder-target';

/** Renews a token for its holder, whichever auth method issued it. */
@Injectable()
export class TokenRenewalsService {
  constructor(
    private readonly keyring: AccessTokenKeyring,
    private readonly shortKeys: ShortKeyring,
    private readonly issuer: AccessTokenIssuer,
    private readonly store: AccessTokenStore,
    private readonly facts: TokenFactsReader,
    private readonly changes: ChangesService,
    private readonly clock: Clock,
  ) {}

  /** Signs a later JWT for the same token (decision 4). Counts no use. */
  async renew(jwt: string, origin: RequestOrigin): Promise<SignedAccessToken & { accessTokenMaxTTL: number }> {
    const { address } = origin;
    if (this.shortKeys.isKey(jwt)) throw new KeyNotRenewableError();
    const claims = this.keyring.verify(jwt);
    const now = this.clock.now();
    const facts = requireUsable({
      facts: await this.facts.find(claims),
      epochMs: now.getTime(),
      address,
      purpose: 'Cannot renew',
    });
    const policy = tighter(facts, facts.method);
    const expiresAt = this.issuer.renewedExpiry(policy, facts.createdAt, now);
    const { tokenId: id, organization, method, identityId } = facts;
    const holder = { tokenId: id, identityId, organizationId: organization.id, ...origin };
    await this.extend(holder, now, expiresAt);
    const signed = this.issuer.sign(
      { ...facts, id, organizationId: organization.id, trustedIps: method.trustedIps },
      now,
      expiresAt,
    );
    const isPeriodic = policy.accessTokenPeriod > 0;
    return { ...signed, accessTokenMaxTTL: (!isPeriodic && policy.accessTokenMaxTTL) || FOREVER_SECONDS };
  }

  /** One statement, with the condition in it: a token that was revoked after its verification is not renewed. */
  private async extend(holder: TokenHolder, renewedAt: Date, expiresAt: Date | null): Promise<void> {
    const renewal = { tokenId: holder.tokenId, renewedAt, expiresAt, signedTTL: secondsBetween(renewedAt, expiresAt) };
    await this.changes.add({ actor: holder, action: 'renew-identity-access-token' }, async (work) => {
      const isRenewed = await this.store.renew(work.run, renewal);
      if (!isRenewed) throw new AccessTokenRefusedError('revoked', 'Cannot renew');
      work.changed(holderTarget(holder));
    });
  }
}
