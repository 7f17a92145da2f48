import { randomUUID } from 'node:crypto';
import type { OpenAPIObject } from '@nestjs/swagger';
import { latchkeyDocument } from '../src/openapi/latchkey-document';
import { TOKEN_AUTH } from '../src/token-auth/token-auth.definition';
import { PermissionsService } from '../src/permissions/permissions.service';
import { type Answer, type ApiClient, answered, refused } from './support/api-client';
import { done, type GivenToken } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { METHODS, OWN_IDS } from './support/methods';
import {
  attachingOf,
  type Ids,
  type ManagedRoute,
  managedRoutesOf,
  noIdentity,
} from './support/methods/method-fixture';
import { operationsOf } from './support/operations';
import { snapshot } from './support/snapshot';

const noRole = ({ roleId }: Ids) => `Failed to find role ${roleId}`;
const newRole = () => ({ slug: `made-${randomUUID()}`, name: 'made', permissions: [] });

/** The operations on roles, beneath both paths. */
const ROLE_ROUTES: ManagedRoute[] = ['/api/v1/organization/roles', '/api/v1/organization/{orgId}/roles'].flatMap(
  (path) => [
    { operation: `POST ${path}`, permission: 'role:create', body: newRole },
    { operation: `GET ${path}`, permission: 'role:read' },
    { operation: `GET ${path}/{roleId}`, permission: 'role:read', notFound: noRole },
    {
      operation: `PATCH ${path}/{roleId}`,
      permission: 'role:edit',
      body: () => ({ name: 'changed' }),
      notFound: noRole,
    },
    { operation: `DELETE ${path}/{roleId}`, permission: 'role:delete', notFound: noRole },
  ],
);

const STREAMS = '/api/latchkey/v1/audit-logs/streams';
const noStream = ({ streamId }: Ids) => `Failed to find audit log stream with ID ${streamId}`;

/** The operations on streams of the audit log. */
const STREAM_ROUTES: ManagedRoute[] = [
  { operation: `POST ${STREAMS}`, body: () => ({ name: 'made', url: 'https://8.8.8.8/in' }) },
  { operation: `GET ${STREAMS}` },
  { operation: `GET ${STREAMS}/{streamId}`, notFound: noStream },
  { operation: `PATCH ${STREAMS}/{streamId}`, body: () => ({ name: 'changed' }), notFound: noStream },
  { operation: `GET ${STREAMS}/{streamId}/dead-letters`, notFound: noStream },
  { operation: `POST ${STREAMS}/{streamId}/redeliver`, notFound: noStream },
  { operation: `DELETE ${STREAMS}/{streamId}`, notFound: noStream },
].map((route) => ({ permission: 'audit-logs:edit', ...route }));

const noToken = ({ tokenId }: Ids) => `Token with ID ${tokenId} not found`;

