import { randomBytes, randomUUID } from 'node:crypto';
import { AccessTokens } from '../src/host-api/access-tokens';
import { MachineIdentities } from '../src/host-api/machine-identities';
import { TokenRecallService } from '../src/access-tokens/issuing/token-recall.service';
import { AuditTrail } from '../src/changes/audit-trail';
import type { Change, ChangeTarget } from '../src/changes/change';
import type { Observation } from '../src/changes/observation';
import { ObservationQueue } from '../src/changes/observation.queue';
import type { SqlRunner } from '../src/database/sql-runner';
import { AdministratorTokensService } from '../src/installation/administrator-tokens.service';
import { InstallationService } from '../src/installation/installation.service';
import { latchkeyDocument } from '../src/openapi/latchkey-document';
import { type Answer, type ApiClient } from './support/api-client';
import { done, type GivenOrganization, type GivenToken } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { awsAuth } from './support/methods/aws-auth';
import { azureAuth } from './support/methods/azure-auth';
import { gcpAuth } from './support/methods/gcp-auth';
import { jwtAuth } from './support/methods/jwt-auth';
import { kubernetesAuth } from './support/methods/kubernetes-auth';
import { identityPathOf, loginOf, type MethodFixture } from './support/methods/method-fixture';
import { oidcAuth } from './support/methods/oidc-auth';
import { operationsOf } from './support/operations';
import { snapshot } from './support/snapshot';

let latchkey: TestLatchkey;
let tenant: GivenOrganization;
let admin: ApiClient;
let recorded: Change[];
let observed: Observation[];
let missed: number;
/** What else recording does, within the transaction. */
let whileRecording: ((run: SqlRunner) => Promise<unknown>) | undefined;
/** What else observing does. */
let whileObserving: (() => Promise<void>) | undefined;

beforeAll(async () => {
  latchkey = await startLatchkey();
  const trail = latchkey.app.get(AuditTrail, { strict: false });
  const record = trail.record.bind(trail);
  trail.record = async (run, change) => {
    recorded.push(change);
    await whileRecording?.(run);
    await record(run, change);
  };
  const observe = trail.observe.bind(trail);
  trail.observe = async (observations, lost) => {
    await whileObserving?.();
    observed.push(...observations);
    missed += lost.reduce((sum, { count }) => sum + count, 0);
    await observe(observations, lost);
  };
  recorded = [];
  observed = [];
  tenant = await latchkey.given.organization('Recorded');
  ({ admin } = tenant);
});
beforeEach(() => {
  recorded = [];
  observed = [];
  missed = 0;
  whileRecording = undefined;
  whileObserving = undefined;
});

const observations = async (): Promise<readonly Observation[]> => {
  await latchkey.app.get(ObservationQueue, { strict: false }).flush();
  return observed;
};
afterAll(() => latchkey.stop());

const HEADERS = { 'user-agent': 'deployer/2.1' };
const TOKEN_AUTH = '/api/v1/auth/token-auth';
const UNIVERSAL_AUTH = '/api/v1/auth/universal-auth/identities/{identityId}';

/** What a call is made on, and what it is to be recorded with. */
interface Scene {
  readonly token: GivenToken;
  readonly clientSecretId?: string;
  readonly roleId?: string;
  readonly streamId?: string;
  readonly projectId?: string;
  readonly projectSlug?: string;
  readonly projectRoleId?: string;
}

interface Case {
  readonly action: string;
  readonly target: ChangeTarget['type'];
  readonly body?: (scene: Scene) => object;
  /** What the identity has: Token Auth and a token, unless it is said. */
  readonly given?: () => Promise<Scene>;
  /** Who calls: an administrator of the organization, unless it is said. */
  readonly by?: (scene: Scene) => ApiClient;
}

const withToken = async (): Promise<Scene> => ({ token: await tenant.given.token() });
const withoutMethod = async (): Promise<Scene> => {
  const identityId = await tenant.given.identity();
  return { token: { ...(await tenant.given.token()), identityId } };
};
const withSecret = async (): Promise<Scene> => {
  const { token } = await withToken();
  await tenant.given.universalAuth(token.identityId);
  return { token, ...(await tenant.given.clientSecretFor(token.identityId)) };
};
const withRole = async (): Promise<Scene> => ({ ...(await withToken()), ...(await tenant.given.role()) });
const withStream = async (): Promise<Scene> => ({ ...(await withToken()), ...(await tenant.given.stream()) });
const presented = ({ token }: Scene) => ({ accessToken: token.accessToken });
const nobody = () => latchkey.anonymous;

