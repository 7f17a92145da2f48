import 'reflect-metadata';
import * as http from 'node:http';
import { randomBytes, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { NestFactory } from '@nestjs/core';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { httpAdapter } from '../src/server/http-adapter';
import { ONLY_REFUSES } from '../src/common/http/other-methods';
import { latchkeyDocument } from '../src/openapi/latchkey-document';
import { serverDocument } from '../src/server/openapi';
import { configureServer, ServerModule } from '../src/server/server';
import { refused } from './support/api-client';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { METHODS } from './support/methods';
import { identityPathOf, loginOf } from './support/methods/method-fixture';

/**
 * Everything anybody may call. A route that is to be public is added here, by a person who has thought about it; of the methods one
 * can log in with, the login and nothing else.
 */
const PUBLIC = [
  'GET /api/health',
  'GET /api/status',
  'POST /api/v1/admin/bootstrap',
  'POST /api/v1/auth/token/renew',
  'POST /api/v1/auth/token/revoke',
  ...METHODS.map(({ definition }) => loginOf(definition)),
];

/** What older clients call, and Terraform. */
const OLDER_PATHS_OF_PROJECTS = [
  'POST /api/v2/workspace',
  'GET /api/v1/workspace',
  'GET /api/v1/workspace/slug/{projectSlug}',
  ...['GET', 'PATCH', 'DELETE'].map((method) => `${method} /api/v1/workspace/{projectId}`),
  ...['GET', 'PATCH', 'DELETE'].map((method) => `${method} /api/v2/workspace/{projectSlug}`),
  'POST /api/v2/workspace/{projectId}/identity-memberships/{identityId}',
  ...['GET', 'PATCH', 'DELETE'].map(
    (method) => `${method} /api/v2/workspace/{projectId}/identity-memberships/{identityId}`,
  ),
  'GET /api/v2/workspace/{projectId}/identity-memberships',
  ...['/api/v2/workspace/{projectId}', '/api/v1/workspace/{projectSlug}'].flatMap((path) => [
    `POST ${path}/roles`,
    `GET ${path}/roles`,
    `GET ${path}/roles/slug/{roleSlug}`,
    `PATCH ${path}/roles/{projectRoleId}`,
    `DELETE ${path}/roles/{projectRoleId}`,
  ]),
];

type Json = Record<string, unknown>;

interface Schema {
  $ref?: string;
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  oneOf?: Schema[];
  allOf?: Schema[];
  example?: unknown;
}

interface Media {
  schema: Schema;
  example?: unknown;
  examples?: Record<string, { value: { statusCode: number } }>;
}

interface OpenApiOperation {
  operationId?: string;
  deprecated?: boolean;
  summary?: string;
  description?: string;
  tags?: string[];
  security?: Record<string, string[]>[];
  'x-permission'?: string;
  'x-project-permission'?: string;
  parameters?: { name: string; in: string; example?: unknown; schema: Schema; description?: string }[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, { description: string; content?: Record<string, Media> }>;
}

interface Document {
  paths: Record<string, Record<string, OpenApiOperation>>;
  tags: { name: string; description: string }[];
  components: { schemas: Record<string, Schema> };
}

/** The routes of a server as its router was told of them, its documentation, and what a host would have of that. */
async function routesAndDocument(): Promise<{ routes: string[]; document: Document; hosts: Document }> {
  const adapter = httpAdapter();
  const routes: string[] = [];
  adapter.getInstance().addHook('onRoute', ({ method, url, config }) => {
    if ((config as Record<string, unknown> | undefined)?.[ONLY_REFUSES] !== true)
      routes.push(...[method].flat().map((one) => `${one} ${url}`));
  });
  const options = {
    database: { url: process.env.LATCHKEY_TEST_DATABASE! },
    authSecret: randomBytes(48).toString('base64'),
    migrate: 'never' as const,
  };
  const app = await NestFactory.create<NestFastifyApplication>(ServerModule.with(options), adapter, { logger: false });
  configureServer(app);
  await app.init();
  const document = serverDocument(app) as unknown as Document;
  const hosts = latchkeyDocument(app) as unknown as Document;
  await app.close();
  return { routes, document, hosts };
}

/** What the description of an operation says of the permission that it needs. */
const neededIn = ({ 'x-permission': own, 'x-project-permission': inProject = own }: OpenApiOperation) =>
  inProject === 'member' ? 'You must be in the project' : `\`${inProject}\``;

/** Sends a path exactly as it is: `fetch` would tidy it up first. */
function raw(
  { url }: TestLatchkey,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode!, text }));
    });
    request.on('error', reject).end();
  });
}

