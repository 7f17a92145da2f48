import { Injectable } from '@nestjs/common';
import type { Actor } from '../../changes/change';
import { authMethodTarget } from '../../changes/targets';
import { ChangesService } from '../../changes/changes.service';
import { Clock } from '../../common/clock/clock';
import { ManagedIdentitiesService } from '../../identities/managed-identities.service';
import type { Attempt } from '../../permissions/permissions.service';
import { AuthMethodConfigurationsService } from '../configuration/auth-method-configurations.service';
import type { AuthMethodDefinition } from '../auth-method.definition';
import { LockoutsService } from './lockouts.service';

export const CLEAR_LOCKOUTS: Attempt = { what: 'clear lockouts of identity', permission: 'identity:edit' };

/** Clears the lockouts of an identity for its managers. */
@Injectable()
export class LockoutClearingService {
  constructor(
    private readonly changes: ChangesService,
    private readonly managed: ManagedIdentitiesService,
    private readonly configurations: AuthMethodConfigurationsService,
    private readonly lockouts: LockoutsService,
    private readonly clock: Clock,
  ) {}

  /** Clears every count of wrong guesses. @returns the number of counts and locks that were in force */
  async clear(method: AuthMethodDefinition, actor: Actor, identityId: string): Promise<number> {
    return this.changes.add({ actor, action: `clear-identity-${method.slug}-lockouts` }, async (work) => {
      const { tx } = work;
      const { identity } = await this.managed.getForChange(tx, actor.caller, identityId, CLEAR_LOCKOUTS);
      const configuration = await this.configurations.require(tx, method, identity.id);
      work.changed(authMethodTarget(configuration, identity.organizationId));
      return this.lockouts.clear(tx, configuration.id, this.clock.now());
    });
  }
}