/** The changes to a method that has no routes but those of every method. */
function casesOf(method: MethodFixture): Record<string, Case> {
  const { slug } = method.definition;
  const path = identityPathOf(method.definition);
  const target = 'auth-method';
  const given = async () => {
    const scene = await withToken();
    await tenant.given.method(method, scene.token.identityId);
    return scene;
  };
  return {
    [`POST ${path}`]: { action: `add-identity-${slug}`, target, body: () => method.attach },
    [`PATCH ${path}`]: { action: `update-identity-${slug}`, target, given, body: () => method.update },
    [`DELETE ${path}`]: { action: `revoke-identity-${slug}`, target, given },
  };
}

/** The changes of roles, beneath both paths. */
const OF_ROLES = Object.fromEntries(
  ['/api/v1/organization/roles', '/api/v1/organization/{orgId}/roles'].flatMap((path): [string, Case][] => {
    const [target, rules] = ['role' as const, [{ subject: 'identity', action: 'read' }]];
    const made = () => ({ slug: `made-${randomUUID()}`, name: 'made', permissions: rules });
    return [
      [`POST ${path}`, { action: 'create-org-role', target, body: made }],
      [`PATCH ${path}/{roleId}`, { action: 'update-org-role', target, given: withRole, body: made }],
      [`DELETE ${path}/{roleId}`, { action: 'delete-org-role', target, given: withRole }],
    ];
  }),
);

const STREAMS = '/api/latchkey/v1/audit-logs/streams';
const OF_STREAMS: Record<string, Case> = {
  [`POST ${STREAMS}`]: {
    action: 'create-audit-log-stream',
    target: 'log-stream',
    body: () => ({ name: 'made', url: 'https://8.8.8.8/in?key=secret' }),
  },
  [`PATCH ${STREAMS}/{streamId}`]: {
    action: 'update-audit-log-stream',
    target: 'log-stream',
    given: withStream,
    body: () => ({ isEnabled: false }),
  },
  [`DELETE ${STREAMS}/{streamId}`]: { action: 'delete-audit-log-stream', target: 'log-stream', given: withStream },
  [`POST ${STREAMS}/{streamId}/redeliver`]: {
    action: 'redeliver-audit-log-stream',
    target: 'log-stream',
    given: withStream,
  },
};

const withProject = async (): Promise<Scene> => ({ ...(await withToken()), ...(await tenant.given.project()) });

/** The changes of projects, beneath every path. */
const OF_PROJECTS: Record<string, Case> = Object.fromEntries([
  ...['/api/v1/projects', '/api/v2/workspace'].map((path): [string, Case] => [
    `POST ${path}`,
    { action: 'create-project', target: 'project', body: () => ({ projectName: 'made' }) },
  ]),
  ...['/api/v1/projects/{projectId}', '/api/v1/workspace/{projectId}', '/api/v2/workspace/{projectSlug}'].flatMap(
    (path): [string, Case][] => [
      [
        `PATCH ${path}`,
        { action: 'update-project', target: 'project', given: withProject, body: () => ({ name: 'renamed' }) },
      ],
      [`DELETE ${path}`, { action: 'delete-project', target: 'project', given: withProject }],
    ],
  ),
]);

const withMember = async (): Promise<Scene> => {
  const scene = await withProject();
  await tenant.given.member(scene.token.identityId, scene.projectId!);
  return scene;
};

/** The changes of the members of projects, beneath both paths. */
const OF_MEMBERS: Record<string, Case> = Object.fromEntries(
  ['/api/v1/projects/{projectId}/memberships/identities', '/api/v2/workspace/{projectId}/identity-memberships'].flatMap(
    (path): [string, Case][] => {
      const target = 'project-membership' as const;
      const [action, roles] = ['identity-project-membership', [{ role: 'viewer' }]];
      const one = `${path}/{identityId}`;
      return [
        [`POST ${one}`, { action: `create-${action}`, target, given: withProject, body: () => ({ roles }) }],
        [`PATCH ${one}`, { action: `update-${action}`, target, given: withMember, body: () => ({ roles }) }],
        [`DELETE ${one}`, { action: `delete-${action}`, target, given: withMember }],
      ];
    },
  ),
);

