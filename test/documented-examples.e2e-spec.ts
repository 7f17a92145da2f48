import { randomUUID } from 'node:crypto';
import type { ApiClient } from './support/api-client';
import { done } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { METHODS, optionsOfMethods } from './support/methods';
import { type MethodFixture, walkOf } from './support/methods/method-fixture';

function atOlderPath(summary: string): string {
  return `${summary}, at an older path`;
}

const PROJECT_CALLS = ['List your projects', 'Get a project', 'Get a project by its slug', 'Update a project'];

const MEMBER_CALLS = [
  'List the identities in a project',
  'Get the membership of an identity in a project',
  'Replace the roles of an identity in a project',
  'Remove an identity from a project',
];

const ROLE_CALLS = [
  'List the roles of a project',
  'Get a role of a project by its slug',
  'Update a role of a project',
  'Delete a role of a project',
];

/** The calls a newcomer tries, by their summaries, in an order in which each finds what it needs. */
const WALK = [
  'Check service status',
  'Check whether this node is ready',
  'Set up a new installation',
  'Get the current identity',
  'Get yourself and your permissions',
  'List the nodes',
  'List the events of your organization',
  'Create an organization',
  'List the organizations',
  'Create an identity',
  'Attach Token Auth to an identity',
  'Get Token Auth of an identity',
  'Update Token Auth of an identity',
  'Create a token',
  'List the tokens of an identity',
  'Get a token',
  'Get a token of an identity',
  'Get an access token of any auth method',
  'List the access tokens of your organization',
  'Get what needs attention in your organization',
  'List the identities of your organization',
  'Search the identities of your organization',
  'List the identities of an organization by name or role',
  'Get an identity',
  'Renew an access token',
  'Revoke a token',
  'Create a token',
  'Update a token',
  'Rotate a token',
  'Revoke an access token of any auth method',
  'Create a token',
  'Revoke an access token by presenting it',
  'Remove Token Auth from an identity',
  'Export the events of your organization',
  'Make a checkpoint of the audit log',
  'List the checkpoints of the audit log',
  'Create a stream of the audit log',
  'List the streams of the audit log',
  'Get a stream of the audit log',
  'Update a stream of the audit log',
  'List the dead letters of a stream',
  'Deliver the dead letters of a stream',
  'Delete a stream of the audit log',
  ...METHODS.flatMap(walkOf),
  'Create a role',
  'List the roles of your organization',
  'Get a role',
  'Get a role by its slug',
  'Update a role',
  'Get your own permissions',
  ...['List the roles of your organization', 'Get a role', 'Update a role', 'Delete a role'].map(atOlderPath),
  'Create a role',
  'Delete a role',
  atOlderPath('Create a role'),
  'Create a project',
  ...PROJECT_CALLS,
  ...PROJECT_CALLS.map(atOlderPath),
  'Create an identity',
  'Add an identity to a project',
  'Get a membership by its own id',
  'List the projects of an identity',
  ...MEMBER_CALLS,
  atOlderPath('Add an identity to a project'),
  ...MEMBER_CALLS.map(atOlderPath),
  'Create a role of a project',
  'Get a role of a project',
  ...ROLE_CALLS,
  'Get your own permissions in a project',
  'Create a role of a project',
  ...ROLE_CALLS.map(atOlderPath),
  'Create a role of a project',
  ...ROLE_CALLS.map((one) => `${one}, at the oldest path`),
  atOlderPath('Create a role of a project'),
  atOlderPath('Delete a project'),
  'Create a project',
  'Create a role of a project, at the oldest path',
  ...['Get a project', 'Update a project', 'Delete a project'].map((one) => `${one}, by slug at an older path`),
  atOlderPath('Create a project'),
  'Create a project',
  'Delete a project',
  'Create an identity',
  'Attach Token Auth to an identity',
  'Update an identity',
  'Create an identity',
  'Delete an identity',
];

/** What differs from call to call. Everything else has to be as the document says. */
const VARIES = [
  ...['slug', 'secret', 'clientSecret', 'clientSecretPrefix', 'totalCount', 'deleted'],
  ...['revision', 'applied', 'node', 'appliedRevision', 'confirmedAgeMs', 'clockSkewMs', 'push'],
  ...['silentMs', 'day'],
  ...['cursor', 'number', 'hash', 'keyId', 'signature', 'publicKey', 'lastBatch', 'count'],
  ...METHODS.flatMap(({ varies = [] }) => varies),
];

