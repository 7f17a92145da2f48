import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock/clock';
import { ManagedIdentitiesService } from '../../identities/managed-identities.service';
import { ChangesService } from '../../changes/changes.service';
import type { Attempt } from '../../permissions/permissions.service';
import { AuthMethodConfigurationsService } from '../configuration/auth-method-configurations.service';
import { ClientSecretHasher } from './client-secret.hasher';
import { ClientSecretStore } from './client-secret.store';
import type { Actor } from '../../changes/change';
import { clientSecretTarget } from '../../changes/targets';
import { ClientSecretDto, type CreateClientSecretDto, type CreatedClientSecretDto } from './dto/client-secret.dtos';
import { UNIVERSAL_AUTH } from './universal-auth.definition';

export const CREATE_SECRET: Attempt = {
  what: 'create client secret for identity',
  permission: 'identity:create-token',
};

/** Creates client secrets, for the managers of an identity. `client-secret-reads.service.ts` reads them. */
@Injectable()
export class ClientSecretsService {
  constructor(
    private readonly managed: ManagedIdentitiesService,
    private readonly changes: ChangesService,
    private readonly configurations: AuthMethodConfigurationsService,
    private readonly store: ClientSecretStore,
    private readonly hasher: ClientSecretHasher,
    private readonly clock: Clock,
  ) {}

  /** @throws IdentityNotFoundError, AuthMethodNotConfiguredError, TooManyClientSecretsError */
  async create(
    actor: Actor,
    identityId: string,
    { description = '', numUsesLimit = 0, ttl = 0 }: CreateClientSecretDto,
  ): Promise<CreatedClientSecretDto> {
    const { text: clientSecret, hash, prefix } = this.hasher.make();
    const action = 'create-identity-universal-auth-client-secret';
    const secret = await this.changes.add({ actor, action }, async (work) => {
      const { tx, run } = work;
      const { identity } = await this.managed.getForChange(tx, actor.caller, identityId, CREATE_SECRET);
      const { id: authMethodId } = await this.configurations.require(tx, UNIVERSAL_AUTH, identity.id);
      const createdAt = this.clock.now();
      // The lock on the membership makes the count exact.
      await this.store.requireRoom(run, authMethodId, createdAt);
      const owner = { identityId: identity.id, authMethodId };
      const made = { ...owner, hash, prefix, description, numUsesLimit, ttl, createdAt };
      const saved = await this.store.insert(run, made);
      work.changed(clientSecretTarget(saved, identity.organizationId));
      return saved;
    });
    return { clientSecret, clientSecretData: ClientSecretDto.of(secret) };
  }
}