const withProjectRole = async (): Promise<Scene> => {
  const scene = await withProject();
  return { ...scene, ...(await tenant.given.projectRole(scene.projectId!)) };
};

/** The changes of the roles of projects, beneath every path. */
const OF_PROJECT_ROLES: Record<string, Case> = Object.fromEntries(
  ['/api/v1/projects/{projectId}', '/api/v2/workspace/{projectId}', '/api/v1/workspace/{projectSlug}'].flatMap(
    (path): [string, Case][] => {
      const [target, permissions] = ['project-role' as const, [{ subject: 'identity', action: 'read' }]];
      const body = () => ({ slug: `made-${randomUUID()}`, name: 'made', permissions });
      const one = `${path}/roles/{projectRoleId}`;
      return [
        [`POST ${path}/roles`, { action: 'create-project-role', target, given: withProject, body }],
        [`PATCH ${one}`, { action: 'update-project-role', target, given: withProjectRole, body }],
        [`DELETE ${one}`, { action: 'delete-project-role', target, given: withProjectRole }],
      ];
    },
  ),
);

const CASES: Record<string, Case> = {
  ...OF_ROLES,
  ...OF_STREAMS,
  ...OF_PROJECTS,
  ...OF_MEMBERS,
  ...OF_PROJECT_ROLES,
  'POST /api/v1/identities': {
    action: 'create-identity',
    target: 'identity',
    body: () => ({ name: 'made', organizationId: tenant.organizationId }),
  },
  'PATCH /api/v1/identities/{identityId}': {
    action: 'update-identity',
    target: 'identity',
    body: () => ({ name: 'renamed', role: 'member', metadata: [{ key: 'team', value: 'infra' }] }),
  },
  'DELETE /api/v1/identities/{identityId}': { action: 'delete-identity', target: 'identity' },
  [`POST ${TOKEN_AUTH}/identities/{identityId}`]: {
    action: 'add-identity-token-auth',
    target: 'auth-method',
    given: withoutMethod,
  },
  [`PATCH ${TOKEN_AUTH}/identities/{identityId}`]: {
    action: 'update-identity-token-auth',
    target: 'auth-method',
    body: () => ({ accessTokenTTL: 60 }),
  },
  [`DELETE ${TOKEN_AUTH}/identities/{identityId}`]: { action: 'revoke-identity-token-auth', target: 'auth-method' },
  [`POST ${TOKEN_AUTH}/identities/{identityId}/tokens`]: {
    action: 'create-token-identity-token-auth',
    target: 'token',
  },
  [`PATCH ${TOKEN_AUTH}/tokens/{tokenId}`]: {
    action: 'update-token-identity-token-auth',
    target: 'token',
    body: () => ({ name: 'renamed' }),
  },
  'POST /api/latchkey/v1/access-tokens/{tokenId}/rotate': {
    action: 'rotate-token-identity-token-auth',
    target: 'token',
  },
  'POST /api/latchkey/v1/access-tokens/{tokenId}/revoke': { action: 'revoke-identity-access-token', target: 'token' },
  [`POST ${TOKEN_AUTH}/tokens/{tokenId}/revoke`]: { action: 'revoke-token-identity-token-auth', target: 'token' },
  [`POST ${UNIVERSAL_AUTH}`]: { action: 'add-identity-universal-auth', target: 'auth-method' },
  [`PATCH ${UNIVERSAL_AUTH}`]: {
    action: 'update-identity-universal-auth',
    target: 'auth-method',
    given: withSecret,
    body: () => ({ accessTokenTTL: 60 }),
  },
  [`DELETE ${UNIVERSAL_AUTH}`]: { action: 'revoke-identity-universal-auth', target: 'auth-method', given: withSecret },
  [`POST ${UNIVERSAL_AUTH}/clear-lockouts`]: {
    action: 'clear-identity-universal-auth-lockouts',
    target: 'auth-method',
    given: withSecret,
  },
  [`POST ${UNIVERSAL_AUTH}/client-secrets`]: {
    action: 'create-identity-universal-auth-client-secret',
    target: 'client-secret',
    given: withSecret,
  },
  [`POST ${UNIVERSAL_AUTH}/client-secrets/{clientSecretId}/revoke`]: {
    action: 'revoke-identity-universal-auth-client-secret',
    target: 'client-secret',
    given: withSecret,
  },
  'POST /api/latchkey/v1/client-secrets/{clientSecretId}/rotate': {
    action: 'rotate-identity-universal-auth-client-secret',
    target: 'client-secret',
    given: withSecret,
  },
  ...casesOf(jwtAuth),
  ...casesOf(oidcAuth),
  ...casesOf(kubernetesAuth),
  ...casesOf(awsAuth),
  ...casesOf(gcpAuth),
  ...casesOf(azureAuth),
  'POST /api/v1/auth/token/renew': {
    action: 'renew-identity-access-token',
    target: 'token',
    by: nobody,
    body: presented,
  },
  'POST /api/v1/auth/token/revoke': {
    action: 'revoke-identity-access-token',
    target: 'token',
    by: nobody,
    body: presented,
  },
  'POST /api/v2/organizations': {
    action: 'create-organization',
    target: 'organization',
    by: () => latchkey.admin,
    body: () => ({ name: 'Founded' }),
  },
};