/** What no example can show, by the summary of the call that needs it. */
const OWN_BODIES = Object.assign({}, ...METHODS.map(({ bodies }) => bodies)) as NonNullable<MethodFixture['bodies']>;

type Json = Record<string, unknown>;

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly description?: string;
  readonly example?: unknown;
  readonly schema: { readonly example?: unknown };
}

interface Content {
  readonly content: Record<
    string,
    { schema: { $ref: string }; example?: unknown; examples?: Record<string, { value: { message: unknown } }> }
  >;
}

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly security?: unknown[];
  readonly 'x-project-permission'?: string;
  readonly parameters?: Parameter[];
  readonly requestBody?: Content;
  readonly responses: Record<string, Content>;
}

interface Document {
  readonly paths: Record<string, Record<string, Omit<Operation, 'method' | 'path'>>>;
  readonly components: { readonly schemas: Record<string, { properties: Record<string, { description?: string }> }> };
}

describe('the examples of the API documentation', () => {
  let latchkey: TestLatchkey;
  let newcomer: ApiClient;
  let document: Document;
  let operations: Operation[];
  const answers = new Map<string, Json>();

  const readDocument = async () => {
    document = done(await latchkey.anonymous.get('/api/docs/json')) as Document;
    operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ ...operation, path, method: method.toUpperCase() })),
    );
  };

  beforeAll(async () => {
    const options = { outboundAllow: ['127.0.0.0/8'], ...(await optionsOfMethods()) };
    latchkey = await startLatchkey(options, { isBootstrapped: false });
    await latchkey.dataSource.query(
      'TRUNCATE latchkey.organizations, latchkey.users CASCADE; UPDATE latchkey.instance SET initialized_at = NULL',
    );
    newcomer = latchkey.anonymous;
    await readDocument();
  });
  afterAll(() => latchkey.stop());

  const json = (content?: Content) => content?.content['application/json'] ?? content?.content['application/x-ndjson'];

  /** What the description of a field says to paste from an earlier answer. */
  const pasted = (description = ''): unknown => {
    const [, keys, summary] = /`([\w.]+)` of "(.+?)"/.exec(description) ?? [];
    return keys?.split('.').reduce((value: unknown, key) => (value as Json | undefined)?.[key], answers.get(summary!));
  };

  const bodyOf = ({ requestBody }: Operation): Json | undefined => {
    const { schema, example } = json(requestBody) ?? {};
    if (!schema) return undefined;
    const { properties } = document.components.schemas[schema.$ref.split('/').at(-1)!]!;
    const filled = Object.keys((example ?? {}) as Json).map((name) => [name, pasted(properties[name]?.description)]);
    return { ...(example as Json), ...Object.fromEntries(filled.filter(([, value]) => value !== undefined)) };
  };

  const targetOf = ({ path, parameters = [] }: Operation, ids: (parameter: Parameter) => unknown): string => {
    const target = path.replace(/\{(\w+)\}/g, (_, name) => String(ids(parameters.find((one) => one.name === name)!)));
    const query = parameters
      .filter((one) => one.in === 'query')
      .map((one) => [one.name, one.example ?? one.schema.example] as const)
      .filter(([, value]) => value !== undefined);
    return query.length === 0 ? target : `${target}?${String(new URLSearchParams(query as [string, string][]))}`;
  };

  it('are tried of every operation', () => {
    expect([...new Set(WALK)].sort()).toEqual(operations.map(({ summary }) => summary).sort());
  });

  it('show no id in a path that might look real: there the document says where to find one', () => {
    const inPaths = operations.flatMap(({ parameters = [] }) => parameters.filter((one) => one.in === 'path'));
    expect(inPaths.length).toBeGreaterThan(10);
    expect(inPaths.filter(({ example, schema }) => example ?? schema.example)).toEqual([]);
    expect(inPaths.filter(({ description = '' }) => !/`[\w.]+` of ".+"/.test(description))).toEqual([]);
  });

  it('work as they are filled in, and are answered what the document says', async () => {
    const faults: string[] = [];
    for (const summary of WALK) {
      const operation = operations.find((one) => one.summary === summary)!;
      const target = targetOf(operation, ({ example, description }) => example ?? pasted(description));
      const own = await OWN_BODIES[summary]?.(pasted('`identity.id` of "Create an identity"') as string);
      const sent = own ? { ...bodyOf(operation), ...own } : bodyOf(operation);
      const { status, body } = await newcomer.call(operation.method, target, { body: sent });
      if (status !== 200) faults.push(`${summary}: ${operation.method} ${target}: ${JSON.stringify(body)}`);
      else faults.push(...differences(json(operation.responses['200'])?.example, body, summary));
      answers.set(summary, body as Json);
      if (summary !== 'Set up a new installation') continue;
      newcomer = latchkey.as(body.identity.credentials.token as string);
      // The page is loaded anew: now there is an organization to show.
      await readDocument();
    }
    expect(faults).toEqual([]);
  });

  it('of input that is refused are refused just so', async () => {
    const faults: string[] = [];
    let tried = 0;
    // A project is looked for before the input is: the suite of projects sends what is refused.
    for (const operation of operations.filter((one) => one['x-project-permission'] === undefined)) {
      const examples = Object.values(json(operation.responses['422'])?.examples ?? {});
      for (const { value } of examples) {
        const [{ path, message }] = value.message as [{ path: [string]; message: string }];
        const [name] = path;
        const wrong = message === 'Required' ? undefined : message.endsWith('received number') ? 7 : 'x';
        const inQuery = operation.parameters?.some((one) => one.in === 'query' && one.name === name);
        const target = new URL(
          targetOf(operation, () => randomUUID()),
          'http://server',
        );
        target.searchParams.delete(name);
        if (inQuery && wrong !== undefined) target.searchParams.set(name, String(wrong));
        const body = operation.requestBody && { ...bodyOf(operation), ...(inQuery ? {} : { [name]: wrong }) };
        tried += 1;
        const answer = await newcomer.call(operation.method, `${target.pathname}${target.search}`, { body });
        const expected = { status: 422, message: value.message };
        const got = { status: answer.status, message: answer.body.message as unknown };
        if (JSON.stringify(got) !== JSON.stringify(expected)) {
          faults.push(`${operation.summary}: ${JSON.stringify(expected)}: ${JSON.stringify(got)}`);
        }
      }
    }
    expect(tried).toBeGreaterThan(10);
    expect(faults).toEqual([]);
  });

  it('name the organization that was set up, wherever one is named', () => {
    const id = pasted('`identityDetails.organization.id` of "Get the current identity"');
    const ids = operations.flatMap((operation) => [
      bodyOf(operation)?.organizationId,
      ...(operation.parameters ?? [])
        .filter(({ name }) => name === 'orgId')
        .map((one) => one.example ?? one.schema.example),
    ]);
    const named = ids.filter((one) => one !== undefined);
    expect(named.length).toBeGreaterThan(2);
    expect([...new Set(named)]).toEqual([id]);
  });
});

