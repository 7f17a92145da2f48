import { Injectable } from '@nestjs/common';
import { AccessTokenStore } from '../access-tokens/issuing/access-token.store';
import { type Receipt, ChangeReceiptsService } from '../change-feed/change-receipts.service';
import type { Actor } from '../changes/change';
import { ChangesService } from '../changes/changes.service';
import { tokenTarget } from '../changes/targets';
import { NothingLeft, type OwnUnitOfWork } from '../changes/unit-of-work';
import { Clock } from '../common/clock/clock';
import type { IdentityAccessToken } from '../database/entities/identity-access-token.entity';
import { IdentityNotFoundError } from '../identities/identities.errors';
import { ManagedIdentitiesService } from '../identities/managed-identities.service';
import { LastAdministratorService } from '../permissions/last-administrator.service';
import { TokenNotRevocableError } from '../token-auth/token-auth.errors';
import { REVOKE_TOKEN } from '../token-auth/token-auth.service';
import { findManagedToken } from './managed-token-reads.service';

/** Revokes a token for the managers of its identity, whichever auth method issued it. */
@Injectable()
export class ManagedTokenRevocationsService {
  constructor(
    private readonly managed: ManagedIdentitiesService,
    private readonly store: AccessTokenStore,
    private readonly changes: ChangesService,
    private readonly clock: Clock,
    private readonly receipts: ChangeReceiptsService,
    private readonly lastAdministrator: LastAdministratorService,
  ) {}

  /** @throws TokenNotRevocableError, InstanceAdminRequiredError, PermissionBoundaryError, LastAdministratorError */
  async revoke(actor: Actor, tokenId: string): Promise<Receipt | null> {
    return this.changes.takeAway({ actor, action: 'revoke-identity-access-token' }, async (work) => {
      const found = await findManagedToken(work.tx, actor.caller, tokenId);
      if (!found) throw new TokenNotRevocableError(tokenId);
      const { identityId, organizationId } = found;
      await this.lastAdministrator.keep(work.run, { identityId, organizationId }, () =>
        this.revokeIn(work, actor, found),
      );
      return this.receipts.of(work.tx);
    });
  }

  private async revokeIn(work: OwnUnitOfWork, { caller }: Actor, found: IdentityAccessToken): Promise<void> {
    const { id: tokenId, organizationId, identityId } = found;
    const refusal = new TokenNotRevocableError(tokenId);
    await this.managed.getForChange(work.tx, caller, identityId, REVOKE_TOKEN).catch((error: unknown) => {
      throw error instanceof IdentityNotFoundError ? refusal : error;
    });
    const revoked = await this.store.revoke(work.run, { tokenId, organizationId, revokedAt: this.clock.now() });
    if (!revoked) throw new NothingLeft(refusal);
    work.changed(tokenTarget(found));
  }
}
