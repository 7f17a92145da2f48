import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuthMethodConfigurationsService } from '../auth-methods/configuration/auth-method-configurations.service';
import { sqlIn } from '../database/sql-runner';
import { IdentityStore } from '../identities/identity.store';
import type { Tenant } from '../organizations/organization.founder';
import { OrganizationStore } from '../organizations/organization.store';
import { TOKEN_AUTH } from '../token-auth/token-auth.definition';
import { TokenAuthService } from '../token-auth/token-auth.service';

export interface NewTenant {
  readonly organizationName: string;
  readonly adminName: string;
  readonly tokenName: string;
  readonly isInstanceAdmin: boolean;
}

/** Founds an organization with an identity that can administer it, and a first token. */
@Injectable()
export class TenantFounder {
  constructor(
    private readonly organizations: OrganizationStore,
    private readonly identities: IdentityStore,
    private readonly configurations: AuthMethodConfigurationsService,
    private readonly tokens: TokenAuthService,
  ) {}

  /** All of it or nothing, in the caller's transaction. */
  async found(tx: EntityManager, tenant: NewTenant): Promise<Tenant> {
    const { organizationName, adminName: name, tokenName, isInstanceAdmin } = tenant;
    const run = sqlIn(tx);
    const organization = await this.organizations.insert(run, organizationName);
    const organizationId = organization.id;
    const admin = (await this.identities.insert(run, { organizationId, name, role: 'admin', isInstanceAdmin }))!;
    const unlimited = { accessTokenTTL: 0, accessTokenMaxTTL: 0 };
    await this.configurations.insert(tx, TOKEN_AUTH, admin.identity, unlimited);
    const { accessToken } = await this.tokens.issue(tx, admin, tokenName);
    return { organization, identity: admin.identity, accessToken };
  }
}