/** In what an answer is not as its example says. Of a list the example shows the first items. */
function differences(shown: unknown, real: unknown, path: string): string[] {
  // The newest event is that of the call before, whatever that was.
  if (path.endsWith(' auditLogs')) return [];
  if (isObject(shown) && isObject(real)) {
    const names = [...new Set([...Object.keys(shown), ...Object.keys(real)])];
    return names.flatMap((name) => differences(shown[name], real[name], `${path} ${name}`));
  }
  if (Array.isArray(shown) && Array.isArray(real) && (shown.length === 0) === (real.length === 0)) {
    return shown.flatMap((item, i) => differences(item, real[i], `${path} ${i}`));
  }
  const isAlike = kindOf(shown) === kindOf(real);
  const isFree = /^[A-Z]/.test(kindOf(shown)) || VARIES.some((name) => path.split(' ').includes(name));
  if (isAlike && (isFree || shown === real)) return [];
  return [`${path}: ${JSON.stringify(shown)} is really ${JSON.stringify(real)}`];
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** In capitals: what cannot be known before. */
function kindOf(value: unknown): string {
  if (value === null || typeof value !== 'string') return value === null ? 'null' : typeof value;
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)) return 'ID';
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return 'TIME';
  return /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(value) ? 'TOKEN' : 'string';
}
