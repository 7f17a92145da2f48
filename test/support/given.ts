import { randomUUID } from 'node:crypto';
import type { Answer, ApiClient } from './api-client';
import { METHODS } from './methods';
import type { MethodFixture } from './methods/method-fixture';

/** An identity with token auth and a token. */
export interface GivenToken {
  readonly identityId: string;
  readonly tokenId: string;
  readonly accessToken: string;
  /** Somebody who calls with the token. */
  readonly api: ApiClient;
}

/** An identity with universal auth and a client secret. */
export interface GivenClient {
  readonly identityId: string;
  readonly clientId: string;
  readonly clientSecretId: string;
  readonly clientSecret: string;
}

/** A second tenant. */
export interface GivenOrganization {
  readonly organizationId: string;
  /** Calls with the token of its admin. */
  readonly admin: ApiClient;
  readonly given: Given;
}

/** Makes what a test begins with, through the API itself. */
export class Given {
  constructor(
    private readonly admin: ApiClient,
    readonly organizationId: string,
    private readonly as: (token: string) => ApiClient,
  ) {}

  /** An identity without any auth method: its id. */
  async identity(
    body: { name?: string; role?: string; hasDeleteProtection?: boolean; metadata?: object[] } = {},
  ): Promise<string> {
    const { organizationId } = this;
    const answer = await this.admin.post('/api/v1/identities', { name: 'given', organizationId, ...body });
    return done(answer).identity.id as string;
  }

  async tokenAuth(identityId: string, policy: object = {}): Promise<void> {
    done(await this.admin.post(`/api/v1/auth/token-auth/identities/${identityId}`, policy));
  }

  /** Another token for an identity that has token auth. */
  async tokenFor(identityId: string, body: object = {}): Promise<GivenToken> {
    const answer = await this.admin.post(`/api/v1/auth/token-auth/identities/${identityId}/tokens`, body);
    const { accessToken, tokenData } = done(answer) as { accessToken: string; tokenData: { id: string } };
    return { identityId, tokenId: tokenData.id, accessToken, api: this.as(accessToken) };
  }

  /** A new identity with token auth and a token. */
  async token({
    role = 'no-access',
    name,
    policy = {},
  }: { role?: string; name?: string; policy?: object } = {}): Promise<GivenToken> {
    const identityId = await this.identity({ role });
    await this.tokenAuth(identityId, policy);
    return this.tokenFor(identityId, name === undefined ? {} : { name });
  }

  /** A role that the organization makes. */
  async role(permissions: object[] = [], slug = `given-${randomUUID()}`): Promise<{ roleId: string; slug: string }> {
    const { role } = done(await this.admin.post('/api/v1/organization/roles', { slug, name: 'given', permissions }));
    return { roleId: role.id as string, slug };
  }

  /** A stream of the audit log. An organization has ten at most: then the oldest makes room. */
  async stream(): Promise<{ streamId: string }> {
    const path = '/api/latchkey/v1/audit-logs/streams';
    const { streams } = done(await this.admin.get(path)) as { streams: { id: string }[] };
    if (streams.length === 10) done(await this.admin.delete(`${path}/${streams[0]!.id}`));
    const { stream } = done(await this.admin.post(path, { name: 'given', url: 'https://8.8.8.8/in' }));
    return { streamId: stream.id as string };
  }

  /** A project, of which the caller is the administrator. */
  async project(body: object = {}): Promise<{ projectId: string; projectSlug: string }> {
    const { project } = done(await this.admin.post('/api/v1/projects', { projectName: 'given', ...body }));
    return { projectId: project.id as string, projectSlug: project.slug as string };
  }

  /** The membership of an identity in a project, a new one if it is left out. */
  async member(identityId: string, projectId: string, ...roles: object[]): Promise<{ membershipId: string }> {
    const path = `/api/v1/projects/${projectId}/memberships/identities/${identityId}`;
    const body = roles.length === 0 ? {} : { roles };
    return { membershipId: done(await this.admin.post(path, body)).identityMembership.id as string };
  }

  /** A role that a project makes. */
  async projectRole(
    projectId: string,
    permissions: object[] = [],
  ): Promise<{ projectRoleId: string; roleSlug: string }> {
    const body = { slug: `given-${randomUUID()}`, name: 'given', permissions };
    const { role } = done(await this.admin.post(`/api/v1/projects/${projectId}/roles`, body));
    return { projectRoleId: role.id as string, roleSlug: role.slug as string };
  }

  /** Attaches a method to an identity. */
  async method({ definition: { slug }, attach }: MethodFixture, identityId: string): Promise<void> {
    done(await this.admin.post(`/api/v1/auth/${slug}/identities/${identityId}`, attach));
  }

  /** Attaches every method one can log in with, or some, and makes what only their routes name: the ids of that. */
  async everyMethod(identityId: string, methods = METHODS): Promise<Record<string, string>> {
    const ids: Record<string, string> = {};
    for (const fixture of methods) {
      await this.method(fixture, identityId);
      Object.assign(ids, await fixture.makeIds(this, identityId));
    }
    return ids;
  }

  /** The client id of an identity that is given universal auth. */
  async universalAuth(identityId: string, policy: object = {}): Promise<string> {
    const answer = await this.admin.post(`/api/v1/auth/universal-auth/identities/${identityId}`, policy);
    return done(answer).identityUniversalAuth.clientId as string;
  }

  /** The client id of an identity that has universal auth. */
  async clientIdOf(identityId: string): Promise<string> {
    const answer = await this.admin.get(`/api/v1/auth/universal-auth/identities/${identityId}`);
    return done(answer).identityUniversalAuth.clientId as string;
  }

  /** Another secret for an identity that has universal auth. */
  async clientSecretFor(
    identityId: string,
    body: object = {},
  ): Promise<{ clientSecretId: string; clientSecret: string }> {
    const path = `/api/v1/auth/universal-auth/identities/${identityId}/client-secrets`;
    const { clientSecret, clientSecretData } = done(await this.admin.post(path, body));
    return { clientSecret, clientSecretId: clientSecretData.id as string };
  }

  /** A new identity that can log in. */
  async client({
    role = 'no-access',
    policy = {},
    secret = {},
  }: { role?: string; policy?: object; secret?: object } = {}): Promise<GivenClient> {
    const identityId = await this.identity({ role });
    const clientId = await this.universalAuth(identityId, policy);
    return { identityId, clientId, ...(await this.clientSecretFor(identityId, secret)) };
  }

  /** A new organization and its admin. */
  async organization(name = 'Other Organization'): Promise<GivenOrganization> {
    const { organization, identity } = done(await this.admin.post('/api/v2/organizations', { name }));
    const admin = this.as(identity.credentials.token as string);
    return { organizationId: organization.id, admin, given: new Given(admin, organization.id as string, this.as) };
  }
}

/** The body of an answer that had to be a success. */
export function done({ status, body }: Answer): Answer['body'] {
  if (status !== 200) throw new Error(`Expected 200, got ${status}: ${JSON.stringify(body)}`);
  return body;
}
