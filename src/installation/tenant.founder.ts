import { Injectable } from '@nestjs/common';
import { AuthMethodConfigurationsService } from '../auth-methods/configuration/auth-method-configurations.service';
import { authMethodTarget, identityTarget, organizationTarget, tokenTarget } from '../changes/targets';
import type { OwnUnitOfWork } from '../changes/unit-of-work';
import { IdentityStore } from '../identities/identity.store';
import type { Tenant } from '../organizations/organization.founder';
import { OrganizationStore } from '../organizations/organization.store';
import { TOKEN_AUTH } from '../token-auth/token-auth.definition';
import { TokenAuthIssuer } from '../token-auth/token-auth.issuer';

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
    private readonly tokens: TokenAuthIssuer,
  ) {}

  /** Founds the tenant whole or not at all, in the caller's transaction. */
  async found(work: OwnUnitOfWork, tenant: NewTenant): Promise<Tenant> {
    const { organizationName, adminName: name, tokenName, isInstanceAdmin } = tenant;
    const { tx, run } = work;
    const organization = await this.organizations.insert(run, organizationName);
    const organizationId = organization.id;
    const admin = (await this.identities.insert(run, { organizationId, name, role: 'admin', isInstanceAdmin }))!;
    const unlimited = { accessTokenTTL: 0, accessTokenMaxTTL: 0 };
    const method = await this.configurations.insert(tx, TOKEN_AUTH, admin.identity, unlimited);
    const { accessToken, tokenData } = await this.tokens.issue(tx, admin, tokenName);
    work.changed(organizationTarget(organization));
    work.changed(identityTarget(admin.identity, { role: 'admin', isInstanceAdmin }));
    work.changed(authMethodTarget(method, organizationId));
    work.changed(tokenTarget({ ...tokenData, organizationId }));
    return { organization, identity: admin.identity, accessToken };
  }
}
