import { randomUUID } from 'node:crypto';
import type { OpenAPIObject } from '@nestjs/swagger';
import { latchkeyDocument } from '../src/openapi/latchkey-document';
import { type Answer, type ApiClient, refused } from './support/api-client';
import { done, type GivenOrganization, type GivenToken } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { METHODS, OWN_IDS } from './support/methods';
import { type Ids as MethodIds, loginOf } from './support/methods/method-fixture';
import { snapshot } from './support/snapshot';

/** The ids a request can name, by what they are called in paths, queries and bodies. */
interface Ids extends MethodIds {
  readonly orgId: string;
  readonly organizationSlug: string;
  readonly projectId: string;
  readonly projectSlug: string;
  readonly membershipId: string;
  readonly projectRoleId: string;
  readonly roleSlug: string;
}

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly query: string[];
  readonly body: Record<string, unknown> | undefined;
}

interface OpenApiOperation {
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: { $ref: string } }> };
}

type Schemas = Record<string, { properties?: Record<string, { example?: unknown }> }>;

/**
 * What the operations take besides ids that can be another tenant's: the token itself, names, filters. Logging in is how one
 * comes to belong to a tenant: the suite of each method asks it for what is not one's own.
 */
const WITHOUT_IDS = [
  ...METHODS.map(({ definition }) => loginOf(definition)),
  'POST /api/v1/auth/token/renew',
  'POST /api/v1/auth/token/revoke',
  'GET /api/status',
  'GET /api/health',
  'POST /api/v1/admin/bootstrap',
  'POST /api/v2/organizations',
  'GET /api/v1/organization',
  'POST /api/v1/identities/search',
  'GET /api/v1/identities/details',
  'GET /api/latchkey/v1/me',
  'GET /api/latchkey/v1/nodes',
  'GET /api/latchkey/v1/overview',
  'POST /api/v1/organization/roles',
  ...['/api/v1/projects', '/api/v2/workspace'].map((path) => `POST ${path}`),
  ...['/api/v1/projects', '/api/v1/workspace'].map((path) => `GET ${path}`),
  'GET /api/v1/organization/roles',
  // Its ids are filters: the suite of the audit log asks for those of another tenant.
  'GET /api/v1/organization/audit-logs',
  'GET /api/latchkey/v1/audit-logs/export',
  'GET /api/latchkey/v1/audit-logs/checkpoints',
  'POST /api/latchkey/v1/audit-logs/checkpoints',
  'POST /api/latchkey/v1/audit-logs/streams',
  'GET /api/latchkey/v1/audit-logs/streams',
];

function operationsOf({ paths, components }: OpenAPIObject): Operation[] {
  const schemas = components?.schemas as Schemas;
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, OpenApiOperation>).map(([method, { parameters = [], requestBody }]) => {
      const ref = requestBody?.content['application/json']?.schema.$ref.split('/').at(-1);
      const properties = Object.entries(schemas[ref ?? '']?.properties ?? {});
      return {
        method: method.toUpperCase(),
        path,
        query: parameters.filter((one) => one.in === 'query' && /id$/i.test(one.name)).map(({ name }) => name),
        body:
          requestBody &&
          Object.fromEntries(
            properties
              .filter(([name, { example }]) => example !== undefined || /Id$|Slug$/.test(name))
              .map(([name, { example }]) => [name, example]),
          ),
      };
    }),
  );
}

/** A field whose only value is null names nothing, and a tenant of Azure is none of Latchkey's. */
const isId = ([name, value]: [string, unknown]) => /Id$|Slug$/.test(name) && name !== 'tenantId' && value !== null;

function idsIn({ path, query, body }: Operation): string[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  return [
    ...inPath,
    ...query,
    ...Object.entries(body ?? {})
      .filter(isId)
      .map(([name]) => name),
  ];
}

