import { randomUUID } from 'node:crypto';
import { type CallerFacts, type CallerRights, callersWith } from '../access-tokens/verification/caller';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { type HostPermissions, isOwn } from '../permissions/permission-catalogue';
import { PermissionsService } from '../permissions/permissions.service';

/**
 * A caller for a unit test: `controller.list(asCaller({ permissions: { reports: ['read'] } }))`. It is made without a database.
 *
 * @param facts what the test wants of the caller. By default its role is `no-access`, and it has no labels.
 * @param declared the option `permissions` of the application, for a caller whose `can` goes by its role.
 */
export function asCaller(facts: Partial<CallerFacts> = {}, declared?: HostPermissions): VerifiedAccessToken {
  return boundTo(rightsIn(declared), { ...DEFAULTS, ...idsOf(facts), ...facts });
}

/** The caller as an application with these rights would see it. */
export function boundTo(rights: CallerRights, facts: CallerFacts): VerifiedAccessToken {
  const caller = Object.create(callersWith(rights).prototype as object) as VerifiedAccessToken;
  return Object.assign(caller, facts);
}

const DEFAULTS = {
  tokenName: 'test token',
  identityName: 'test identity',
  metadata: {},
  role: 'no-access',
  permissions: null,
  externalId: null,
  tokenMetadata: {},
  isInstanceAdmin: false,
  authMethod: 'token-auth',
  expiresAt: null,
};

function idsOf({ organization }: Partial<CallerFacts>): Pick<CallerFacts, 'tokenId' | 'identityId' | 'organization'> {
  const usual = { id: randomUUID(), name: 'Test Organization', slug: 'test-organization', externalId: null };
  return { tokenId: randomUUID(), identityId: randomUUID(), organization: organization ?? usual };
}

function rightsIn(declared: HostPermissions | undefined): CallerRights {
  const service = new PermissionsService({ hostPermissions: declared ?? {} });
  return {
    can: (caller, action, subject) => {
      if (declared === undefined && caller.permissions === null && !isOwn(action, subject))
        throw new TypeError(UNKNOWN);
      return service.holds(caller, action, subject);
    },
  };
}

const UNKNOWN =
  'asCaller must be given permissions, or as its second argument the option permissions: a role alone says nothing of them';
