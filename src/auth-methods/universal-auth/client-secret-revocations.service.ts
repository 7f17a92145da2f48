import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { VerifiedAccessToken } from '../../access-tokens/verification/verified-access-token';
import { Clock } from '../../common/clock/clock';
import { takingAway } from '../../common/async/errand';
import { isId } from '../../common/ids';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import { ManagedIdentitiesService } from '../../identities/managed-identities.service';
import { ChangeReceiptsService } from '../../change-feed/change-receipts.service';
import { LastAdministratorService } from '../../permissions/last-administrator.service';
import type { Attempt } from '../../permissions/permissions.service';
import { ClientSecret } from '../../database/entities/client-secret.entity';
import { ClientSecretDto } from './dto/client-secret.dtos';
import { ClientSecretNotFoundError } from './universal-auth.errors';

export const REVOKE_SECRET: Attempt = { what: 'revoke client secret of identity', permission: 'identity:delete-token' };

/** The end of client secrets, which changes verdicts: unlike all else about them it must reach every node. */
@Injectable()
export class ClientSecretRevocationsService {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly managed: ManagedIdentitiesService,
    private readonly receipts: ChangeReceiptsService,
    private readonly lastAdministrator: LastAdministratorService,
    private readonly clock: Clock,
  ) {}

  /** Its tokens die with it. Once revoked it stays so: again is the same. */
  async revoke(caller: VerifiedAccessToken, identityId: string, clientSecretId: string): Promise<ClientSecretDto> {
    const target = { identityId, organizationId: caller.organization.id };
    const revoked = await takingAway(() =>
      this.dataSource.transaction((tx) =>
        this.lastAdministrator.keep(tx, target, () => this.revokeIn(tx, caller, identityId, clientSecretId)),
      ),
    );
    await this.receipts.applyLocally();
    return ClientSecretDto.of(revoked);
  }

  private async revokeIn(
    tx: EntityManager,
    caller: VerifiedAccessToken,
    identityId: string,
    clientSecretId: string,
  ): Promise<ClientSecret> {
    const { identity } = await this.managed.getForChange(tx, caller, identityId, REVOKE_SECRET);
    const secret = await requireSecret(tx, identity.id, clientSecretId);
    if (secret.revokedAt === null) {
      const now = this.clock.now();
      await tx.update(ClientSecret, { id: secret.id }, { revokedAt: now, updatedAt: now });
      Object.assign(secret, { revokedAt: now, updatedAt: now });
    }
    return secret;
  }
}

/** @throws ClientSecretNotFoundError, for a secret of another identity too. */
export async function requireSecret(tx: EntityManager, identityId: string, id: string): Promise<ClientSecret> {
  const secret = isId(id) ? await tx.findOneBy(ClientSecret, { id, identityId }) : null;
  if (!secret) throw new ClientSecretNotFoundError(id);
  return secret;
}