function send(api: ApiClient, { method, path, query, body }: Operation, ids: Ids): Promise<Answer> {
  const idOf = (name: string) => {
    const id = ids[name];
    if (id === undefined) throw new Error(`This suite knows no id called ${name}: give it one`);
    return id;
  };
  const target = path.replace(/\{(\w+)\}/g, (_, name: string) => idOf(name));
  const search = query.map((name) => `${name}=${encodeURIComponent(idOf(name))}`).join('&');
  const sent =
    body &&
    Object.fromEntries(Object.entries(body).map(([name, value]) => [name, isId([name, value]) ? idOf(name) : value]));
  return api.call(method, search === '' ? target : `${target}?${search}`, { body: sent });
}

/** An answer without what may differ: the request's id, and the ids that were asked for. */
function comparable({ status, headers, body }: Answer, ids: Ids): object {
  const names = Object.values<string>(ids);
  const text = names.reduce((rest, id) => rest.replaceAll(id, 'ID'), JSON.stringify({ ...body, reqId: '' }));
  const kept = [...headers].filter(([name]) => !['date', 'content-length', 'x-request-id'].includes(name));
  return { status, headers: kept, text };
}

/** The ids that only routes of single methods take, each the same. */
const ownIds = (id: () => string) => Object.fromEntries(OWN_IDS.map((name) => [name, id()]));

const unknown = (): Ids => {
  const organizationId = randomUUID();
  return {
    identityId: randomUUID(),
    tokenId: randomUUID(),
    roleId: randomUUID(),
    streamId: randomUUID(),
    slug: `none-${randomUUID()}`,
    ...ownIds(randomUUID),
    projectId: randomUUID(),
    projectSlug: `none-${randomUUID()}`,
    membershipId: randomUUID(),
    projectRoleId: randomUUID(),
    roleSlug: `none-${randomUUID()}`,
    organizationId,
    orgId: organizationId,
    organizationSlug: `nobody-${randomUUID().slice(0, 6)}`,
  };
};