const ROUTES: ManagedRoute[] = [
  {
    operation: 'POST /api/v1/identities',
    permission: 'identity:create',
    body: ({ organizationId }) => ({ name: 'made', organizationId }),
  },
  {
    operation: 'GET /api/v1/identities',
    permission: 'identity:read',
    query: ({ organizationId }) => `?orgId=${organizationId}`,
  },
  { operation: 'POST /api/v1/identities/search', permission: 'identity:read', body: () => ({}) },
  { operation: 'GET /api/v2/organizations/{orgId}/identity-memberships', permission: 'identity:read' },
  { operation: 'GET /api/v1/organization/audit-logs', permission: 'audit-logs:read' },
  { operation: 'GET /api/latchkey/v1/audit-logs/export', permission: 'audit-logs:read' },
  { operation: 'GET /api/latchkey/v1/audit-logs/checkpoints', permission: 'audit-logs:read' },
  { operation: 'POST /api/latchkey/v1/audit-logs/checkpoints', permission: 'audit-logs:read' },
  { operation: 'GET /api/v1/identities/{identityId}', permission: 'identity:read', notFound: noIdentity },
  {
    operation: 'PATCH /api/v1/identities/{identityId}',
    permission: 'identity:edit',
    body: () => ({ name: 'changed' }),
    attempt: 'update identity',
    notFound: noIdentity,
  },
  {
    operation: 'GET /api/v1/auth/token-auth/identities/{identityId}',
    permission: 'identity:read',
    notFound: noIdentity,
  },
  {
    operation: 'PATCH /api/v1/auth/token-auth/identities/{identityId}',
    permission: 'identity:edit-auth',
    body: () => ({ accessTokenTTL: 60 }),
    attempt: 'update token auth of identity',
    notFound: noIdentity,
  },
  {
    operation: 'POST /api/v1/auth/token-auth/identities/{identityId}/tokens',
    permission: 'identity:create-token',
    body: () => ({}),
    attempt: 'create token for identity',
    notFound: noIdentity,
  },
  {
    operation: 'GET /api/v1/auth/token-auth/identities/{identityId}/tokens',
    permission: 'identity:read',
    notFound: noIdentity,
  },
  { operation: 'GET /api/v1/auth/token-auth/tokens/{tokenId}', permission: 'identity:read', notFound: noToken },
  {
    operation: 'GET /api/v1/auth/token-auth/identities/{identityId}/tokens/{tokenId}',
    permission: 'identity:read',
    notFound: noToken,
  },
  {
    operation: 'PATCH /api/v1/auth/token-auth/tokens/{tokenId}',
    permission: 'identity:create-token',
    body: () => ({ name: 'changed' }),
    attempt: 'update token for identity',
    notFound: noToken,
  },
  {
    operation: 'POST /api/latchkey/v1/access-tokens/{tokenId}/rotate',
    permission: 'identity:create-token',
    body: () => ({}),
    attempt: 'rotate token for identity',
    notFound: noToken,
  },
  { operation: 'GET /api/latchkey/v1/access-tokens', permission: 'identity:read' },
  { operation: 'GET /api/latchkey/v1/access-tokens/{tokenId}', permission: 'identity:read', notFound: noToken },
  { operation: 'GET /api/latchkey/v1/overview', permission: 'identity:read' },
  {
    operation: 'POST /api/latchkey/v1/access-tokens/{tokenId}/revoke',
    permission: 'identity:edit',
    attempt: 'revoke token of identity',
    notFound: (target) => `${noToken(target)} or already revoked`,
  },
  {
    operation: 'POST /api/v1/auth/token-auth/tokens/{tokenId}/revoke',
    permission: 'identity:edit',
    attempt: 'revoke token of identity',
    notFound: (target) => `${noToken(target)} or already revoked`,
  },
  {
    operation: 'DELETE /api/v1/auth/token-auth/identities/{identityId}',
    permission: 'identity:revoke-auth',
    attempt: 'revoke token auth of identity',
    notFound: noIdentity,
  },
  {
    operation: 'POST /api/v1/auth/token-auth/identities/{identityId}',
    permission: 'identity:edit-auth',
    body: () => ({}),
    attempt: 'add token auth to identity',
    notFound: noIdentity,
  },
  ...METHODS.flatMap(managedRoutesOf),
  {
    operation: 'DELETE /api/v1/identities/{identityId}',
    permission: 'identity:delete',
    attempt: 'delete identity',
    notFound: noIdentity,
  },
  ...ROLE_ROUTES,
  ...STREAM_ROUTES,
  {
    operation: 'GET /api/v1/organization/roles/slug/{slug}',
    permission: 'role:read',
    notFound: ({ slug }) => `Failed to find role ${slug}`,
  },
  {
    operation: 'GET /api/v1/identities/{identityId}/identity-memberships',
    permission: 'identity:read',
    notFound: noIdentity,
  },
  ...['/api/v1/projects', '/api/v2/workspace'].map((path) => ({
    operation: `POST ${path}`,
    permission: 'project:create',
    body: () => ({ projectName: 'made' }),
  })),
  { operation: 'POST /api/v2/organizations', permission: 'organization:create', body: () => ({ name: 'made' }) },
  { operation: 'GET /api/v1/organization', permission: 'organization:read' },
  { operation: 'GET /api/latchkey/v1/nodes', permission: 'organization:read' },
];

