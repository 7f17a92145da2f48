import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { VerifiedAccessToken } from '../../access-tokens/verification/verified-access-token';
import { Clock } from '../../common/clock/clock';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
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
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly managed: ManagedIdentitiesService,
    private readonly configurations: AuthMethodConfigurationsService,
    private readonly lockouts: LockoutsService,
    private readonly clock: Clock,
  ) {}

  /** Clears every count of wrong guesses. @returns the number of counts and locks that were in force */
  async clear(method: AuthMethodDefinition, caller: VerifiedAccessToken, identityId: string): Promise<number> {
    return this.dataSource.transaction(async (tx) => {
      const { identity } = await this.managed.getForChange(tx, caller, identityId, CLEAR_LOCKOUTS);
      const { id } = await this.configurations.require(tx, method, identity.id);
      return this.lockouts.clear(tx, id, this.clock.now());
    });
  }
}
