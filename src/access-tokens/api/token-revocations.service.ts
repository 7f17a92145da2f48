import { Injectable } from '@nestjs/common';
import { strangerAt } from '../../common/async/query-context';
import { Clock } from '../../common/clock/clock';
import type { RequestOrigin } from '../../common/http/request-origin';
import { ChangesService } from '../../changes/changes.service';
import { LastAdministratorService } from '../../permissions/last-administrator.service';
import { type Receipt, ChangeReceiptsService } from '../../change-feed/change-receipts.service';
import { AccessTokenStore } from '../issuing/access-token.store';
import { AccessTokenKeyring } from '../issuing/access-token.keyring';
import { UnknownKeyError } from '../issuing/access-tokens.errors';
import { ShortKeyring } from '../issuing/short-key.keyring';
import { type TokenClaims, TokenFactsReader } from '../verification/token-facts.reader';
import { holderTarget } from './holder-target';

/** Revokes a token for its holder, whichever auth method issued it. */
@Injectable()
export class TokenRevocationsService {
  constructor(
    private readonly keyring: AccessTokenKeyring,
    private readonly shortKeys: ShortKeyring,
    private readonly facts: TokenFactsReader,
    private readonly store: AccessTokenStore,
    private readonly lastAdministrator: LastAdministratorService,
    private readonly changes: ChangesService,
    private readonly receipts: ChangeReceiptsService,
    private readonly clock: Clock,
  ) {}

  /**
   * Revokes the token of a short key, or of a JWT, and with it every JWT of its chain. A revocation is final; to revoke again has
   * the same result.
   *
   * @throws LastAdministratorError: the holder of an administrator's last token must issue another one first
   */
  async revoke(token: string, origin: RequestOrigin): Promise<Receipt | null> {
    const { jti, identityId, orgId } = await this.claimsOf(token, origin);
    const target = { identityId, organizationId: orgId, waitsForRolesOnly: true };
    const actor = { tokenId: jti, identityId, organizationId: orgId, ...origin };
    return this.changes.takeAway({ actor, action: 'revoke-identity-access-token' }, async (work) => {
      const { tx, run } = work;
      const revocation = { tokenId: jti, revokedAt: this.clock.now(), organizationId: null, includesRemoved: true };
      const revoked = await this.lastAdministrator.keep(run, target, () => this.store.revoke(run, revocation));
      if (revoked) work.changed(holderTarget(actor));
      else work.unchanged();
      return this.receipts.of(tx);
    });
  }

  /** @throws UnknownKeyError, and what the keyrings throw */
  private async claimsOf(token: string, { address }: RequestOrigin): Promise<TokenClaims> {
    if (!this.shortKeys.isKey(token)) return this.keyring.verify(token);
    const { hashes } = this.shortKeys.presented(token);
    const { facts } = await this.facts.findByKey(hashes, strangerAt(address));
    if (facts === null) throw new UnknownKeyError();
    return { jti: facts.tokenId, identityId: facts.identityId, orgId: facts.organization.id };
  }
}
