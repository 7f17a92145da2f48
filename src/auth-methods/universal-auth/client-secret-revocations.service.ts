import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { VerifiedAccessToken } from '../../access-tokens/verification/verified-access-token';
import { Clock } from '../../common/clock/clock';
import { isId } from '../../common/ids';
import { ManagedIdentitiesService } from '../../identities/managed-identities.service';
import { ChangesService } from '../../changes/changes.service';
import type { Actor } from '../../changes/change';
import { clientSecretTarget } from '../../changes/targets';
import { makeDurable, type OwnUnitOfWork } from '../../changes/unit-of-work';
import { LastAdministratorService } from '../../permissions/last-administrator.service';
import type { Attempt } from '../../permissions/permissions.service';
import { ClientSecret } from '../../database/entities/client-secret.entity';
import { ClientSecretStore } from './client-secret.store';
import { ClientSecretDto } from './dto/client-secret.dtos';
import { ClientSecretNotFoundError } from './universal-auth.errors';

export const REVOKE_SECRET: Attempt = {
  what: 'revoke client secret of identity',
  permission: 'identity:delete-token',
  isRevocation: true,
};

/** Revokes client secrets. Unlike other changes of client secrets, this affects verification and must reach every node. */
@Injectable()
export class ClientSecretRevocationsService {
  constructor(
    private readonly store: ClientSecretStore,
    private readonly managed: ManagedIdentitiesService,
    private readonly changes: ChangesService,
    private readonly lastAdministrator: LastAdministratorService,
    private readonly clock: Clock,
  ) {}

  /** Revokes a secret and its tokens, for good; a repetition has the same result. */
  async revoke(actor: Actor, identityId: string, clientSecretId: string): Promise<ClientSecretDto> {
    const { caller } = actor;
    const target = { identityId, organizationId: caller.organization.id };
    const action = 'revoke-identity-universal-auth-client-secret';
    const revoked = await this.changes.takeAway({ actor, action }, (work) =>
      this.lastAdministrator.keep(work.run, target, () => this.revokeIn(work, caller, identityId, clientSecretId)),
    );
    return ClientSecretDto.of(revoked);
  }

  private async revokeIn(
    work: OwnUnitOfWork,
    caller: VerifiedAccessToken,
    identityId: string,
    clientSecretId: string,
  ): Promise<ClientSecret> {
    const { tx, run } = work;
    const { identity } = await this.managed.getForChange(tx, caller, identityId, REVOKE_SECRET);
    const secret = await requireSecret(tx, identity.id, clientSecretId);
    const now = this.clock.now();
    if (await this.store.revoke(run, secret.id, now)) {
      work.changed(clientSecretTarget(secret, identity.organizationId));
      return Object.assign(secret, { revokedAt: now, updatedAt: now });
    }
    // The caller of an earlier revocation may have given up while that revocation waited for the standby.
    work.unchanged();
    await makeDurable(run);
    return secret;
  }
}

/** @throws ClientSecretNotFoundError, also for a secret of another identity. */
export async function requireSecret(tx: EntityManager, identityId: string, id: string): Promise<ClientSecret> {
  const secret = isId(id) ? await tx.findOneBy(ClientSecret, { id, identityId }) : null;
  if (!secret) throw new ClientSecretNotFoundError(id);
  return secret;
}