const OF_ORGANIZATIONS = ROUTES.filter(({ permission }) => permission.startsWith('organization:'));
const OF_TENANTS = ROUTES.filter((route) => !OF_ORGANIZATIONS.includes(route));
/** What members may not do. */
const OF_ADMINS = ROUTES.filter(({ permission }) => /^(role:(create|edit|delete)|audit-logs:edit)$/.test(permission));
const OF_MEMBERS = OF_TENANTS.filter((route) => !OF_ADMINS.includes(route));
const CHANGES = ROUTES.filter(({ attempt }) => attempt !== undefined);
const WITH_ID = ROUTES.filter(({ notFound }) => notFound !== undefined);
const OF_IDENTITIES = WITH_ID.filter(({ permission }) => permission.startsWith('identity:'));
const READS = OF_IDENTITIES.filter(({ attempt }) => attempt === undefined);

const GRANT = { action: 'grant-privileges', subject: 'identity' };

/** What an administrator holds and a member does not, in the order of the catalogue. */
const OF_ADMINS_ONLY = (() => {
  const settings = { hostPermissions: {} };
  const permissions = new PermissionsService(settings);
  const holderOf = (role: string) => ({ role, isInstanceAdmin: false });
  return permissions.missing(holderOf('member'), holderOf('admin'));
})();
const INSTANCE_ADMIN_ONLY = refused(
  403,
  'ForbiddenError',
  'You are attempting to modify an instance admin identity. This requires elevated instance admin privileges',
);

/** What a member lacks to give or take a role. */
const missingFor = (role: string) => (role === 'admin' ? OF_ADMINS_ONLY : [GRANT]);

function call(api: ApiClient, route: ManagedRoute, target: Ids, sent?: unknown): Promise<Answer> {
  const { operation, body, query } = route;
  const [method = '', template = ''] = operation.split(' ');
  const ids: Record<string, string> = { ...target, orgId: target.organizationId };
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => ids[name]!);
  const taken = method === 'GET' ? undefined : (sent ?? body?.(target));
  return api.call(method, `${path}${query?.(target) ?? ''}`, { body: taken });
}

/** The ids that only routes of single methods take, each the same. */
const ownIds = (id: () => string) => Object.fromEntries(OWN_IDS.map((name) => [name, id()]));

function denied(permission: string) {
  const [subject, action] = permission.split(':');
  return refused(403, 'PermissionDenied', `You are not allowed to ${action} on ${subject}`, []);
}

function beyond(attempt: string, ...missingPermissions: object[]) {
  const message = `Failed to ${attempt} with more privileged role. Actor privilege level is not high enough to perform this action`;
  return refused(403, 'PermissionBoundaryError', message, { missingPermissions });
}

