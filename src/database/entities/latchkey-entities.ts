import { IdentityAccessToken } from './identity-access-token.entity';
import { AuthLockout } from './auth-lockout.entity';
import { IdentityAuthMethod } from './identity-auth-method.entity';
import { ClientSecret } from './client-secret.entity';
import { IdentityMetadata } from './identity-metadata.entity';
import { Identity } from './identity.entity';
import { OrganizationMembership } from './organization-membership.entity';
import { Instance } from './instance.entity';
import { UsedSignedRequest } from './used-signed-request.entity';
import { User } from './user.entity';
import { Organization } from './organization.entity';
import { CustomRole } from './custom-role.entity';

/** Every table of Latchkey. A list, not a glob: it works the same from sources, from the build and from a package. */
export const LATCHKEY_ENTITIES = [
  Organization,
  CustomRole,
  Identity,
  IdentityMetadata,
  OrganizationMembership,
  IdentityAuthMethod,
  ClientSecret,
  AuthLockout,
  IdentityAccessToken,
  Instance,
  User,
  UsedSignedRequest,
];