/** Tokens and client secrets of an answer. */
const secretsIn = (body: unknown) => {
  const { accessToken, clientSecret, secret: ofStream } = (body ?? {}) as Record<string, string | undefined>;
  return [accessToken, clientSecret, ofStream].filter((secret) => secret !== undefined);
};

/** They change nothing that is recorded here. */
const NOT_RECORDED: Record<string, string> = {
  'POST /api/v1/identities/search': 'It reads.',
  'POST /api/v1/auth/universal-auth/login': 'Below: no caller is known before.',
  [loginOf(jwtAuth.definition)]: 'Below, for another method: the same code records every login.',
  [loginOf(oidcAuth.definition)]: 'Below, for another method: the same code records every login.',
  [loginOf(kubernetesAuth.definition)]: 'Below, for another method: the same code records every login.',
  [loginOf(awsAuth.definition)]: 'Below, for another method: the same code records every login.',
  [loginOf(gcpAuth.definition)]: 'Below, for another method: the same code records every login.',
  [loginOf(azureAuth.definition)]: 'Below, for another method: the same code records every login.',
  'POST /api/v1/admin/bootstrap': 'Below: it works once.',
  'POST /api/latchkey/v1/audit-logs/checkpoints':
    'It is observed, like a read: it changes nothing of the organization.',
};

async function call(operation: string, { body, by }: Case, scene: Scene): Promise<Answer> {
  const [method = '', path = ''] = operation.split(' ');
  const { identityId, tokenId } = scene.token;
  const ids: Record<string, string | undefined> = {
    identityId,
    tokenId,
    clientSecretId: scene.clientSecretId,
    roleId: scene.roleId,
    streamId: scene.streamId,
    projectId: scene.projectId,
    projectSlug: scene.projectSlug,
    projectRoleId: scene.projectRoleId,
    orgId: tenant.organizationId,
  };
  const url = path.replace(/\{(\w+)\}/g, (_all, name: string) => ids[name] ?? name);
  return (by?.(scene) ?? admin).call(method, url, { body: body?.(scene), headers: HEADERS });
}

