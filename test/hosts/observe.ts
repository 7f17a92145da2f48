import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { DataSource } from 'typeorm';
import { AccessTokens, type Host, hooks, MachineIdentities, type Variant } from './host.js';

const EVENTS = [
  'exit',
  'warning',
  'uncaughtException',
  'unhandledRejection',
  'SIGTERM',
  'SIGINT',
  'SIGUSR2',
  'beforeExit',
];

interface Asked {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

async function ask(app: INestApplication, path: string, { method = 'GET', body, headers = {} }: Asked = {}) {
  const sent = {
    'x-door': 'open',
    'x-version': '1',
    ...(body ? { 'content-type': 'application/json' } : {}),
    ...headers,
  };
  const answer = await fetch(`${await app.getUrl()}${path}`, { method, body, headers: sent });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

/** Where the routes of the host are. */
function routesOf({ prefix, versioning }: Variant): string {
  return `${prefix ? '/v9' : ''}${versioning === 'uri' ? '/v1' : ''}`;
}

/** Everything about a host that must be the same with Latchkey as without. */
export async function observe({ app, logger }: Host, variant: Variant) {
  const at = routesOf(variant);
  const json = (value: unknown): Asked => ({ method: 'POST', body: JSON.stringify(value) });
  const requests: [string, Asked?][] = [
    [`${at}/items`],
    [`${at}/items`, { headers: { 'x-door': 'shut' } }],
    [`${at}/items`, json({ name: 'x' })],
    [`${at}/items`, json({ name: 'x', more: 1 })],
    [`${at}/items`, json({ name: 1 })],
    [`${at}/items`, { method: 'POST', body: '{"name": ' }],
    [
      `${at}/items`,
      { method: 'POST', body: 'name=x', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    ],
    [`${at}/items`, { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } }],
    [`${at}/items`, { method: 'POST', body: JSON.stringify({ name: 'x'.repeat(2_000_000) }) }],
    [`${at}/items`, { method: 'OPTIONS', headers: { origin: 'http://a.test' } }],
    [`${at}/items`, { method: 'HEAD' }],
    [`${at}/items`, { method: 'DELETE' }],
    [`${at}/items/`],
    [`${at}/items/broken`],
    [`${at}/items/teapot`],
    ['/items'],
    ['/nothing'],
    [`${at}/nothing`],
    ['/latchkey/nothing'],
    ['/api/status'],
  ];
  const answers: string[] = [];
  for (const [path, asked] of requests) {
    const { status, headers, text } = await ask(app, path, asked);
    const cors = headers.get('access-control-allow-origin');
    answers.push(`${asked?.method ?? 'GET'} ${path} ${status} ${headers.get('content-type')} ${cors} ${text}`);
  }
  const dataSource = app.get(DataSource);
  const migrations: unknown = await dataSource.query('SELECT name FROM migrations ORDER BY id');
  const publicTables: unknown = await dataSource.query(
    `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`,
  );
  const document = SwaggerModule.createDocument(app, new DocumentBuilder().build());
  const paths = Object.fromEntries(Object.entries(document.paths).filter(([path]) => !path.includes('/guarded')));
  return {
    answers,
    migrations,
    publicTables,
    entities: dataSource.entityMetadatas.length,
    document: { ...document, paths },
    logged: logger.lines,
    listeners: EVENTS.map((event) => `${event} ${process.listenerCount(event)}`),
  };
}

/** What must work on top, with Latchkey in it: its guards, its services and its API. Everything that does not. */
export async function probe({ app }: Host, variant: Variant): Promise<string[]> {
  const faults: string[] = [];
  const check = (what: string, isSo: boolean, seen?: unknown) => {
    if (!isSo) faults.push(`${what}: ${JSON.stringify(seen)}`);
  };
  const identities = app.get(MachineIdentities);
  const tokens = app.get(AccessTokens);
  const { organizationId } = await identities.createOrganization({ name: 'Host' });
  const issue = async (role: 'admin' | 'member') => {
    const { identityId } = await identities.create({ organizationId, name: role, role });
    return tokens.issue({ identityId });
  };
  const [admin, member] = [await issue('admin'), await issue('member')];
  const bearer = ({ accessToken }: { accessToken: string }) => ({ authorization: `Bearer ${accessToken}` });

  const guarded = `${routesOf(variant)}/guarded`;
  const known = await ask(app, guarded, { headers: bearer(member) });
  check(
    'a guarded route knows the caller',
    known.status === 200 && known.text.includes('"identityName":"member"'),
    known,
  );
  const none = await ask(app, guarded);
  const body = variant.strict ? '{"house":401}' : '"statusCode":401';
  check('and refuses strangers in the words of the host', none.status === 401 && none.text.includes(body), none);
  check('with the challenge of a 401', none.headers.get('www-authenticate') === 'Bearer', [...none.headers]);
  const may = await ask(app, `${guarded}/reports`, { headers: bearer(member) });
  const mayNot = await ask(app, `${guarded}/reports`, { headers: bearer(admin) });
  check('a permission of the host is asked for', may.status === 200 && mayNot.status === 403, [may, mayNot]);

  const api = `${variant.prefix ? '/v9' : ''}/latchkey/api`;
  const status = await ask(app, `${api}/status`, { headers: { 'x-door': 'shut' } });
  check('the API is where it was mounted', status.status === 200 && status.text.includes('"message":"Ok"'), status);
  const create = (sent: object) =>
    ask(app, `${api}/v1/identities`, { method: 'POST', body: JSON.stringify(sent), headers: bearer(admin) });
  const made = await create({ name: 'made', organizationId, unknownToUs: 1 });
  check('it drops keys it does not know', made.status === 200, made);
  const refused = await create({ name: 1, organizationId });
  check('it refuses in its own words', refused.status === 422 && refused.text.includes('"reqId"'), refused);
  const stranger = await ask(app, `${api}/v1/identities/details`);
  check('it knows who may not', stranger.status === 401 && stranger.text.includes('"reqId"'), stranger);

  const { tokenId } = member;
  const rename = { method: 'PATCH', body: '{"name":"renamed"}', headers: bearer(admin) };
  const renamed = await ask(app, `${api}/v1/auth/token-auth/tokens/${admin.tokenId}`, rename);
  check('a token is renamed', renamed.status === 200 && renamed.text.includes('"name":"renamed"'), renamed);
  const undone = new Error('rolled back');
  const rollBack = app.get(DataSource).transaction(async (manager) => {
    await tokens.revoke(tokenId, { manager });
    throw undone;
  });
  check('a transaction of the host rolls back', (await rollBack.catch((error: unknown) => error)) === undone);
  const kept = await ask(app, guarded, { headers: bearer(member) });
  check('and what it revoked lives on', kept.status === 200, kept);
  const second = await app.get(DataSource).transaction(async (manager) => {
    const issued = await tokens.issue({ identityId: member.identityId }, { manager });
    await tokens.revoke(tokenId, { manager });
    return issued;
  });
  await tokens.applyChanges();
  const fresh = await ask(app, guarded, { headers: bearer(second) });
  check('what it issued is good once it has committed', fresh.status === 200, fresh);
  const revoked = await ask(app, guarded, { headers: bearer(member) });
  check('a revoked token is refused on its very next use', revoked.status === 401, revoked);
  const homes = await app
    .get(DataSource)
    .query<{ n: number }[]>('SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = $1', [variant.schema]);
  check('its tables are in the schema that was chosen', homes[0]!.n > 8, homes);
  return faults;
}

export { hooks };
