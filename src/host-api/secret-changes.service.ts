import { Injectable } from '@nestjs/common';
import {
  ClientSecretRotationService,
  type RotatedSecret,
  type SecretRotation,
} from '../auth-methods/universal-auth/client-secret-rotation.service';
import { ClientSecretStore } from '../auth-methods/universal-auth/client-secret.store';
import { ClientSecretNotFoundError } from '../auth-methods/universal-auth/universal-auth.errors';
import { secretRotationTargets } from '../changes/targets';
import type { UnitOfWork } from '../changes/unit-of-work';
import { isId } from '../common/ids';
import { LastAdministratorService } from '../permissions/last-administrator.service';
import type { RotatedClientSecret } from './key-types';

/** Changes client secrets in a host's transaction or in one of Latchkey's. */
@Injectable()
export class SecretChangesService {
  constructor(
    private readonly store: ClientSecretStore,
    private readonly rotation: ClientSecretRotationService,
    private readonly lastAdministrator: LastAdministratorService,
  ) {}

  /** @throws ClientSecretNotFoundError, ClientSecretNotRotatableError, ClientSecretRotatedBeforeError, LastAdministratorError */
  async rotate(work: UnitOfWork, rotation: SecretRotation): Promise<RotatedClientSecret> {
    const { clientSecretId, organizationId } = rotation;
    const identityId = isId(clientSecretId) ? await this.store.holderOf(work.run, rotation) : undefined;
    if (identityId === undefined) throw new ClientSecretNotFoundError(clientSecretId);
    const rotated = await this.lastAdministrator.keep(work.run, { identityId, organizationId }, () =>
      this.rotation.rotate(work.run, rotation),
    );
    if (rotated === undefined) throw new ClientSecretNotFoundError(clientSecretId);
    if (rotated.isRepeated) work.unchanged();
    else for (const target of secretRotationTargets(clientSecretId, rotated)) work.changed(target);
    return toldOf(clientSecretId, rotated);
  }
}

function toldOf(oldId: string, { text, secret, oldEndsAt, isRepeated }: RotatedSecret): RotatedClientSecret {
  const { id: clientSecretId, identityId, expiresAt } = secret;
  const replaced = { clientSecretId: oldId, endsAt: oldEndsAt };
  return { clientSecretId, identityId, clientSecret: text, expiresAt, replaced, isRepeated };
}