describe('rights', () => {
  let latchkey: TestLatchkey;
  let organizationId: string;
  let admin: GivenToken;
  let member: GivenToken;
  let nobody: GivenToken;
  let operations: ReturnType<typeof operationsOf>;

  beforeAll(async () => {
    latchkey = await startLatchkey();
    operations = operationsOf(latchkeyDocument(latchkey.app));
    ({ organizationId } = latchkey.given);
    admin = await latchkey.given.token({ role: 'admin' });
    member = await latchkey.given.token({ role: 'member' });
    nobody = await latchkey.given.token({ role: 'no-access' });
  });
  afterAll(() => latchkey.stop());

  /** What a request can name: of the methods, and of roles, only what an operation takes. */
  const targetWith = async (role: string, operation?: string): Promise<Ids> => {
    const { identityId, tokenId } = await latchkey.given.token({ role });
    const takes = (part: string) => operation === undefined || operation.includes(part);
    const methods = METHODS.filter(
      ({ definition, ids }) => takes(`/${definition.slug}/`) || ids.some((id) => takes(`{${id}}`)),
    );
    return {
      organizationId,
      identityId,
      tokenId,
      ...ownIds(randomUUID),
      ...(takes('/roles/') && (await latchkey.given.role())),
      ...(await latchkey.given.everyMethod(identityId, methods)),
    };
  };
  const unknownTarget = (): Ids => ({
    organizationId,
    identityId: randomUUID(),
    tokenId: randomUUID(),
    roleId: randomUUID(),
    streamId: randomUUID(),
    slug: `none-${randomUUID()}`,
    ...ownIds(randomUUID),
  });

  /** A target in the state a route wants: attaching needs an identity without the method. */
  const targetFor = async ({ attempt, operation }: ManagedRoute, role = 'no-access'): Promise<Ids> => {
    const isOfStreams = operation.includes('/streams');
    const target = { ...(await targetWith(role, operation)), ...(isOfStreams ? await latchkey.given.stream() : {}) };
    if (operation === `POST ${STREAMS}`) await latchkey.admin.delete(`${STREAMS}/${target.streamId}`);
    const definitions = [TOKEN_AUTH, ...METHODS.map(({ definition }) => definition)];
    const attached = definitions.find((definition) => attachingOf(definition) === attempt);
    if (attached) done(await latchkey.admin.delete(`/api/v1/auth/${attached.slug}/identities/${target.identityId}`));
    return target;
  };

  const roleOf = async (identityId: string) =>
    done(await latchkey.admin.get(`/api/v1/identities/${identityId}`)).identity.role as string;

  it('are asked for by every operation of the document that names a permission: none is missing from this suite', () => {
    const { paths }: OpenAPIObject = latchkeyDocument(latchkey.app);
    const documented = Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item as Record<string, { 'x-permission'?: string }>)
        .filter(([, operation]) => operation['x-permission'] && operation['x-permission'] !== 'any')
        .map(([method, operation]) => `${method.toUpperCase()} ${path} ${operation['x-permission']}`),
    );
    expect(ROUTES.map(({ operation, permission }) => `${operation} ${permission}`).sort()).toEqual(documented.sort());
  });

  describe('of an admin', () => {
    it.each(OF_TENANTS)('let it through: $operation', async (route) => {
      expect((await call(admin.api, route, await targetFor(route))).status).toBe(200);
    });

    it.each(CHANGES)('reach other admins: $operation', async (route) => {
      expect((await call(admin.api, route, await targetFor(route, 'admin'))).status).toBe(200);
    });

    it.each(OF_ORGANIZATIONS)('end at its organization: $operation', async (route) => {
      const before = await snapshot(latchkey.dataSource);
      expect(await call(admin.api, route, unknownTarget())).toEqual(denied(route.permission));
      expect(await snapshot(latchkey.dataSource)).toEqual(before);
    });
  });

  describe('of an instance admin', () => {
    it.each(ROUTES)('let it through: $operation', async (route) => {
      expect((await call(latchkey.admin, route, await targetFor(route))).status).toBe(200);
    });
  });

  describe('of a member', () => {
    it.each(OF_MEMBERS)('let it through where the target holds nothing: $operation', async (route) => {
      expect((await call(member.api, route, await targetFor(route))).status).toBe(200);
    });

    it.each(CHANGES)('reach other members: $operation', async (route) => {
      expect((await call(member.api, route, await targetFor(route, 'member'))).status).toBe(200);
    });

    it.each([...OF_ORGANIZATIONS, ...OF_ADMINS])('end before it: $operation', async (route) => {
      expect(await call(member.api, route, unknownTarget())).toEqual(denied(route.permission));
    });

    it.each(CHANGES)('do not reach an admin, and say what is missing: $operation', async (route) => {
      const target = await targetFor(route, 'admin');
      const before = await snapshot(latchkey.dataSource);
      expect(await call(member.api, route, target)).toEqual(beyond(route.attempt!, ...OF_ADMINS_ONLY));
      expect(await snapshot(latchkey.dataSource)).toEqual(before);
    });

    it('let it read what an admin is and which tokens it has', async () => {
      const target = await targetWith('admin');
      for (const route of READS) {
        expect((await call(member.api, route, target)).status).toBe(200);
      }
    });

    it('are asked before state: an admin without any auth method is refused like one with it', async () => {
      const identityId = await latchkey.given.identity({ role: 'admin', hasDeleteProtection: true });
      for (const route of CHANGES.filter(({ operation }) => operation.includes('{identityId}'))) {
        const answer = await call(member.api, route, {
          organizationId,
          identityId,
          tokenId: '',
          ...ownIds(() => 'x'),
        });
        expect(answer).toEqual(beyond(route.attempt!, ...OF_ADMINS_ONLY));
      }
    });
  });

  describe('of somebody without access', () => {
    it.each(ROUTES)('are refused whether the id exists or not: $operation', async (route) => {
      const target = await targetWith('no-access', route.operation);
      const before = await snapshot(latchkey.dataSource);
      expect(await call(nobody.api, route, target)).toEqual(denied(route.permission));
      expect(await call(nobody.api, route, unknownTarget())).toEqual(denied(route.permission));
      expect(
        await call(nobody.api, route, {
          organizationId: 'x',
          identityId: 'y',
          tokenId: 'z',
          roleId: 'r',
          slug: 's',
          ...ownIds(() => 'u'),
        }),
      ).toEqual(denied(route.permission));
      expect(await snapshot(latchkey.dataSource)).toEqual(before);
    });

    it.each(ROUTES.filter(({ operation }) => !operation.startsWith('GET')))(
      'are refused before the body is validated: $operation',
      async (route) => {
        const sent = { name: 3, role: '', metadata: 'x', accessTokenTTL: -1, organizationId: null, limit: 'x' };
        expect(await call(nobody.api, route, unknownTarget(), sent)).toEqual(denied(route.permission));
      },
    );

    it('are enough to learn who one is, and to give the own token up', async () => {
      const { api, accessToken } = await latchkey.given.token();
      expect((await api.get('/api/v1/identities/details')).status).toBe(200);
      expect((await latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken })).status).toBe(200);
    });

    it('do not reach the identity itself', async () => {
      expect(await nobody.api.get(`/api/v1/identities/${nobody.identityId}`)).toEqual(denied('identity:read'));
      expect(await nobody.api.patch(`/api/v1/identities/${nobody.identityId}`, { role: 'admin' })).toEqual(
        denied('identity:edit'),
      );
    });
  });

  describe('come before existence, and existence before state', () => {
    it.each(WITH_ID)('an unknown id is 404 for who may: $operation', async (route) => {
      const target = unknownTarget();
      expect(await call(admin.api, route, target)).toEqual(refused(404, 'NotFound', route.notFound!(target)));
    });

    it('a deleted identity is not found, whatever was attached to it', async () => {
      const target = await targetWith('no-access');
      done(await admin.api.delete(`/api/v1/identities/${target.identityId}`));
      for (const route of OF_IDENTITIES) {
        expect(await call(admin.api, route, target)).toEqual(refused(404, 'NotFound', route.notFound!(target)));
      }
    });
  });

  describe('an instance admin identity', () => {
    let target: Ids;

    beforeAll(async () => {
      const found = done(
        await latchkey.admin.post('/api/v1/identities/search', { search: { name: 'Instance Admin Identity' } }),
      );
      const identityId = found.identities[0].identityId as string;
      const { tokens } = done(await latchkey.admin.get(`/api/v1/auth/token-auth/identities/${identityId}/tokens`));
      const own = await latchkey.given.everyMethod(identityId);
      target = {
        organizationId,
        identityId,
        tokenId: tokens[0].id as string,
        ...(await latchkey.given.role()),
        ...(await latchkey.given.stream()),
        ...own,
      };
    });

    it.each(CHANGES)('is left alone by admins and members: $operation', async (route) => {
      const before = await snapshot(latchkey.dataSource);
      expect(await call(admin.api, route, target)).toEqual(INSTANCE_ADMIN_ONLY);
      expect(await call(member.api, route, target)).toEqual(INSTANCE_ADMIN_ONLY);
      const operation = operations.find(({ name }) => name === route.operation)!;
      const body = Object.entries(route.body?.(target) ?? {});
      const least = Object.fromEntries(body.filter(([name]) => operation.required.includes(name)));
      expect(await call(admin.api, route, target, least)).toEqual(INSTANCE_ADMIN_ONLY);
      expect(await snapshot(latchkey.dataSource)).toEqual(before);
    });

    it('can be read by admins, but for its tokens', async () => {
      for (const route of READS) {
        if (/\/(tokens|access-tokens\/)/.test(route.operation)) {
          expect(await call(admin.api, route, target)).toEqual(INSTANCE_ADMIN_ONLY);
        } else expect((await call(admin.api, route, target)).status).toBe(200);
      }
    });

    it('is refused as a list where it is refused by id, and the other way round, on every route there is', async () => {
      const routeOf = (path: string) => ROUTES.find(({ operation }) => operation === `GET ${path}`)!;
      // Those of projects are for members of a project, whatever their role in the organization is.
      const reads = operations.filter(({ method, path }) => method === 'GET' && routeOf(path) !== undefined);
      // An item and the list it is in: `/x/{id}` and `/x`, or `/x/{id}` and whatever else ends in `/x`.
      const pairs = reads.flatMap(({ path }) => {
        const collection = /\/([a-z-]+)\/\{\w+\}$/.exec(path)?.[1];
        if (collection === undefined) return [];
        return reads.filter((list) => list.path.endsWith(`/${collection}`)).map((list) => [list.path, path] as const);
      });
      const ends = pairs.map(([, path]) => path.split('/').at(-1));
      expect(ends).toEqual(
        expect.arrayContaining(['{tokenId}', '{identityId}', ...OWN_IDS.map((name) => `{${name}}`)]),
      );
      for (const [list, item] of pairs) {
        // The list of a whole organization leaves its tokens out: the suite of managed tokens asks for them.
        if (list === '/api/latchkey/v1/access-tokens') continue;
        const [all, one] = [await call(admin.api, routeOf(list), target), await call(admin.api, routeOf(item), target)];
        expect([list, item, one.status]).toEqual([list, item, all.status]);
        expect((await call(latchkey.admin, routeOf(item), target)).status).toBe(200);
      }
    });

    it('is changed by instance admins', async () => {
      const { identityId } = target;
      expect((await latchkey.admin.patch(`/api/v1/identities/${identityId}`, { name: 'Root' })).status).toBe(200);
      const made = await latchkey.given.tokenFor(identityId);
      expect((await made.api.get('/api/v1/organization')).status).toBe(200);
      expect((await latchkey.admin.post(`/api/v1/auth/token-auth/tokens/${made.tokenId}/revoke`)).status).toBe(200);
    });

    it('is not what somebody becomes by asking for it', async () => {
      const wish = { isInstanceAdmin: true, is_instance_admin: true, superAdmin: true };
      const identityId = await latchkey.given.identity({ role: 'admin', ...wish });
      done(await latchkey.admin.patch(`/api/v1/identities/${identityId}`, wish));
      await latchkey.given.tokenAuth(identityId, wish);
      const { api } = await latchkey.given.tokenFor(identityId, wish);
      expect(await api.get('/api/v1/organization')).toEqual(denied('organization:read'));
    });
  });

  describe('are never handed out by who does not hold them', () => {
    it.each(['member', 'admin'])('a member cannot make somebody %s', async (role) => {
      const before = await snapshot(latchkey.dataSource);
      expect(await member.api.post('/api/v1/identities', { name: 'made', organizationId, role })).toEqual(
        beyond('create identity', ...missingFor(role)),
      );
      expect(await snapshot(latchkey.dataSource)).toEqual(before);
    });

    it.each([
      ['no-access', 'member'],
      ['no-access', 'admin'],
      ['member', 'admin'],
      ['member', 'no-access'],
    ])('a member cannot turn %s into %s, nor change anything else along with it', async (from, to) => {
      const identityId = await latchkey.given.identity({ role: from });
      const before = await snapshot(latchkey.dataSource);
      const change = { role: to, name: 'other', metadata: [{ key: 'a', value: 'b' }], hasDeleteProtection: true };
      expect(await member.api.patch(`/api/v1/identities/${identityId}`, change)).toEqual(
        beyond('update identity', ...missingFor(to)),
      );
      expect(await snapshot(latchkey.dataSource)).toEqual(before);
    });

    it.each(['admin', 'no-access'])('a member cannot make itself %s', async (role) => {
      const { api, identityId } = await latchkey.given.token({ role: 'member' });
      expect(await api.patch(`/api/v1/identities/${identityId}`, { role })).toEqual(
        beyond('update identity', ...missingFor(role)),
      );
      expect(await roleOf(identityId)).toBe('member');
    });

    it('a member may repeat the role somebody has: that gives nothing', async () => {
      const identityId = await latchkey.given.identity({ role: 'member' });
      const answer = await member.api.patch(`/api/v1/identities/${identityId}`, { role: 'member', name: 'renamed' });
      expect(answer).toEqual(answered(expect.anything()));
      expect(done(answer).identity.name).toBe('renamed');
    });

    it.each(['admin', 'member', 'no-access'])('an admin gives and takes %s', async (role) => {
      const made = done(await admin.api.post('/api/v1/identities', { name: 'made', organizationId, role }));
      expect(await roleOf(made.identity.id as string)).toBe(role);
      const identityId = await latchkey.given.identity({ role: 'member' });
      done(await admin.api.patch(`/api/v1/identities/${identityId}`, { role }));
      expect(await roleOf(identityId)).toBe(role);
    });
  });

  describe('of a role are those of its one spelling', () => {
    // Trimmed to `admin`, and then asked for like it.
    it.each([' admin', 'admin\n', '\u00a0admin\u2003', '\ufeffadmin'])(
      'a member cannot make somebody %j',
      async (role) => {
        expect(await member.api.post('/api/v1/identities', { name: 'made', organizationId, role })).toEqual(
          beyond('create identity', ...OF_ADMINS_ONLY),
        );
        expect(await member.api.patch(`/api/v1/identities/${member.identityId}`, { role })).toEqual(
          beyond('update identity', ...OF_ADMINS_ONLY),
        );
      },
    );

    it.each([
      'Admin',
      'ADMIN',
      '\u0430dmin',
      'adm\u0131n',
      '\uff41\uff44\uff4d\uff49\uff4e',
      'ad\u00admin',
      'admin\u200b',
    ])('nobody is %j', async (role) => {
      const unknown = refused(
        400,
        'BadRequest',
        'There is no such role. Choose one of: admin, member, no-access, or the slug of a role of your organization.',
      );
      const identityId = await latchkey.given.identity({ role: 'member' });
      for (const api of [member.api, admin.api, latchkey.admin]) {
        expect(await api.post('/api/v1/identities', { name: 'made', organizationId, role })).toEqual(unknown);
        expect(await api.patch(`/api/v1/identities/${identityId}`, { role })).toEqual(unknown);
      }
    });
  });

  describe('are not what a body can write', () => {
    const FOREIGN = 'f0f0f0f0-0000-4000-8000-f0f0f0f0f0f0';
    const FOREVER = '2099-01-01T00:00:00.000Z';
    const VALUES: Record<string, unknown> = {
      uuid: FOREIGN,
      boolean: true,
      text: 'admin',
      integer: 1,
      bigint: 1,
      'timestamp with time zone': FOREVER,
      jsonb: [{ type: 'ipv4', prefix: 0, ipAddress: '0.0.0.0' }],
    };

    /** A value for every column of every table, by its name in the database and in JSON. */
    const everyColumn = async (): Promise<Record<string, unknown>> => {
      const columns = await latchkey.dataSource.query<{ name: string; type: string }[]>(
        `SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_schema = 'latchkey'`,
      );
      const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
      const ofWire = { isAccessTokenRevoked: true, accessTokenNumUses: 99, subOrganizationId: FOREIGN, orgId: FOREIGN };
      return {
        ...Object.fromEntries(
          columns.flatMap(({ name, type }) => [name, camel(name)].map((key) => [key, VALUES[type]])),
        ),
        ...ofWire,
        superAdmin: true,
        permissions: ['organization:create'],
      };
    };
    /** Without what is new every time. What was asked for stays. */
    const masked = (value: unknown) =>
      JSON.stringify(value)
        .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) => (id === FOREIGN ? id : 'ID'))
        .replace(/20[2-8]\d-\d\d-\d\dT[\d:.]+(Z|\+00:00)/g, 'TIME')
        .replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, 'JWT')
        .replace(/made-[a-z0-9]{4,6}/g, 'SLUG')
        .replace(/req-\w{14}/g, 'REQ')
        .replace(/"revision":\d+/g, '"revision":0')
        .replace(/"sealed_secrets":"[^"]+"/g, '"SEALED"')
        .replace(/whsec_[\w+/=]+/g, 'SECRET')
        .replace(/"clientSecret(Prefix)?":"[0-9a-f]+"/g, '"SECRET"');
    const rowsOf = async (identityId: string) => {
      const rows: unknown[] = [];
      for (const [table, column] of [
        ['identities', 'id'],
        ['organization_memberships', 'identity_id'],
        ['identity_auth_methods', 'identity_id'],
        ['identity_access_tokens', 'identity_id'],
        ['identity_metadata', 'identity_id'],
      ]) {
        rows.push(
          await latchkey.dataSource.query(
            `SELECT to_jsonb(t) FROM ${table} t WHERE ${column} = $1 ORDER BY to_jsonb(t) - 'id'`,
            [identityId],
          ),
        );
      }
      return rows;
    };

    // A checkpoint takes no body, and each is of a longer chain than the one before.
    it.each(ROUTES.filter(({ operation }) => !/^GET|\/search$|\/checkpoints$/.test(operation)))(
      'beyond the fields it documents: $operation',
      async (route) => {
        const columns = await everyColumn();
        const own = operations.find(({ name }) => name === route.operation)!.fields;
        for (const { path } of own) delete columns[String(path[0])];
        const outcome = async (extras: object) => {
          const target = await targetFor(route);
          const body = route.body?.(target) ?? {};
          const answer = await call(latchkey.admin, route, target, { ...extras, ...body });
          const made = answer.body.identity?.id as string | undefined;
          return masked([answer.status, answer.body, await rowsOf(made ?? target.identityId)]);
        };
        expect(Object.keys(columns).length).toBeGreaterThan(50);
        const plain = await outcome({});
        expect(plain).toMatch(/^\[200,/);
        expect(await outcome(columns)).toBe(plain);
      },
    );
  });

  describe('follow the role at once', () => {
    it('what a caller loses is gone on its very next request, and back on the one after it is given again', async () => {
      const { api, identityId } = await latchkey.given.token({ role: 'member' });
      const list = () => api.get(`/api/v1/identities?orgId=${organizationId}`);
      const give = async (role: string) =>
        done(await latchkey.admin.patch(`/api/v1/identities/${identityId}`, { role }));
      expect((await list()).status).toBe(200);
      await give('no-access');
      expect(await list()).toEqual(denied('identity:read'));
      await give('admin');
      expect((await api.post('/api/v1/identities', { name: 'made', organizationId, role: 'admin' })).status).toBe(200);
      await give('member');
      expect(await api.post('/api/v1/identities', { name: 'made', organizationId, role: 'admin' })).toEqual(
        beyond('create identity', ...OF_ADMINS_ONLY),
      );
    });

    it('a target that was raised meanwhile is out of reach', async () => {
      const target = await targetWith('no-access');
      const create = () => member.api.post(`/api/v1/auth/token-auth/identities/${target.identityId}/tokens`);
      expect((await create()).status).toBe(200);
      done(await latchkey.admin.patch(`/api/v1/identities/${target.identityId}`, { role: 'admin' }));
      expect(await create()).toEqual(beyond('create token for identity', ...OF_ADMINS_ONLY));
    });

    it('a role nobody knows, found in the database, gives nothing', async () => {
      const { api, identityId } = await latchkey.given.token({ role: 'admin' });
      await latchkey.change('UPDATE latchkey.organization_memberships SET role = $2 WHERE identity_id = $1', [
        identityId,
        'gone',
      ]);
      expect(await api.get(`/api/v1/identities/${identityId}`)).toEqual(denied('identity:read'));
    });
  });
});
