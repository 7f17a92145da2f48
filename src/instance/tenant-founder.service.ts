import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { IdentitiesService } from '../identities/identities.service';
import type { Identity } from '../identities/identity.entity';
import type { Organization } from '../organizations/organization.entity';
import { OrganizationsService } from '../organizations/organizations.service';
import { TokenAuthService } from '../token-auth/token-auth.service';
import { TokensService } from '../token-auth/tokens.service';

export interface NewTenant {
  readonly organizationName: string;
  readonly adminName: string;
  readonly tokenName: string;
  readonly isInstanceAdmin: boolean;
}

export interface Tenant {
  readonly organization: Organization;
  readonly identity: Identity;
  /** The token of the admin identity, to be shown once. */
  readonly accessToken: string;
}

/** Founds an organization with an identity that can administrate it, and a token to begin with. */
@Injectable()
export class TenantFounder {
  constructor(
    private readonly organizations: OrganizationsService,
    private readonly identities: IdentitiesService,
    private readonly tokenAuth: TokenAuthService,
    private readonly tokens: TokensService,
  ) {}

  /** All of it or nothing: in the caller's transaction. */
  async found(tx: EntityManager, tenant: NewTenant): Promise<Tenant> {
    const { organizationName, adminName: name, tokenName, isInstanceAdmin } = tenant;
    const organization = await this.organizations.create(tx, organizationName);
    const organizationId = organization.id;
    const admin = await this.identities.insert(tx, { organizationId, name, role: 'admin', isInstanceAdmin });
    await this.tokenAuth.insert(tx, admin.identity, { accessTokenTTL: 0, accessTokenMaxTTL: 0 });
    const { accessToken } = await this.tokens.issue(tx, admin, tokenName);
    return { organization, identity: admin.identity, accessToken };
  }
}