describe('every operation that changes something', () => {
  it('is listed here', () => {
    const all = operationsOf(latchkeyDocument(latchkey.app)).filter(({ method }) => method !== 'GET');
    expect(all.length).toBeGreaterThan(15);
    expect(all.map(({ name }) => name).sort()).toEqual([...Object.keys(CASES), ...Object.keys(NOT_RECORDED)].sort());
  });

  it.each(Object.keys(CASES))('is recorded once, with who did what to what: %s', async (operation) => {
    const one = CASES[operation]!;
    const scene = await (one.given ?? withToken)();
    recorded = [];
    const answer = await call(operation, one, scene);
    expect(answer.status).toBe(200);
    const requestId = answer.headers.get('x-request-id');
    const origin = { address: '127.0.0.1', requestId, userAgent: 'deployer/2.1' };
    const holder = { tokenId: scene.token.tokenId, identityId: scene.token.identityId };
    const caller = expect.objectContaining({ tokenId: expect.any(String), identityId: expect.any(String) });
    expect(recorded).toEqual([
      {
        action: one.action,
        actor:
          one.by === nobody ? { ...holder, organizationId: tenant.organizationId, ...origin } : { caller, ...origin },
        targets: expect.any(Array),
      },
    ]);
    const [{ targets }] = recorded as [Change];
    const belongs = { id: expect.any(String), organizationId: expect.any(String) };
    expect(targets[0]).toMatchObject({ type: one.target, ...belongs });
    expect(targets).toEqual(targets.map(() => expect.objectContaining(belongs)));
    for (const secret of secretsIn(answer.body)) expect(JSON.stringify(recorded)).not.toContain(secret);
  });

  it('is recorded with everything that was changed together: a tenant, its administrator, method and token', async () => {
    done(await latchkey.admin.post('/api/v2/organizations', { name: 'Whole' }));
    const [{ targets }] = recorded as [Change];
    expect(targets.map(({ type }) => type)).toEqual(['organization', 'identity', 'auth-method', 'token']);
    expect(new Set(targets.map(({ organizationId }) => organizationId)).size).toBe(1);
    expect(targets[0]!.details).toMatchObject({ name: 'Whole' });
  });

  it.each(Object.keys(CASES))('is not made when it cannot be recorded: %s', async (operation) => {
    const one = CASES[operation]!;
    const scene = await (one.given ?? withToken)();
    const before = await snapshot(latchkey.dataSource);
    whileRecording = (run) => run('SELECT * FROM latchkey.no_such_table');
    expect((await call(operation, one, scene)).status).toBe(503);
    whileRecording = undefined;
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
  });

  it('leaves no record where nothing was left to change', async () => {
    const { tokenId, accessToken } = await tenant.given.token();
    done(await latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken }));
    recorded = [];
    done(await latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken }));
    expect((await admin.post(`${TOKEN_AUTH}/tokens/${tokenId}/revoke`)).status).toBe(404);
    expect(recorded).toEqual([]);
  });
});

