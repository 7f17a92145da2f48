import type { CustomRole } from '../database/entities/custom-role.entity';
import type { ClientSecret } from '../database/entities/client-secret.entity';
import type { IdentityAccessToken } from '../database/entities/identity-access-token.entity';
import type { IdentityAuthMethod } from '../database/entities/identity-auth-method.entity';
import type { Identity } from '../database/entities/identity.entity';
import type { Organization } from '../database/entities/organization.entity';
import type { ChangeTarget } from './change';

// Each names its fields one by one, so that no secret, and no field of a later version, gets into an audit log by itself.

export function organizationTarget({ id, name, slug }: Organization): ChangeTarget {
  return { type: 'organization', id, organizationId: id, details: { name, slug } };
}

type IdentityFields = Pick<Identity, 'id' | 'organizationId' | 'name' | 'hasDeleteProtection'>;

/** @param more what else was set, such as the role. */
export function identityTarget(
  { id, organizationId, name, hasDeleteProtection }: IdentityFields,
  more = {},
): ChangeTarget {
  return { type: 'identity', id, identityId: id, organizationId, details: { name, hasDeleteProtection, ...more } };
}

/** The rules are text, as the contract's events have them. */
export function roleTarget({ id, organizationId, slug, name, description, permissions }: CustomRole): ChangeTarget {
  const details = { slug, name, description, permissions: JSON.stringify(permissions) };
  return { type: 'role', id, organizationId, details };
}

export function authMethodTarget(row: IdentityAuthMethod, organizationId: string): ChangeTarget {
  const { id, identityId, method, clientId, accessTokenTTL, accessTokenMaxTTL, accessTokenPeriod } = row;
  const { accessTokenNumUsesLimit, accessTokenTrustedIps, config } = row;
  const limits = { accessTokenTTL, accessTokenMaxTTL, accessTokenPeriod, accessTokenNumUsesLimit };
  const details = { method, clientId, ...limits, accessTokenTrustedIps, config };
  return { type: 'auth-method', id, identityId, organizationId, details };
}

type TokenFields = Pick<IdentityAccessToken, 'id' | 'identityId' | 'organizationId' | 'name'>;

export function tokenTarget({ id, identityId, organizationId, name }: TokenFields): ChangeTarget {
  return { type: 'token', id, identityId, organizationId, details: { name } };
}

/** A token that a host issues or changes, and its settings, field by field. */
export interface KeyFields {
  readonly name?: string | null;
  readonly externalId?: string | null;
  readonly expiresAt?: Date | null;
  readonly permissions?: object | null;
  readonly metadata?: object | null;
  readonly usesLimit?: number | null;
  readonly usesRefill?: object | null;
  readonly rateLimits?: readonly object[] | null;
  readonly trustedIps?: readonly unknown[] | null;
  readonly disabledAt?: Date | null;
}

export function keyTarget(
  key: KeyFields & { readonly tokenId: string; readonly identityId: string; readonly organizationId: string },
): ChangeTarget {
  const { tokenId: id, identityId, organizationId, name, externalId, expiresAt, permissions, metadata } = key;
  const { usesLimit, usesRefill, rateLimits, trustedIps, disabledAt } = key;
  const limits = { usesLimit, usesRefill, rateLimits, trustedIps, disabledAt };
  return {
    ...{ type: 'token', id, identityId, organizationId },
    details: { name, externalId, expiresAt, permissions, metadata, ...limits },
  };
}

/** The token that was replaced, then the new one. */
export function rotationTargets(replacedId: string, made: TokenFields): ChangeTarget[] {
  const { identityId, organizationId } = made;
  return [{ type: 'token', id: replacedId, identityId, organizationId }, tokenTarget(made)];
}

export function clientSecretTarget(secret: ClientSecret, organizationId: string): ChangeTarget {
  const { id, identityId, authMethodId, prefix, description, ttl, numUsesLimit } = secret;
  const details = { authMethodId, prefix, description, ttl, numUsesLimit };
  return { type: 'client-secret', id, identityId, organizationId, details };
}

/** A stream with the host of its URL alone: path and query may hold a credential. */
export function streamTarget(
  stream: { readonly id: string; readonly organizationId: string; readonly name: string; readonly url: string },
  more: object = {},
): ChangeTarget {
  const { id, organizationId, name, url } = stream;
  return { type: 'log-stream', id, organizationId, details: { name, host: new URL(url).host, ...more } };
}

/** The client secret that was replaced, then the new one. */
export function secretRotationTargets(
  replacedId: string,
  { secret, organizationId }: { readonly secret: ClientSecret; readonly organizationId: string },
): ChangeTarget[] {
  const { identityId } = secret;
  return [
    { type: 'client-secret', id: replacedId, identityId, organizationId },
    clientSecretTarget(secret, organizationId),
  ];
}

/** The parts of a project that an audit log shows. */
export interface ProjectFields {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly slug: string;
  readonly description: string | null;
  readonly hasDeleteProtection: boolean;
}

export function projectTarget({ id, organizationId, ...project }: ProjectFields): ChangeTarget {
  const { name, slug, description, hasDeleteProtection } = project;
  return { type: 'project', id, organizationId, details: { name, slug, description, hasDeleteProtection } };
}

/** The parts of a membership that an audit log shows. */
export interface ProjectMembershipFields {
  readonly id: string;
  readonly organizationId: string;
  readonly projectId: string;
  readonly identityId: string;
  readonly roles: readonly {
    readonly role: string;
    readonly customRoleSlug: string | null;
    readonly startsMs: number | null;
    readonly endsMs: number | null;
  }[];
}

export function projectMembershipTarget(fields: ProjectMembershipFields): ChangeTarget {
  const { id, organizationId, identityId, projectId } = fields;
  const roles = fields.roles.map(({ role, customRoleSlug, startsMs, endsMs }) => ({
    role: customRoleSlug ?? role,
    ...(startsMs === null ? {} : { from: new Date(startsMs), until: new Date(endsMs!) }),
  }));
  return { type: 'project-membership', id, identityId, organizationId, details: { projectId, roles } };
}

/** The parts of a project's role that an audit log shows. */
export interface ProjectRoleFields {
  readonly id: string;
  readonly projectId: string;
  readonly slug: string;
  readonly name: string;
  readonly description: string | null;
  readonly permissions: unknown;
}

export function projectRoleTarget(role: ProjectRoleFields, organizationId: string): ChangeTarget {
  const { id, projectId, slug, name, description, permissions } = role;
  const details = { projectId, slug, name, description, permissions: JSON.stringify(permissions) };
  return { type: 'project-role', id, organizationId, details };
}