describe('tenants', () => {
  let latchkey: TestLatchkey;
  let ours: GivenOrganization;
  let theirs: GivenOrganization;
  let ourToken: GivenToken;
  let theirToken: GivenToken;
  let theirIds: Ids;
  let operations: Operation[];

  beforeAll(async () => {
    latchkey = await startLatchkey();
    operations = operationsOf(latchkeyDocument(latchkey.app)).filter(
      (one) => idsIn(one).length > 0 && !WITHOUT_IDS.includes(`${one.method} ${one.path}`),
    );
    ours = await latchkey.given.organization('Ours');
    theirs = await latchkey.given.organization('Theirs');
    ourToken = await ours.given.token();
    await ours.given.everyMethod(ourToken.identityId);
    theirToken = await theirs.given.token({ name: 'their-token' });
    const { identityId, tokenId } = theirToken;
    const own = await theirs.given.everyMethod(identityId);
    const project = await theirs.given.project();
    const { organization } = done(await theirs.admin.get('/api/v1/identities/details')).identityDetails;
    theirIds = {
      identityId,
      tokenId,
      ...(await theirs.given.role()),
      ...(await theirs.given.stream()),
      ...project,
      ...(await theirs.given.member(identityId, project.projectId)),
      ...(await theirs.given.projectRole(project.projectId)),
      ...own,
      organizationId: theirs.organizationId,
      orgId: theirs.organizationId,
      organizationSlug: organization.slug as string,
    };
  });
  afterAll(() => latchkey.stop());

  const callers = (): [string, ApiClient][] => [
    ['the admin of another organization', ours.admin],
    ['the instance admin, who belongs to another organization', latchkey.admin],
  ];

  it('are told apart by every operation that takes an id: the matrix below leaves none out', () => {
    const all = operationsOf(latchkeyDocument(latchkey.app)).map(({ method, path }) => `${method} ${path}`);
    const covered = operations.map(({ method, path }) => `${method} ${path}`);
    expect([...covered, ...WITHOUT_IDS].sort()).toEqual(all.sort());
  });

  it('answer an id of another tenant byte for byte like one that does not exist, and change nothing', async () => {
    const before = await snapshot(latchkey.dataSource);
    for (const [who, api] of callers()) {
      for (const operation of operations) {
        const random = unknown();
        const what = `${who}: ${operation.method} ${operation.path}`;
        const foreign = await send(api, operation, theirIds);
        const absent = await send(api, operation, random);
        expect([403, 404]).toContain(foreign.status);
        expect({ what, ...comparable(foreign, theirIds) }).toEqual({ what, ...comparable(absent, random) });
      }
    }
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
  });

  it('do not let a token of one speak in the other, and answer its slug like one that does not exist', async () => {
    const path = `/api/v1/auth/token-auth/identities/${ourToken.identityId}/tokens`;
    const before = await snapshot(latchkey.dataSource);
    for (const organizationSlug of [theirIds.organizationSlug, 'no-such-slug']) {
      expect(await ours.admin.post(path, { organizationSlug })).toEqual(
        refused(404, 'NotFound', `Sub organization with slug ${organizationSlug} not found`),
      );
    }
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
  });

  it('find no client secret of the other beneath an identity of their own', async () => {
    const path = `/api/v1/auth/universal-auth/identities/${ourToken.identityId}/client-secrets`;
    const before = await snapshot(latchkey.dataSource);
    for (const id of [theirIds.clientSecretId!, randomUUID(), 'nope']) {
      const refusal = refused(404, 'NotFound', `Client secret with ID ${id} not found`);
      expect(await ours.admin.get(`${path}/${id}`)).toEqual(refusal);
      expect(await ours.admin.post(`${path}/${id}/revoke`)).toEqual(refusal);
    }
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
  });

  it('answer the two ids of one request in the same way, whichever of them is foreign', async () => {
    const refusal = refused(403, 'ForbiddenError', 'You are not logged into this organization');
    for (const organizationId of [theirs.organizationId, randomUUID(), 'x', `${ours.organizationId}x`, '*']) {
      expect(await ours.admin.post('/api/v1/identities', { name: 'made', organizationId })).toEqual(refusal);
      expect(await ours.admin.get(`/api/v1/identities?orgId=${organizationId}`)).toEqual(refusal);
      expect(await ours.admin.get(`/api/v2/organizations/${organizationId}/identity-memberships`)).toEqual(refusal);
    }
  });

  it('see only their own in lists, searches and memberships', async () => {
    const orgId = ours.organizationId;
    const answers = [
      done(await ours.admin.get(`/api/v1/identities?orgId=${orgId}&limit=100`)).identities,
      done(await ours.admin.post('/api/v1/identities/search', { limit: 100 })).identities,
      done(await ours.admin.post('/api/v1/identities/search', { search: { name: { $contains: 'given' } } })).identities,
      done(
        await ours.admin.post('/api/v1/identities/search', { search: { $or: [{ name: 'given' }, { role: 'admin' }] } }),
      ).identities,
      done(await ours.admin.get(`/api/v2/organizations/${orgId}/identity-memberships?limit=20000`)).identityMemberships,
    ] as { orgId: string; identityId: string }[][];
    for (const items of answers) {
      expect(items.length).toBeGreaterThan(0);
      expect(items.map((item) => item.orgId)).toEqual(items.map(() => orgId));
    }
    const everyone = answers[0]!.map(({ identityId }) => identityId);
    expect(everyone).toContain(ourToken.identityId);
    expect(everyone).not.toContain(theirToken.identityId);
  });

  it('count only their own', async () => {
    const orgId = ours.organizationId;
    const [row] = await latchkey.dataSource.query<[{ count: number }]>(
      'SELECT count(*)::int AS count FROM latchkey.organization_memberships WHERE organization_id = $1',
      [orgId],
    );
    const { count } = row;
    expect(done(await ours.admin.get(`/api/v1/identities?orgId=${orgId}&limit=1`)).totalCount).toBe(count);
    expect(done(await ours.admin.post('/api/v1/identities/search', { limit: 1 })).totalCount).toBe(count);
    expect(done(await ours.admin.get(`/api/v2/organizations/${orgId}/identity-memberships?limit=1`)).totalCount).toBe(
      count,
    );
  });

  it('cannot be walked into with a cursor made from an id of the other', async () => {
    const forged = Buffer.from(`${Date.now() + 60_000}:${theirToken.identityId}`).toString('base64url');
    const list = done(await ours.admin.get(`/api/v1/identities?orgId=${ours.organizationId}&cursor=${forged}`));
    expect((list.identities as { orgId: string }[]).every(({ orgId }) => orgId === ours.organizationId)).toBe(true);
    const path = `/api/v1/auth/token-auth/identities/${ourToken.identityId}/tokens?cursor=${forged}`;
    const { tokens } = done(await ours.admin.get(path));
    expect((tokens as { id: string }[]).map(({ id }) => id)).toEqual([ourToken.tokenId]);
  });

  it('cannot be walked into with a cursor that a list of the other has answered', async () => {
    for (let i = 0; i < 3; i += 1) await theirs.given.tokenFor(theirToken.identityId);
    const theirTokens = `/api/v1/auth/token-auth/identities/${theirToken.identityId}/tokens`;
    const lists: [string, string][] = [
      [`/api/v1/identities?orgId=${theirs.organizationId}&limit=1`, `/api/v1/identities?orgId=${ours.organizationId}`],
      [`${theirTokens}?limit=1`, `/api/v1/auth/token-auth/identities/${ourToken.identityId}/tokens?`],
    ];
    for (const [foreign] of lists) {
      const cursor = done(await theirs.admin.get(foreign)).nextCursor as string;
      expect(cursor).toEqual(expect.any(String));
      for (const path of lists.map(([, one]) => one)) {
        const page = done(await ours.admin.get(`${path}&cursor=${cursor}`));
        const text = JSON.stringify(page);
        for (const id of [theirs.organizationId, theirToken.identityId, theirToken.tokenId]) {
          expect(text).not.toContain(id);
        }
        // The total is that of the own list, whatever the cursor.
        expect(page.totalCount).toBe(done(await ours.admin.get(path)).totalCount);
      }
    }
  });

  it('cannot be told apart by a request in which one id is own and the other foreign', async () => {
    const path = (identityId: string, tokenId: string) =>
      `/api/v1/auth/token-auth/identities/${identityId}/tokens/${tokenId}`;
    const [own, foreign] = [ourToken, theirToken];
    for (const [mixed, absent] of [
      [
        [own.identityId, foreign.tokenId],
        [own.identityId, randomUUID()],
      ],
      [
        [foreign.identityId, own.tokenId],
        [randomUUID(), own.tokenId],
      ],
    ] as [[string, string], [string, string]][]) {
      const [told, expected] = [await ours.admin.get(path(...mixed)), await ours.admin.get(path(...absent))];
      expect(told.status).toBe(404);
      const text = ({ body }: Answer, id: string) => JSON.stringify({ ...body, reqId: '' }).replaceAll(id, 'ID');
      expect(text(told, mixed[1])).toBe(text(expected, absent[1]));
    }
    for (const organizationId of [theirs.organizationId, randomUUID()]) {
      const refusal = refused(403, 'ForbiddenError', 'You are not logged into this organization');
      const twice = `/api/v1/identities?orgId=${ours.organizationId}&orgId=${organizationId}`;
      expect((await ours.admin.get(twice)).status).toBe(422);
      const memberships = `/api/v2/organizations/${organizationId}/identity-memberships?orgId=${ours.organizationId}`;
      expect(await ours.admin.get(memberships)).toEqual(refusal);
    }
  });

  it('are not reached by ids in places where none are looked for', async () => {
    const { identityId, tokenId, organizationId, organizationSlug } = theirIds;
    const names = { identityId, tokenId, organizationId, organizationSlug, id: identityId, identity_id: identityId };
    const query = new URLSearchParams({ ...names, organization_id: organizationId, projectId: organizationId });
    const headers = {
      'x-organization-id': organizationId,
      'x-org-id': organizationId,
      'x-tenant-id': organizationId,
      'x-infisical-org-id': organizationId,
      cookie: `orgId=${organizationId}; organizationId=${organizationId}`,
    };
    const own = ourToken;
    for (const path of [
      '/api/v1/identities/details?',
      `/api/v1/identities/${own.identityId}?`,
      `/api/v1/identities?orgId=${ours.organizationId}&`,
      `/api/v1/auth/token-auth/identities/${own.identityId}?`,
      `/api/v1/auth/token-auth/identities/${own.identityId}/tokens?`,
      `/api/v1/auth/token-auth/tokens/${own.tokenId}?`,
      `/api/v2/organizations/${ours.organizationId}/identity-memberships?`,
    ]) {
      expect((await ours.admin.get(`${path}${query}`, headers)).body).toEqual((await ours.admin.get(path)).body);
    }
    const searched = await ours.admin.post('/api/v1/identities/search', { ...names, orgId: organizationId }, headers);
    expect(searched.body).toEqual((await ours.admin.post('/api/v1/identities/search', {})).body);
  });

  it('take an id of another kind for one that does not exist, though it is their own', async () => {
    const { identity } = done(await ours.admin.get(`/api/v1/identities/${ourToken.identityId}`));
    const method = `/api/v1/auth/token-auth/identities/${ourToken.identityId}`;
    const ids = [
      ours.organizationId,
      identity.id as string,
      done(await ours.admin.get(method)).identityTokenAuth.id as string,
    ];
    const before = await snapshot(latchkey.dataSource);
    for (const operation of operations.filter(({ path }) => /\{(identityId|tokenId)\}/.test(path))) {
      for (const id of [...ids, operation.path.includes('{identityId}') ? ourToken.tokenId : ourToken.identityId]) {
        const answer = await send(ours.admin, operation, {
          ...theirIds,
          orgId: ours.organizationId,
          organizationId: ours.organizationId,
          identityId: id,
          tokenId: id,
        });
        expect({ operation: `${operation.method} ${operation.path}`, status: answer.status }).toEqual({
          operation: `${operation.method} ${operation.path}`,
          status: 404,
        });
      }
    }
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
  });

  it('keep the identity they have when a token row is made to point elsewhere: no membership, no entry', async () => {
    const stray = await theirs.given.token({ role: 'admin' });
    await latchkey.change('UPDATE latchkey.identity_access_tokens SET organization_id = $2 WHERE id = $1', [
      stray.tokenId,
      ours.organizationId,
    ]);
    expect(await stray.api.get('/api/v1/identities/details')).toEqual(
      refused(401, 'UnauthorizedError', 'Failed to authorize: identity is not a member of the organization'),
    );
  });

  describe('answer an id that is none like one that does not exist', () => {
    const real = () => ourToken.identityId;
    const MALFORMED: [string, () => string][] = [
      ['words', () => 'not-a-uuid'],
      ['a number', () => '1'],
      ['a negative number', () => '-1'],
      ['braces', () => `{${real()}}`],
      ['no hyphens', () => real().replaceAll('-', '')],
      ['a urn', () => `urn:uuid:${real()}`],
      ['blanks around', () => ` ${real()} `],
      ['a line break behind', () => `${real()}\n`],
      ['NUL', () => '\0'],
      ['NUL behind', () => `${real()}\0`],
      ['a quote', () => "' OR '1'='1"],
      ['a percent sign', () => '%'],
      ['a slash', () => `${real()}/tokens`],
      ['dots', () => '..%2f'],
      ['unicode', () => 'идентичность'],
      ['full-width digits', () => real().replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit)))],
      ['an emoji', () => '🔑'],
      ['text from right to left', () => '\u202e\u05d0'],
      ['__proto__', () => '__proto__'],
      ['constructor', () => 'constructor'],
      ['ninety characters', () => 'x'.repeat(90)],
      ['two hundred characters', () => 'x'.repeat(200)],
      ['five thousand characters', () => 'x'.repeat(5_000)],
    ];

    it.each(MALFORMED)('%s', async (_, spell) => {
      const id = spell();
      const asIds = (text: string): Ids => ({
        ...theirIds,
        identityId: text,
        tokenId: text,
        roleId: text,
        streamId: text,
        slug: text,
        ...ownIds(() => text),
        projectId: text,
        projectSlug: text,
        membershipId: text,
        projectRoleId: text,
        roleSlug: text,
        orgId: text,
      });
      const inPaths = operations.filter(({ path }) => path.includes('{')).map((one) => ({ ...one, query: [] }));
      const before = await snapshot(latchkey.dataSource);
      for (const operation of inPaths) {
        const random = randomUUID();
        const malformed = await send(ours.admin, operation, asIds(encodeURIComponent(id)));
        const absent = await send(ours.admin, operation, asIds(random));
        const escaped = JSON.stringify(id).slice(1, -1);
        const plain = ({ status, body }: Answer, text: string) => ({
          what: `${operation.method} ${operation.path}`,
          status,
          text: JSON.stringify({ ...body, reqId: '' }).replaceAll(text, 'ID'),
        });
        expect(plain(malformed, escaped)).toEqual(plain(absent, random));
      }
      expect(await snapshot(latchkey.dataSource)).toEqual(before);
    });

    it('a percent sign that encodes nothing is a malformed request', async () => {
      for (const text of ['%', '%zz', '%E0%A4%A', '%ff']) {
        const { status, body } = await ours.admin.get(`/api/v1/identities/${text}`);
        expect({ status, statusCode: body.statusCode as number }).toEqual({ status: 400, statusCode: 400 });
      }
    });

    it('but an id in capitals is the same id, whatever is done with it', async () => {
      const own = await ours.given.token();
      const [identityId, tokenId] = [own.identityId.toUpperCase(), own.tokenId.toUpperCase()];
      const identity = `/api/v1/identities/${identityId}`;
      const method = `/api/v1/auth/token-auth/identities/${identityId}`;
      const token = `/api/v1/auth/token-auth/tokens/${tokenId}`;
      expect(done(await ours.admin.get(identity)).identity.identityId).toBe(own.identityId);
      const patched = done(
        await ours.admin.patch(identity, { name: 'capitals', metadata: [{ key: 'a', value: 'b' }] }),
      );
      expect(patched.identity).toMatchObject({ id: own.identityId, name: 'capitals', metadata: [{ key: 'a' }] });
      expect(done(await ours.admin.get(`${method}/tokens`)).totalCount).toBe(1);
      expect(done(await ours.admin.patch(method, { accessTokenTTL: 60 })).identityTokenAuth.accessTokenTTL).toBe(60);
      expect(done(await ours.admin.post(`${method}/tokens`)).tokenData.identityId).toBe(own.identityId);
      expect(done(await ours.admin.patch(token, { name: 'capitals' })).token).toMatchObject({ id: own.tokenId });
      expect((await ours.admin.post(`${token}/revoke`)).status).toBe(200);
      expect((await own.api.get('/api/v1/identities/details')).status).toBe(401);
      expect((await ours.admin.delete(method)).status).toBe(200);
      expect(done(await ours.admin.delete(identity)).identity.id).toBe(own.identityId);
      const orgId = ours.organizationId.toUpperCase();
      expect((await ours.admin.get(`/api/v1/identities?orgId=${orgId}`)).status).toBe(200);
    });
  });
});