describe('what programs change is recorded too', () => {
  const TENANT = ['organization', 'identity', 'auth-method', 'token'] as const;
  const one = (actor: unknown, action: string, type: string, ...more: string[]) => {
    const belongs = type === 'instance' ? {} : { organizationId: expect.any(String) };
    const targets = [type, ...more].map((each) =>
      expect.objectContaining({ type: each, id: expect.any(String), ...belongs }),
    );
    return [{ actor, action, targets }];
  };

  it('by the code of a host, in its transaction or in one of its own', async () => {
    const identities = latchkey.app.get(MachineIdentities);
    const tokens = latchkey.app.get(AccessTokens);
    const walk = async (options: object) => {
      const changes: Change[][] = [];
      const step = async <T>(act: () => Promise<T>): Promise<T> => {
        recorded = [];
        const result = await act();
        changes.push(recorded);
        return result;
      };
      const { organizationId } = await step(() => identities.createOrganization({ name: 'Host' }, options));
      const { identityId } = await step(() => identities.create({ organizationId, name: 'one' }, options));
      const { tokenId } = await step(() => tokens.issue({ identityId }, options));
      await step(() => tokens.revoke(tokenId, options));
      await step(() => tokens.revoke(tokenId, options));
      await step(() => identities.delete(identityId, options));
      await step(() => identities.delete(identityId, options));
      expect(changes).toEqual([
        one('host', 'create-organization', 'organization'),
        one('host', 'create-identity', 'identity', 'auth-method'),
        one('host', 'create-token-identity-token-auth', 'token'),
        one('host', 'revoke-identity-access-token', 'token'),
        [],
        one('host', 'delete-identity', 'identity'),
        [],
      ]);
    };
    await walk({});
    await latchkey.dataSource.transaction((manager) => walk({ manager }));
  });

  it('with what a key or an identity became by the code of a host', async () => {
    const identities = latchkey.app.get(MachineIdentities);
    const tokens = latchkey.app.get(AccessTokens);
    const { organizationId } = tenant;
    const { identityId } = await identities.create({ organizationId, name: 'one' });
    const settings = { name: 'key', permissions: { files: ['read'] }, metadata: { plan: 'gold' }, usesLimit: 5 };
    const { tokenId, accessToken } = await tokens.issue({ identityId, ...settings });
    await tokens.update(tokenId, { usesLimit: 9 });
    await tokens.disable(tokenId);
    await tokens.revoke(tokenId);
    await tokens.issue({ identityId });
    await tokens.revokeAll({ identityId });
    await identities.update(identityId, { name: 'two', role: 'member' });
    await identities.delete(identityId);
    const told = recorded
      .filter(({ actor }) => actor === 'host')
      .map(({ action, targets }) => [action, targets[0]!.details]);
    expect(told).toMatchObject([
      ['create-identity', { name: 'one' }],
      ['create-token-identity-token-auth', settings],
      ['update-token-identity-token-auth', { ...settings, usesLimit: 9 }],
      ['disable-token-identity-token-auth', { ...settings, usesLimit: 9, disabledAt: expect.any(Date) }],
      ['revoke-identity-access-token', { name: 'key' }],
      ['create-token-identity-token-auth', { name: null }],
      ['revoke-all-tokens-token-auth', { revoked: 1 }],
      ['update-identity', { name: 'two', role: 'member' }],
      ['delete-identity', { name: 'two', hasDeleteProtection: false }],
    ]);
    expect(JSON.stringify(recorded)).not.toContain(accessToken);
  });

  it('from the command line, and as Latchkey is set up', async () => {
    await latchkey.app.get(AdministratorTokensService).issue({ organization: tenant.organizationId });
    expect(recorded).toEqual(one('operator', 'create-token-identity-token-auth', 'token'));
    recorded = [];
    await latchkey.app.get(TokenRecallService).refuseIssuedBefore(new Date(0), false);
    expect(recorded).toEqual(one('operator', 'refuse-issued-before', 'instance'));
    await latchkey.dataSource.query('UPDATE latchkey.instance SET initialized_at = NULL');
    recorded = [];
    await latchkey.app.get(InstallationService).initializeOnce('Again');
    expect(recorded).toEqual(one('system', 'bootstrap-instance', ...TENANT));
    await latchkey.dataSource.query('UPDATE latchkey.instance SET initialized_at = NULL');
    recorded = [];
    const account = { email: `${randomBytes(8).toString('hex')}@latchkey.test`, password: 'correct horse battery' };
    const options = { body: { ...account, organization: 'Once' }, headers: HEADERS };
    const answer = await latchkey.anonymous.call('POST', '/api/v1/admin/bootstrap', options);
    done(answer);
    const origin = { address: '127.0.0.1', requestId: answer.headers.get('x-request-id'), userAgent: 'deployer/2.1' };
    expect(recorded).toEqual(one({ program: 'system', ...origin }, 'bootstrap-instance', ...TENANT));
  });
});

describe('a login', () => {
  const LOGIN = '/api/v1/auth/universal-auth/login';

  it('is recorded with its token, and gets none if it cannot be recorded', async () => {
    const { identityId, clientId, clientSecret, clientSecretId } = await tenant.given.client();
    recorded = [];
    const answer = await latchkey.anonymous.call('POST', LOGIN, { body: { clientId, clientSecret }, headers: HEADERS });
    const { accessToken } = done(answer) as { accessToken: string };
    const owner = { identityId, organizationId: tenant.organizationId };
    const origin = { address: '127.0.0.1', requestId: answer.headers.get('x-request-id'), userAgent: 'deployer/2.1' };
    const [{ actor, action, targets }] = recorded as [Change];
    expect(action).toBe('login-identity-universal-auth');
    expect(actor).toEqual({ tokenId: expect.any(String), ...owner, ...origin });
    const details = { authMethod: 'universal-auth', authMethodId: expect.any(String), clientSecretId };
    expect(targets).toEqual([{ type: 'token', id: expect.any(String), ...owner, details }]);
    for (const secret of [accessToken, clientSecret]) expect(JSON.stringify(recorded)).not.toContain(secret);
    const before = await snapshot(latchkey.dataSource);
    whileRecording = (run) => run('SELECT * FROM latchkey.no_such_table');
    expect((await latchkey.anonymous.post(LOGIN, { clientId, clientSecret })).status).toBe(503);
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
  });

  it('that gets no token is observed, with the reason, and so is the guess that locks a name', async () => {
    const policy = { lockoutThreshold: 1 };
    const { identityId, clientId, clientSecret } = await tenant.given.client({ policy });
    await observations();
    observed = [];
    await latchkey.anonymous.post(LOGIN, { clientId, clientSecret: 'wrong' }, HEADERS);
    await latchkey.anonymous.post(LOGIN, { clientId, clientSecret });
    const at = { at: expect.any(Date), outcome: 'refused', method: 'universal-auth', address: '127.0.0.1' };
    expect(await observations()).toEqual([
      expect.objectContaining({ type: 'lockout', reason: 'locked_out', ...at, userAgent: 'deployer/2.1' }),
      expect.objectContaining({
        type: 'login',
        reason: 'credentials_invalid',
        ...at,
        authMethodId: expect.any(String),
      }),
      expect.objectContaining({ type: 'login', reason: 'locked_out', ...at, identityId }),
    ]);
    expect(JSON.stringify(observed)).not.toContain(clientSecret);
  });
});

