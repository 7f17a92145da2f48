import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { isId } from '../../common/ids';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import type { Identity } from '../../database/entities/identity.entity';
import { IdentityAuthMethod } from '../../database/entities/identity-auth-method.entity';
import { requireAllRows } from '../../database/schema';
import type { MethodConfiguration } from '../auth-method';
import { MethodSecretsService } from '../configuration/method-secrets.service';

/** Finds what an identity's method is configured with, for a login that names the identity. */
@Injectable()
export class LoginConfigurationFinder {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly secrets: MethodSecretsService,
  ) {}

  /** Undefined when there is no such identity, or it does not have the method. */
  async find(identityId: string, method: string): Promise<MethodConfiguration | undefined> {
    if (!isId(identityId)) return undefined;
    const row = (await this.dataSource.manager
      .createQueryBuilder(IdentityAuthMethod, 'a')
      .innerJoinAndSelect('a.identity', 'i')
      .where('a.identityId = :identityId AND a.method = :method', { identityId, method })
      .getOne()) as (IdentityAuthMethod & { readonly identity: Identity }) | null;
    if (row) {
      const { id, config, identity } = row;
      return { id, identityId, organizationId: identity.organizationId, config, secrets: this.secrets.open(row) };
    }
    // A row that a policy hides is an error of the database, and not a missing row.
    await requireAllRows(this.dataSource);
    return undefined;
  }
}
