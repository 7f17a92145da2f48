import { Injectable } from '@nestjs/common';
import type { Actor } from '../../changes/change';
import { ChangesService } from '../../changes/changes.service';
import { secretRotationTargets } from '../../changes/targets';
import type { OwnUnitOfWork } from '../../changes/unit-of-work';
import { requireIdempotencyKey } from '../../common/http/idempotency-key';
import { isId } from '../../common/ids';
import { IdentityNotFoundError } from '../../identities/identities.errors';
import { ManagedIdentitiesService } from '../../identities/managed-identities.service';
import { LastAdministratorService } from '../../permissions/last-administrator.service';
import type { Attempt } from '../../permissions/permissions.service';
import { ClientSecretRotationService, type RotatedSecret, type SecretRotation } from './client-secret-rotation.service';
import { ClientSecretStore } from './client-secret.store';
import { ClientSecretDto } from './dto/client-secret.dtos';
import type { RotateClientSecretDto, RotatedClientSecretDto } from './dto/client-secret-rotation.dtos';
import { ClientSecretNotFoundError } from './universal-auth.errors';

export const ROTATE_SECRET: Attempt = {
  what: 'rotate client secret for identity',
  permission: 'identity:create-token',
};

/** Rotates client secrets for the managers of an identity. */
@Injectable()
export class ClientSecretRotationsService {
  constructor(
    private readonly managed: ManagedIdentitiesService,
    private readonly store: ClientSecretStore,
    private readonly rotation: ClientSecretRotationService,
    private readonly changes: ChangesService,
    private readonly lastAdministrator: LastAdministratorService,
  ) {}

  /**
   * @throws ClientSecretNotFoundError, ClientSecretNotRotatableError, ClientSecretRotatedBeforeError, TooManyClientSecretsError,
   * ValidationFailureError, LastAdministratorError
   */
  async rotate(
    actor: Actor,
    clientSecretId: string,
    { graceSeconds = 0, endsOldOnFirstUse = true, idempotencyKey }: RotateClientSecretDto & { idempotencyKey?: string },
  ): Promise<RotatedClientSecretDto> {
    requireIdempotencyKey(idempotencyKey);
    const organizationId = actor.caller.organization.id;
    // No token depends on which secret is the newest: no node has to hear of it.
    return this.changes.add({ actor, action: 'rotate-identity-universal-auth-client-secret' }, async (work) => {
      const how = { clientSecretId, organizationId, graceSeconds, endsOldOnFirstUse, idempotencyKey };
      const target = { identityId: await this.holderOf(work, how), organizationId };
      const rotated = await this.lastAdministrator.keep(work.run, target, () =>
        this.rotateIn(work, actor, target.identityId, how),
      );
      return answerOf(clientSecretId, rotated);
    });
  }

  private async rotateIn(
    work: OwnUnitOfWork,
    { caller }: Actor,
    identityId: string,
    how: SecretRotation,
  ): Promise<RotatedSecret> {
    const { clientSecretId } = how;
    await this.managed.getForChange(work.tx, caller, identityId, ROTATE_SECRET).catch(deletedIs(clientSecretId));
    const rotated = await this.rotation.rotate(work.run, how);
    if (rotated === undefined) throw new ClientSecretNotFoundError(clientSecretId);
    if (rotated.isRepeated) work.unchanged();
    else for (const target of secretRotationTargets(clientSecretId, rotated)) work.changed(target);
    return rotated;
  }

  /** @throws ClientSecretNotFoundError */
  private async holderOf({ run }: OwnUnitOfWork, how: SecretRotation): Promise<string> {
    const holder = isId(how.clientSecretId) ? await this.store.holderOf(run, how) : undefined;
    if (holder === undefined) throw new ClientSecretNotFoundError(how.clientSecretId);
    return holder;
  }
}

function deletedIs(clientSecretId: string): (error: unknown) => never {
  return (error) => {
    throw error instanceof IdentityNotFoundError ? new ClientSecretNotFoundError(clientSecretId) : error;
  };
}

function answerOf(id: string, { text, secret, oldEndsAt, isRepeated }: RotatedSecret): RotatedClientSecretDto {
  const replaced = { id, endsAt: oldEndsAt };
  return { clientSecret: text, clientSecretData: ClientSecretDto.of(secret), replaced, isRepeated };
}