describe('a request that changes nothing', () => {
  const refused = (reason: string, operation: string, ids: object, actor: object) =>
    expect.objectContaining({
      type: 'request',
      outcome: 'refused',
      at: expect.any(Date),
      reason,
      operation,
      ids,
      actor: expect.objectContaining({ ...actor, address: '127.0.0.1', requestId: expect.any(String) }),
    });
  const calling = ({ tokenId, identityId }: GivenToken) => ({
    caller: expect.objectContaining({ tokenId, identityId }),
  });

  it('is observed: a permission, the privilege boundary, an object of another tenant, a wrong address, a revoked token', async () => {
    const [weak, member, revoked] = [
      await tenant.given.token(),
      await tenant.given.token({ role: 'member' }),
      await tenant.given.token(),
    ];
    const far = await tenant.given.token({ policy: { accessTokenTrustedIps: [{ ipAddress: '203.0.113.9' }] } });
    const boss = await tenant.given.token({ role: 'admin' });
    const other = await latchkey.given.identity();
    done(await latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken: revoked.accessToken }));
    await observations();
    [observed, recorded] = [[], []];
    await weak.api.patch(`/api/v1/identities/${other}`, { name: 'x' });
    await member.api.delete(`/api/v1/identities/${boss.identityId}`);
    await member.api.get(`/api/v1/identities/${other}`);
    await far.api.get('/api/v1/identities/details');
    await revoked.api.get('/api/v1/identities/details');
    await latchkey.anonymous.get('/api/v1/identities/details');
    const holder = ({ tokenId, identityId }: GivenToken) => ({
      tokenId,
      identityId,
      organizationId: tenant.organizationId,
    });
    const details = 'IdentitiesController_details';
    expect(await observations()).toEqual([
      refused('permission_denied', 'IdentitiesController_update', { identityId: other }, calling(weak)),
      refused('permission_boundary', 'IdentitiesController_delete', { identityId: boss.identityId }, calling(member)),
      refused('identity_not_found', 'IdentitiesController_get', { identityId: other }, calling(member)),
      refused('address_not_trusted', details, {}, holder(far)),
      refused('access_token_revoked', details, {}, holder(revoked)),
    ]);
    expect(recorded).toEqual([]);
  });

  it('is answered whether it can be observed or not, and what was lost is counted', async () => {
    const { api } = await tenant.given.token();
    await observations();
    observed = [];
    whileObserving = () => Promise.reject(new Error('the log is away'));
    const path = `/api/v1/identities/${randomUUID()}`;
    for (let call = 0; call < 3; call += 1) expect((await api.get(path)).status).toBe(403);
    expect(await observations()).toEqual([]);
    whileObserving = undefined;
    missed = 0;
    expect((await api.get(path)).status).toBe(403);
    expect(await observations()).toHaveLength(1);
    expect(missed).toBe(3);
    // The organization reads it in its own log, and no other does.
    const logOf = async (client: ApiClient) =>
      done(await client.get('/api/v1/organization/audit-logs?eventType=audit-log-gap')).auditLogs as object[];
    expect(await logOf(admin)).toEqual([
      expect.objectContaining({ event: { type: 'audit-log-gap', metadata: { missedEvents: 3 } } }),
    ]);
    expect(await logOf(latchkey.admin)).toEqual([]);
  });
});