describe('the routes', () => {
  let latchkey: TestLatchkey;
  let routes: string[];
  let document: Document;
  let hosts: Document;
  let operations: (OpenApiOperation & { name: string; method: string; path: string })[];
  let schemas: Record<string, Schema>;

  beforeAll(async () => {
    ({ routes, document, hosts } = await routesAndDocument());
    schemas = document.components.schemas;
    operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({
        ...operation,
        method: method.toUpperCase(),
        path,
        name: `${method.toUpperCase()} ${path}`,
      })),
    );
    latchkey = await startLatchkey();
  });
  afterAll(() => latchkey.stop());

  const guarded = () => operations.filter(({ name }) => !PUBLIC.includes(name));
  const isPublic = (name: string) => PUBLIC.includes(name);
  /** The names of those that are not as they should be, so that a failure says which. */
  const failing = <Item extends { name: string }>(items: Item[], holds: (item: Item) => unknown) =>
    items.filter((item) => !holds(item)).map(({ name }) => name);

  it('are all in the API documentation, and everything in it is a route', () => {
    const isDocs = (route: string) => / \/(api\/docs|console)(\/|-|$)/.test(route) || / \/?\*$/.test(route);
    const found = routes.filter((route) => !isDocs(route)).map((route) => route.replace(/:(\w+)/g, '{$1}'));
    const live = found.filter((route) => !route.startsWith('HEAD '));
    const heads = found.filter((route) => route.startsWith('HEAD ')).map((route) => route.replace('HEAD', 'GET'));
    expect(heads.sort()).toEqual(live.filter((route) => route.startsWith('GET ')).sort());
    expect(operations.map(({ name }) => name).sort()).toEqual([...new Set(live)].sort());
    expect(operations.length).toBeGreaterThan(20);
  });

  it('that README and docs name are among them', () => {
    const files = ['README.md', ...readdirSync('docs').map((file) => `docs/${file}`)].filter((file) =>
      file.endsWith('.md'),
    );
    const named = files.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/`((?:GET|POST|PATCH|PUT|DELETE) \/api\/[^`?]*)`/g)].map(
        ([, route]) => route!,
      ),
    );
    expect(named.length).toBeGreaterThan(5);
    const shape = (route: string) => route.replace(/\{\w+\}/g, '{}');
    const known = new Set(operations.map(({ name }) => shape(name)));
    expect(named.filter((route) => !known.has(shape(route)))).toEqual([]);
  });

  describe('fail closed', () => {
    it('every route that is not on the short public list is 401 without a token', async () => {
      const allowed = operations.filter(({ name }) => isPublic(name)).map(({ name }) => name);
      expect(allowed.sort()).toEqual([...PUBLIC].sort());
      for (const { method, path } of guarded()) {
        const target = path.replace(/\{\w+\}/g, () => randomUUID());
        const answer = await latchkey.anonymous.call(method, target, { body: method === 'GET' ? undefined : {} });
        expect(answer).toEqual(refused(401, 'UnauthorizedError', 'Token missing'));
        expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      }
    });

    it('every one of them is 401 with a token that is none', async () => {
      for (const { method, path } of guarded()) {
        const target = path.replace(/\{\w+\}/g, () => randomUUID());
        expect((await latchkey.as('a.b.c').call(method, target)).status).toBe(401);
      }
    });

    it('no spelling of a path, method or header gets past the guard or breaks the server', async () => {
      const headers = [
        'X-HTTP-Method-Override',
        'X-HTTP-Method',
        'X-Original-URL',
        'X-Rewrite-URL',
        'X-Method-Override',
      ];
      const tricks = (path: string): string[] => [
        `${path}?x=/api/status`,
        `${path}?/api/status`,
        `${path}/`,
        `${path}//`,
        path.replaceAll('/', '//'),
        path.replace('/api/', '/./api/'),
        path.replace('/api/', '/api/%2e/'),
        path.replace('/api/', '/api/x/%2e%2e/'),
        path.replace('/api/', '/api/status/../'),
        path.replace('/api/', '/api/status/..%2f'),
        path.replace('/api/', '/api/docs/%2e%2e/'),
        path.replaceAll('/', '%2f').replace('%2f', '/'),
        path.replace('/api', '/%61pi'),
        path.replace('/api', '/API'),
        path.toUpperCase(),
        `${path};/api/status`,
        `${path};x=y`,
        `${path}%00`,
        `${path}%20`,
        `${path}.json`,
        `${path}#/api/status`,
        `/api/status${path}`,
        `http://127.0.0.1/api/status?${path}`,
        `${path}\\`,
        `/${path}`,
      ];
      const breaches: string[] = [];
      for (const { method, path } of guarded()) {
        const target = path.replace(/\{\w+\}/g, () => randomUUID());
        const look = async (how: string, spelled: string, sent: Record<string, string> = {}) => {
          const { status, text } = await raw(latchkey, how, spelled, sent);
          // The one path here that does lead to the public route.
          const isStatus = how === 'GET' && spelled.startsWith('http://127.0.0.1/api/status?');
          if (!isStatus && (status < 400 || status >= 500)) breaches.push(`${how} ${spelled}: ${status} ${text}`);
        };
        for (const spelled of tricks(target)) await look(method, spelled);
        for (const other of ['HEAD', 'TRACE', 'PUT', 'PROPFIND']) await look(other, target);
        for (const header of headers) {
          await look(method, target, { [header]: 'OPTIONS' });
          await look(method, target, { [header]: '/api/status' });
        }
      }
      expect(breaches).toEqual([]);
    }, 60_000);

    it('a token is read from the Authorization header and from nowhere else', async () => {
      const { accessToken } = await latchkey.given.token();
      const path = '/api/v1/identities/details';
      for (const query of ['access_token', 'token', 'authorization', 'bearer']) {
        expect((await latchkey.anonymous.get(`${path}?${query}=${accessToken}`)).status).toBe(401);
      }
      for (const [name, value] of [
        ['cookie', `access_token=${accessToken}; token=${accessToken}`],
        ['x-access-token', accessToken],
        ['x-api-key', accessToken],
        ['proxy-authorization', `Bearer ${accessToken}`],
        ['authorization', accessToken],
        ['authorization', `Basic ${accessToken}`],
        ['authorization', `Bearer${accessToken}`],
      ] as const) {
        expect((await latchkey.anonymous.get(path, { [name]: value })).status).toBe(401);
      }
      expect((await latchkey.anonymous.get(path, { authorization: `bEARER  ${accessToken}` })).status).toBe(200);
    });

    it('nothing but the API documentation is served as a file, however its path is spelled', async () => {
      const climbs = ['..', '%2e%2e', '..%2f..', '%2e%2e%2f%2e%2e', '..%5c..', '%252e%252e', '....//', '..;', '.%00.'];
      const files = ['package.json', 'package.json%00.css', 'swagger-ui-init.js/../../package.json', 'etc/passwd'];
      const leaks: string[] = [];
      for (const climb of climbs) {
        for (const depth of [1, 2, 3, 4, 6]) {
          for (const file of files) {
            const { status, text } = await raw(
              latchkey,
              'GET',
              `/api/docs/${Array.from({ length: depth }, () => climb).join('/')}/${file}`,
            );
            if (status >= 500 || /"dependencies"|root:/.test(text)) leaks.push(`${climb} ${depth} ${file}: ${status}`);
          }
        }
      }
      for (const path of ['/api/docs/', '/api/docs/.', '/api/docs/LICENSE/']) {
        const { status, text } = await raw(latchkey, 'GET', path);
        if (status >= 500 || /"dependencies"|Index of/.test(text)) leaks.push(path);
      }
      expect(leaks).toEqual([]);
    });

    it('no other site may read an answer in a browser, and a request is named by us alone', async () => {
      const ids = new Set<string>();
      for (const { method, path } of operations) {
        const target = path.replace(/\{\w+\}/g, () => randomUUID());
        const headers = {
          origin: 'https://evil.test',
          'access-control-request-method': method,
          'x-request-id': 'chosen',
          'request-id': 'chosen',
          'x-correlation-id': 'chosen',
        };
        for (const how of [method, 'OPTIONS']) {
          const answer = await latchkey.anonymous.call(how, target, { headers });
          expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
          expect([...answer.headers.values()].join()).not.toContain('chosen');
          expect(answer.headers.get('x-request-id')).toMatch(/^req-[A-Za-z0-9]{14}$/);
          if (answer.status === 200 || answer.status === 204) continue;
          expect(answer.headers.get('x-request-id')).toBe(answer.body.reqId);
          expect(answer.body.reqId).toMatch(/^req-[A-Za-z0-9]{14}$/);
          expect(ids).not.toContain(answer.body.reqId);
          ids.add(answer.body.reqId as string);
        }
      }
    });

    it('an unknown route is 404 in the common body, with and without a token', async () => {
      const refusal = refused(404, 'NotFound', 'There is no such route.');
      for (const path of ['/', '/api', '/api/v1', '/api/v1/nothing', '/api/v3/organizations', '/favicon.ico']) {
        expect(await latchkey.anonymous.get(path)).toEqual(refusal);
        expect(await latchkey.admin.get(path)).toEqual(refusal);
      }
    });
  });

  describe('are documented', () => {
    it('each with a summary of its own, a known tag and an operation id of its own', () => {
      const tags = document.tags.map(({ name }) => name);
      expect(document.tags.filter(({ description }) => !description)).toEqual([]);
      expect(failing(operations, ({ summary }) => summary && /^[A-Z].+[^.]$/.test(summary))).toEqual([]);
      expect(failing(operations, (one) => one.tags?.length === 1 && tags.includes(one.tags[0]!))).toEqual([]);
      const ids = operations.map(({ operationId }) => operationId);
      expect(ids.filter((id) => !id)).toEqual([]);
      expect(new Set(ids).size).toBe(ids.length);
      expect(tags.filter((tag) => !operations.some((one) => one.tags?.[0] === tag))).toEqual([]);
    });

    it('each with the permission it needs, in the description too, and with bearer security unless it is public', () => {
      expect(failing(guarded(), (one) => JSON.stringify(one.security) === '[{"bearer":[]}]')).toEqual([]);
      expect(failing(guarded(), (one) => one['x-permission'])).toEqual([]);
      expect(
        failing(guarded(), ({ description = '', ...one }) =>
          one['x-permission'] === 'any' && one['x-project-permission'] === undefined
            ? description.includes('Any valid access token')
            : description.includes(neededIn(one)),
        ),
      ).toEqual([]);
      const open = operations.filter(({ name }) => isPublic(name));
      expect(failing(open, (one) => !one['x-permission'] && (one.security ?? []).length === 0)).toEqual([]);
    });

    it('each with what it can refuse', () => {
      const has = (statuses: string[]) => (one: OpenApiOperation) => statuses.every((status) => one.responses[status]);
      expect(failing(operations, has(['200', '400', '408', '431', '500', '503']))).toEqual([]);
      expect(failing(guarded(), has(['401']))).toEqual([]);
      const permitted = guarded().filter((one) => one['x-permission'] !== 'any');
      expect(failing(permitted, has(['403']))).toEqual([]);
      const withInput = operations.filter((one) => one.requestBody ?? one.parameters?.some((p) => p.in === 'query'));
      expect(operations.filter(has(['422'])).map(({ name }) => name)).toEqual(withInput.map(({ name }) => name));
      // A body that nobody asked for is read all the same, but not that of a GET.
      const withBody = operations.filter(({ method }) => method !== 'GET').map(({ name }) => name);
      expect(operations.filter(has(['413'])).map(({ name }) => name)).toEqual(withBody);
      expect(operations.filter(has(['415'])).map(({ name }) => name)).toEqual(withBody);
      const withId = operations.filter(({ path }) => /\{(?!orgId\})\w+\}/.test(path));
      expect(failing(withId, has(['404']))).toEqual([]);
      expect(failing(operations, ({ responses }) => Object.keys(responses).every((status) => Number(status)))).toEqual(
        [],
      );
    });

    const codes = (one: OpenApiOperation) =>
      Object.keys(one.responses['503']?.content?.['application/json']?.examples ?? {}).sort();

    /** Those of whom too many may wait in any host. */
    const LISTS = [
      'GET /api/v1/organization',
      'GET /api/v1/identities',
      'POST /api/v1/identities/search',
      'GET /api/v2/organizations/{orgId}/identity-memberships',
      'GET /api/v1/organization/roles',
      'GET /api/v1/organization/{orgId}/roles',
      'GET /api/v1/projects',
      'GET /api/v1/workspace',
      'GET /api/v1/projects/{projectId}/memberships/identities',
      'GET /api/v2/workspace/{projectId}/identity-memberships',
      'GET /api/v1/identities/{identityId}/identity-memberships',
      'GET /api/v1/projects/{projectId}/roles',
      'GET /api/v2/workspace/{projectId}/roles',
      'GET /api/v1/workspace/{projectSlug}/roles',
      'GET /api/v1/organization/audit-logs',
      'GET /api/latchkey/v1/audit-logs/export',
      'GET /api/v1/auth/token-auth/identities/{identityId}/tokens',
      'GET /api/latchkey/v1/access-tokens',
      'GET /api/latchkey/v1/overview',
      ...METHODS.flatMap(({ lists }) => lists),
    ];

    it('each with the overload of the server, and with the loss of its database where it asks it', () => {
      const inMemory: Record<string, string[]> = {
        'GET /api/status': ['overloaded'],
        'GET /api/health': ['draining', 'not_ready', 'overloaded'],
        'POST /api/v1/admin/bootstrap': ['database_unavailable', 'overloaded', 'set_up_busy'],
      };
      const lists = LISTS.map((name) => [name, ['database_unavailable', 'overloaded', 'read_too_costly']]);
      const logins = METHODS.map(({ definition, outages = [] }) => [
        loginOf(definition),
        ['database_unavailable', 'overloaded', ...outages].sort(),
      ]);
      const known = { ...inMemory, ...Object.fromEntries([...lists, ...logins]) } as Record<string, string[]>;
      const expected = ({ name }: { name: string }) => known[name] ?? ['database_unavailable', 'overloaded'];
      expect(operations.map((one) => [one.name, codes(one)])).toEqual(
        operations.map((one) => [one.name, expected(one)]),
      );
    });

    it('to a host without what its own server may do otherwise', () => {
      const all = Object.values(hosts.paths).flatMap((item) => Object.values(item));
      expect(all.filter(({ responses }) => responses['408'] ?? responses['431'])).toEqual([]);
      expect(all.filter((one) => codes(one).includes('overloaded'))).toHaveLength(LISTS.length);
    });

    it('as deprecated where clients should use another, which its description names', () => {
      const deprecated = operations.filter((one) => one.deprecated);
      expect(deprecated.map(({ name }) => name)).toEqual([
        'POST /api/v1/organization/{orgId}/roles',
        'GET /api/v1/organization/{orgId}/roles',
        'GET /api/v1/organization/{orgId}/roles/{roleId}',
        'PATCH /api/v1/organization/{orgId}/roles/{roleId}',
        'DELETE /api/v1/organization/{orgId}/roles/{roleId}',
        ...OLDER_PATHS_OF_PROJECTS,
        'GET /api/v1/auth/token-auth/identities/{identityId}/tokens/{tokenId}',
      ]);
      const summaries = operations.filter((one) => !one.deprecated).map(({ summary }) => summary);
      expect(
        failing(deprecated, ({ description = '' }) => summaries.includes(/Use "(.+)" instead/.exec(description)?.[1])),
      ).toEqual([]);
    });

    it('each of its path parameters and every body', () => {
      expect(
        failing(operations, ({ path, parameters = [] }) =>
          [...path.matchAll(/\{(\w+)\}/g)].every(([, name]) =>
            parameters.some((one) => one.in === 'path' && one.name === name),
          ),
        ),
      ).toEqual([]);
      const bodies = operations.filter(({ method }) => ['POST', 'PATCH', 'PUT'].includes(method));
      // These take nothing but the ids.
      const clearing = METHODS.filter(({ definition }) => definition.hasLockouts).map(
        ({ definition }) => `POST ${identityPathOf(definition)}/clear-lockouts`,
      );
      const bodyless = [...clearing, ...METHODS.flatMap((method) => method.bodyless)];
      expect(failing(bodies, ({ requestBody }) => requestBody).sort()).toEqual(
        [
          'POST /api/v1/auth/token-auth/tokens/{tokenId}/revoke',
          'POST /api/latchkey/v1/access-tokens/{tokenId}/revoke',
          'POST /api/latchkey/v1/audit-logs/checkpoints',
          'POST /api/latchkey/v1/audit-logs/streams/{streamId}/redeliver',
          ...bodyless,
        ].sort(),
      );
    });
  });

  describe('have examples', () => {
    const ajv = () => {
      const made = new Ajv({ strict: false, allErrors: true });
      addFormats(made);
      return made.addSchema(document, 'openapi');
    };

    const bodies = () =>
      operations.flatMap(({ name, requestBody, responses }) => [
        ...Object.values(requestBody?.content ?? {}).map((media) => ({ name: `${name} takes`, ...media })),
        ...Object.values(responses['200']?.content ?? {}).map((media) => ({ name: `${name} answers`, ...media })),
      ]);

    /** Where an example says nothing. A reference with a description beside it stands in an `allOf` of one. */
    const gaps = ({ $ref, allOf, properties, items }: Schema, example: unknown, path: string): string[] => {
      const reference = $ref ?? allOf?.[0]?.$ref;
      if (reference) return gaps(schemas[reference.split('/').at(-1)!]!, example, path);
      if (example === undefined) return [path];
      if (items) return (example as unknown[]).flatMap((one) => gaps(items, one, path));
      return Object.entries(properties ?? {}).flatMap(([name, one]) => gaps(one, (example as Json)?.[name], name));
    };

    it('for every body that is sent and every success, with all in it but what is hardly ever there', () => {
      const missing = bodies().flatMap(({ name, schema, example }) => gaps(schema, example, name));
      expect([...new Set(missing)].sort()).toEqual([
        'conditions',
        'cursor',
        'customRole',
        'inverted',
        'isTotalCountCapped',
        'organizationSlug',
        'role',
        'slug',
        'temporaryAccessStartTime',
        'temporaryMode',
        'temporaryRange',
      ]);
    });

    it('that are valid by their own schemas', () => {
      const validator = ajv();
      const faults = bodies().flatMap(({ name, schema, example }) => {
        const validate = validator.compile({ $ref: `openapi${schema.$ref}` });
        return validate(example) ? [] : [`${name}: ${validator.errorsText(validate.errors)}`];
      });
      expect(faults).toEqual([]);
    });

    it('for every refusal, valid by its schema and with the status it stands under', () => {
      const validator = ajv();
      const faults = operations.flatMap(({ name, responses }) =>
        Object.entries(responses)
          .filter(([status]) => status !== '200')
          .flatMap(([status, { content }]) => {
            const { schema, examples = {} } = content?.['application/json'] ?? { schema: {} };
            const validate = validator.compile({ $ref: `openapi${schema.$ref}` });
            const values = Object.values(examples).map(({ value }) => value);
            if (values.length === 0) return [`${name} ${status}: no example`];
            return values
              .filter((value) => !validate(value) || value.statusCode !== Number(status))
              .map((value) => `${name} ${status}: ${JSON.stringify(value)}`);
          }),
      );
      expect(faults).toEqual([]);
    });

    it('for every parameter of a query but a cursor, which only a page before can tell, and what hides events of the audit log or tokens', () => {
      const filled = operations.filter(({ name }) => !/(audit-logs(\/export)?|\/access-tokens)$/.test(name));
      const without = filled.flatMap(({ name, parameters = [] }) =>
        parameters
          .filter(
            (one) =>
              one.in === 'query' &&
              one.name !== 'cursor' &&
              one.example === undefined &&
              one.schema.example === undefined,
          )
          .map((one) => `${name} ${one.name}`),
      );
      expect(without).toEqual([]);
    });
  });
});
