import type { Actor } from '../changes/change';
import type { Identity } from '../database/entities/identity.entity';
import type { Organization } from '../database/entities/organization.entity';

/** An organization as it begins: with an identity that administrates it, and a token of that identity. */
export interface Tenant {
  readonly organization: Organization;
  readonly identity: Identity;
  /** The token of the identity, to be shown once. */
  readonly accessToken: string;
}

/** Founds organizations. `installation/` provides it, because identities and tokens are needed for that. */
export abstract class OrganizationFounder {
  /** Creates a tenant with its own administrator, who does not administer the instance. */
  abstract createOrganization(actor: Actor, name: string): Promise<Tenant>;
}
