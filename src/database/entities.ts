import { IdentityAccessToken } from '../access-tokens/identity-access-token.entity';
import { AuthLockout } from '../auth-methods/auth-lockout.entity';
import { IdentityAuthMethod } from '../auth-methods/identity-auth-method.entity';
import { ClientSecret } from '../auth-methods/universal-auth/client-secret.entity';
import { IdentityMetadata } from '../identities/identity-metadata.entity';
import { Identity } from '../identities/identity.entity';
import { OrganizationMembership } from '../identities/organization-membership.entity';
import { Instance } from '../instance/instance.entity';
import { User } from '../instance/user.entity';
import { Organization } from '../organizations/organization.entity';

/** Every table of Latchkey. A list and no glob: it works the same from sources, from the build and from a package. */
export const LATCHKEY_ENTITIES = [
  Organization,
  Identity,
  IdentityMetadata,
  OrganizationMembership,
  IdentityAuthMethod,
  ClientSecret,
  AuthLockout,
  IdentityAccessToken,
  Instance,
  User,
];
