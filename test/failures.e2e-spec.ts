import { randomBytes } from 'node:crypto';
import { type Answer, answered, refused } from './support/api-client';
import { done, type GivenToken } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { snapshot } from './support/snapshot';
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy';

const DETAILS = '/api/v1/identities/details';
const GENERIC = refused(500, 'InternalServerError', 'Something went wrong');
const UNAVAILABLE = refused(503, 'ServiceUnavailable', 'The database is not available. Please try again.');

/** While `work` runs, PostgreSQL refuses this of a table, and says so in words no caller may see. */
async function refusing<Result>(
  { dataSource }: TestLatchkey,
  { event, table, words = 'words of the database' }: { event: string; table: string; words?: string },
  work: () => Promise<Result>,
): Promise<Result> {
  await dataSource.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '${words} %', row_to_json(NEW) USING DETAIL = '${words}', HINT = '${words}'; END $$;
    CREATE TRIGGER refuse BEFORE ${event} ON latchkey.${table} FOR EACH ROW EXECUTE FUNCTION refuse()`);
  try {
    return await work();
  } finally {
    await dataSource.query(`DROP TRIGGER refuse ON latchkey.${table}; DROP FUNCTION refuse()`);
  }
}

/** The suites of this file share a database: the next one is to find it new. */
async function startOver(latchkey: TestLatchkey): Promise<void> {
  await latchkey.dataSource.query('UPDATE latchkey.instance SET initialized_at = NULL');
  await latchkey.stop();
}

describe('a failure between two writes', () => {
  let latchkey: TestLatchkey;
  let organizationId: string;

  beforeAll(async () => {
    latchkey = await startLatchkey();
    ({ organizationId } = latchkey.given);
  });
  afterAll(() => startOver(latchkey));

  /** The call fails without a word about why, leaves every table as it was, and works once the cause is gone. */
  const leavesNothing = async (event: string, table: string, attempt: () => Promise<Answer>): Promise<void> => {
    const before = await snapshot(latchkey.dataSource);
    expect(await refusing(latchkey, { event, table }, attempt)).toEqual(GENERIC);
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
    expect((await attempt()).status).toBe(200);
  };

  const metadata = [{ key: 'team', value: 'infra' }];

  it('leaves no identity without its metadata', () =>
    leavesNothing('INSERT', 'identity_metadata', () =>
      latchkey.admin.post('/api/v1/identities', { name: 'made', organizationId, metadata }),
    ));

  it('leaves no identity without its membership', () =>
    leavesNothing('INSERT', 'organization_memberships', () =>
      latchkey.admin.post('/api/v1/identities', { name: 'made', organizationId }),
    ));

  it('leaves no half of an update: name, role, protection and metadata change together', async () => {
    const identityId = await latchkey.given.identity({ metadata });
    const change = { name: 'other', role: 'member', hasDeleteProtection: true, metadata: [{ key: 'a', value: 'b' }] };
    const attempt = () => latchkey.admin.patch(`/api/v1/identities/${identityId}`, change);
    await leavesNothing('UPDATE', 'identities', attempt);
    const next = () =>
      latchkey.admin.patch(`/api/v1/identities/${identityId}`, { ...change, role: 'admin', name: 'x' });
    await leavesNothing('INSERT', 'identity_metadata', next);
  });

  it('leaves no trace of a token that could not be kept, not even a last login', async () => {
    const { identityId } = await latchkey.given.token();
    await leavesNothing('INSERT', 'identity_access_tokens', () =>
      latchkey.admin.post(`/api/v1/auth/token-auth/identities/${identityId}/tokens`, { name: 'made' }),
    );
  });

  it('hands out no token whose last login could not be noted', async () => {
    const { identityId } = await latchkey.given.token();
    await leavesNothing('UPDATE', 'organization_memberships', () =>
      latchkey.admin.post(`/api/v1/auth/token-auth/identities/${identityId}/tokens`, { name: 'made' }),
    );
  });

  it.each([
    ['INSERT', 'identity_access_tokens'],
    ['UPDATE', 'client_secrets'],
    ['UPDATE', 'organization_memberships'],
  ])('spends no use of a client secret on a login that comes to nothing (%s %s)', async (event, table) => {
    const client = await latchkey.given.client({ secret: { numUsesLimit: 2 } });
    const login = () => latchkey.anonymous.post('/api/v1/auth/universal-auth/login', client);
    await leavesNothing(event, table, login);
    expect((await login()).status).toBe(200);
    expect((await login()).status).toBe(401);
  });

  it('does not say that a client secret is revoked when it is not', async () => {
    const client = await latchkey.given.client();
    const path = `/api/v1/auth/universal-auth/identities/${client.identityId}/client-secrets/${client.clientSecretId}`;
    await leavesNothing('UPDATE', 'client_secrets', () => latchkey.admin.post(`${path}/revoke`));
  });

  it('does not remove token auth when what was removed cannot be noted: its tokens stay good', async () => {
    const { identityId, api } = await latchkey.given.token();
    const before = await snapshot(latchkey.dataSource);
    const remove = () => latchkey.admin.delete(`/api/v1/auth/token-auth/identities/${identityId}`);
    expect(
      await refusing(latchkey, { event: 'INSERT', table: 'removed_auth_methods' }, async () => {
        const answer = await remove();
        expect((await api.get(DETAILS)).status).toBe(200);
        return answer;
      }),
    ).toEqual(GENERIC);
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
    expect((await remove()).status).toBe(200);
    expect((await api.get(DETAILS)).status).toBe(401);
  });

  it('does not say that a token is revoked when it is not', async () => {
    const { tokenId, accessToken, api } = await latchkey.given.token();
    await refusing(latchkey, { event: 'UPDATE OF revoked_at', table: 'identity_access_tokens' }, async () => {
      expect(await latchkey.admin.post(`/api/v1/auth/token-auth/tokens/${tokenId}/revoke`)).toEqual(GENERIC);
      expect(await latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken })).toEqual(GENERIC);
    });
    expect((await api.get(DETAILS)).status).toBe(200);
  });

  it('answers no renewed token that the row does not know of', async () => {
    const { accessToken } = await latchkey.given.token();
    await leavesNothing('UPDATE OF last_renewed_at', 'identity_access_tokens', () =>
      latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken }),
    );
  });

  it.each(['identities', 'organization_memberships', 'identity_auth_methods', 'identity_access_tokens'])(
    'leaves no organization without its admin (%s)',
    (table) => leavesNothing('INSERT', table, () => latchkey.admin.post('/api/v2/organizations', { name: 'Made' })),
  );

  it.each(['organizations', 'identity_access_tokens', 'users'])(
    'leaves an installation as new as it was, so that it can be set up (%s)',
    async (table) => {
      await latchkey.dataSource.query('UPDATE latchkey.instance SET initialized_at = NULL');
      const body = { email: `${table}@acme.test`, password: 'a password', organization: 'Made' };
      await leavesNothing('INSERT', table, () => latchkey.anonymous.post('/api/v1/admin/bootstrap', body));
    },
  );

  it('is logged with its request id and what it was, and answered with nothing but the id', async () => {
    const { body } = await refusing(latchkey, { event: 'INSERT', table: 'identity_metadata' }, () =>
      latchkey.admin.post('/api/v1/identities', { name: 'made', organizationId, metadata }),
    );
    const entry = latchkey.logs.find((line) => line.includes(body.reqId as string))!;
    expect(JSON.parse(entry)).toMatchObject({
      message: { event: 'request.refused', errorCode: 'unexpected', status: 500, cause: { code: 'P0001' } },
    });
  });
});

describe('what is logged and refused', () => {
  let latchkey: TestLatchkey;
  const secrets: string[] = [];
  const refusals: string[] = [];

  const secret = (): string => {
    const text = `canary ${randomBytes(12).toString('base64')}/+`;
    secrets.push(text);
    return text;
  };
  const note = async (answer: Promise<Answer>, status: number): Promise<void> => {
    const { status: actual, body, headers } = await answer;
    expect(actual).toBe(status);
    refusals.push(JSON.stringify(body), JSON.stringify([...headers]));
  };
  const tokenOf = (token: GivenToken): GivenToken => {
    secrets.push(token.accessToken, token.accessToken.split('.')[2]!);
    return token;
  };

  /** The ways a text can be spelled in a log line. */
  const spellings = (text: string): string[] => [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text),
    new URLSearchParams({ text }).toString().slice('text='.length),
    Buffer.from(text).toString('base64'),
    Buffer.from(text).toString('base64url'),
    Buffer.from(text).toString('hex'),
  ];

  beforeAll(async () => {
    latchkey = await startLatchkey();
    secrets.push(latchkey.authSecret, latchkey.admin.token!);
  });
  afterAll(() => startOver(latchkey));

  const tourOfTokens = async () => {
    const { admin, anonymous, given } = latchkey;
    const token = tokenOf(await given.token({ name: 'tour' }));
    const { identityId, tokenId, accessToken, api } = token;
    const methods = `/api/v1/auth/token-auth/identities/${identityId}`;
    for (const path of [DETAILS, `/api/v1/identities/${identityId}`]) await api.get(path);
    await admin.patch(methods, { accessTokenTTL: 60 });
    await admin.get(`${methods}/tokens`);
    await admin.patch(`/api/v1/auth/token-auth/tokens/${tokenId}`, { name: 'renamed' });
    secrets.push(done(await anonymous.post('/api/v1/auth/token/renew', { accessToken })).accessToken as string);
    await note(api.get(`/api/v1/identities/${identityId}`), 403);
    await note(anonymous.post(methods, {}, { authorization: `Basic ${accessToken}` }), 401);
    await note(latchkey.as(`${accessToken}x`).get(DETAILS), 401);
    await note(latchkey.as(secret()).get(DETAILS), 401);
    await note(anonymous.post('/api/v1/auth/token/renew', { accessToken: secret() }), 401);
    await note(anonymous.post('/api/v1/auth/token/revoke', { accessToken: { text: secret() } }), 422);
    await anonymous.post('/api/v1/auth/token/revoke', { accessToken });
    await note(anonymous.post('/api/v1/auth/token/renew', { accessToken }), 401);
    await note(api.get(`${DETAILS}?token=${encodeURIComponent(accessToken)}`), 401);
    await admin.delete(methods);
    await admin.delete(`/api/v1/identities/${identityId}`);
  };

  const tourOfLogins = async () => {
    const { admin, anonymous, given } = latchkey;
    const path = '/api/v1/auth/universal-auth/login';
    const client = await given.client({ policy: { lockoutThreshold: 2 } });
    const { clientId, clientSecret, identityId, clientSecretId } = client;
    secrets.push(clientSecret);
    for (const body of [client, new URLSearchParams({ clientId, clientSecret }).toString()]) {
      const type = typeof body === 'string' ? { 'content-type': 'application/x-www-form-urlencoded' } : undefined;
      secrets.push(done(await anonymous.post(path, body, type)).accessToken as string);
    }
    await note(anonymous.post(path, { clientId, clientSecret: secret() }), 401);
    await note(anonymous.post(path, { clientId: secret(), clientSecret: secret() }), 401);
    await note(anonymous.post(path, { clientId, clientSecret: [secret()] }), 422);
    await note(anonymous.post(path, `clientSecret=${secret()}`), 400);
    await note(anonymous.post(path, { ...client, organizationSlug: 'elsewhere' }), 404);
    await refusing(latchkey, { event: 'INSERT', table: 'identity_access_tokens' }, () =>
      note(anonymous.post(path, client), 500),
    );
    for (let i = 0; i < 3; i += 1) await note(anonymous.post(path, { clientId, clientSecret: secret() }), 401);
    await note(anonymous.post(path, client), 401);
    expect(latchkey.logs.filter((line) => line.includes('login.succeeded'))).toHaveLength(2);
    expect(latchkey.logs.filter((line) => line.includes('login.locked_out'))).toHaveLength(1);
    const methods = `/api/v1/auth/universal-auth/identities/${identityId}`;
    await admin.get(`${methods}/client-secrets`);
    await admin.post(`${methods}/client-secrets/${clientSecretId}/revoke`);
    await refusing(latchkey, { event: 'INSERT', table: 'client_secrets' }, () =>
      note(admin.post(`${methods}/client-secrets`, { description: secret() }), 500),
    );
  };

  const tourOfBodies = async () => {
    const { admin, anonymous } = latchkey;
    const json = 'application/json';
    for (const path of ['/api/v1/auth/token/renew', '/api/v1/auth/token/revoke', '/api/v1/admin/bootstrap']) {
      await note(anonymous.post(path, `{"password": "${secret()}", `), 400);
      await note(anonymous.post(path, `${secret()}`), 400);
      await note(anonymous.post(path, JSON.stringify(secret())), 422);
      await note(anonymous.post(path, `{"__proto__": {"x": "${secret()}"}}`, { 'content-type': json }), 400);
      await note(anonymous.post(path, secret(), { 'content-type': 'text/plain' }), 415);
      await note(anonymous.post(path, secret(), { 'content-type': 'multipart/form-data; boundary=x' }), 415);
      await note(anonymous.post(path, `"${secret().repeat(5_000)}"`), 413);
    }
    await note(admin.post('/api/v1/identities', { name: 3, organizationId: secret(), role: [secret()] }), 422);
    await note(admin.post('/api/v1/identities/search', { search: { name: { [secret()]: secret() } } }), 422);
  };

  const tourOfTheDatabase = async () => {
    const { admin, anonymous, given, dataSource } = latchkey;
    const { organizationId } = given;
    const words = 'words of the database';
    await refusing(latchkey, { event: 'INSERT', table: 'identity_metadata', words }, () =>
      note(
        admin.post('/api/v1/identities', { name: 'x', organizationId, metadata: [{ key: 'k', value: secret() }] }),
        500,
      ),
    );
    const person = { email: 'twice@acme.test', organization: 'Twice' };
    const bootstrap = () => anonymous.post('/api/v1/admin/bootstrap', { ...person, password: secret() });
    await dataSource.query('UPDATE latchkey.instance SET initialized_at = NULL');
    secrets.push(done(await bootstrap()).identity.credentials.token as string);
    await note(bootstrap(), 400);
    // The one person is there already, which only a hand in the database can bring about.
    await dataSource.query('UPDATE latchkey.instance SET initialized_at = NULL');
    const answer = await bootstrap();
    refusals.push(JSON.stringify(answer.body));
    expect(answer.status).not.toBe(200);
    secrets.push(done(await admin.post('/api/v2/organizations', { name: 'x' })).identity.credentials.token as string);
    const { identityId } = await given.token();
    await refusing(latchkey, { event: 'INSERT', table: 'identity_access_tokens', words }, () =>
      note(admin.post(`/api/v1/auth/token-auth/identities/${identityId}/tokens`, { name: secret() }), 500),
    );
  };

  it('holds no token, password, secret or anything else that was sent, however it is spelled', async () => {
    await tourOfTokens();
    await tourOfLogins();
    await tourOfBodies();
    await tourOfTheDatabase();

    const log = latchkey.logs.join('\n');
    const told = refusals.join('\n');
    expect(latchkey.logs.filter((line) => line.includes('request.refused')).length).toBeGreaterThan(20);
    expect(latchkey.logs.filter((line) => line.includes('P0001'))).toHaveLength(4);
    const leaked = secrets.filter((text) => spellings(text).some((way) => log.includes(way) || told.includes(way)));
    expect(leaked).toEqual([]);
    for (const word of ['words of the database', 'twice@acme.test', 'uq_', 'SELECT', 'node_modules', '/src/']) {
      expect(told).not.toContain(word);
    }
    expect(log).not.toContain('words of the database');
    expect(log).not.toContain('twice@acme.test');
  }, 60_000);
});

describe('a database that cannot be reached', () => {
  let proxy: TcpProxy;
  let latchkey: TestLatchkey;
  let token: GivenToken;

  beforeAll(async () => {
    proxy = await startTcpProxy(process.env.LATCHKEY_TEST_DATABASE!);
    latchkey = await startLatchkey({ database: { url: proxy.url }, revocationBoundMs: 100 });
    token = await latchkey.given.token({ role: 'admin' });
  });
  afterEach(() => proxy.restore());
  afterAll(async () => {
    await latchkey.stop();
    await proxy.stop();
  });

  /** Asks until the answer is a 200, for at most ten seconds. */
  const comesBack = async (ask: () => Promise<Answer>): Promise<Answer> => {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const answer = await ask();
      if (answer.status === 200 || Date.now() > deadline) return answer;
      expect(answer).toEqual(UNAVAILABLE);
    }
  };

  /** What is remembered is answered with for as long as the bound, and not longer. */
  const isMissed = async (): Promise<void> => {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const answer = await token.api.get(DETAILS);
      if (answer.status !== 200 || Date.now() > deadline) return expect(answer).toEqual(UNAVAILABLE);
    }
  };

  const OUTAGES: [string, () => Promise<void> | void][] = [
    ['that is gone', () => proxy.cut()],
    ['that takes connections and never answers', () => proxy.stall()],
  ];

  it.each(OUTAGES)('%s is 503 with Retry-After and never 401, and the process outlives it', async (_, outage) => {
    expect((await token.api.get(DETAILS)).status).toBe(200);
    await outage();
    await isMissed();

    const { accessToken } = token;
    const asks = [
      () => token.api.get(DETAILS),
      () => token.api.get(`/api/v1/identities/${token.identityId}`),
      () => token.api.patch(`/api/v1/auth/token-auth/tokens/${token.tokenId}`, { name: 'x' }),
      () => latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken }),
      () => latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken }),
      () => latchkey.anonymous.post('/api/v1/auth/universal-auth/login', { clientId: 'x', clientSecret: 'y' }),
      () => latchkey.anonymous.post('/api/v1/admin/bootstrap', { email: 'a@b.cd', password: 'p', organization: 'o' }),
    ];
    const answers = await Promise.all(asks.map((ask) => ask()));
    expect(answers).toEqual(asks.map(() => UNAVAILABLE));
    expect(answers.map(({ headers }) => headers.get('retry-after'))).toEqual(asks.map(() => '1'));

    expect((await latchkey.anonymous.get('/api/status')).status).toBe(200);
    expect(await latchkey.anonymous.get(DETAILS)).toEqual(refused(401, 'UnauthorizedError', 'Token missing'));
    expect((await latchkey.as('x.y.z').get(DETAILS)).status).toBe(401);

    await proxy.restore();
    expect(await comesBack(() => token.api.get(DETAILS))).toEqual(answered(expect.anything()));
    expect((await latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken })).status).toBe(200);
  });

  it('is noticed in the middle of many requests: each is answered, by the truth or by 503', async () => {
    const asks = Array.from({ length: 40 }, () => token.api.get(DETAILS));
    await proxy.cut();
    for (const answer of await Promise.all(asks)) {
      if (answer.status !== 200) expect(answer).toEqual(UNAVAILABLE);
    }
    await proxy.restore();
    expect((await comesBack(() => token.api.get(DETAILS))).status).toBe(200);
  });

  it('ends no process when it dies in the packet that greets or answers', async () => {
    proxy.die();
    await isMissed();
    for (let round = 0; round < 20; round += 1) {
      const answers = [latchkey.anonymous.get('/api/health'), token.api.get(`/api/v1/identities/${token.identityId}`)];
      for (const answer of await Promise.all(answers)) expect([200, 503]).toContain(answer.status);
    }
    await proxy.restore();
    expect((await comesBack(() => token.api.get(DETAILS))).status).toBe(200);
  });

  it('loses no use that was counted before it was gone', async () => {
    const uses = async () => {
      const [row] = await latchkey.dataSource.query<[{ uses: number }]>(
        'SELECT num_uses::int AS uses FROM latchkey.identity_access_tokens WHERE id = $1',
        [token.tokenId],
      );
      return row.uses;
    };
    const counted = async (expected: number) => {
      const deadline = Date.now() + 10_000;
      while ((await uses()) < expected && Date.now() < deadline) await new Promise(setImmediate);
      return uses();
    };
    await comesBack(() => token.api.get(DETAILS));
    const before = await uses();
    // Whatever has not been written yet is written now, so that the count below starts from a known place.
    for (let i = 0; i < 5; i += 1) expect((await token.api.get(DETAILS)).status).toBe(200);
    await proxy.cut();
    await isMissed();
    await proxy.restore();
    expect((await comesBack(() => token.api.get(DETAILS))).status).toBe(200);
    expect(await counted(before + 6)).toBeGreaterThanOrEqual(before + 6);
  });
});

describe('a database that is slow when the server starts', () => {
  it('is waited for: the deadline of requests is none for the start', async () => {
    const proxy = await startTcpProxy(process.env.LATCHKEY_TEST_DATABASE!);
    proxy.stall();
    const starting = startLatchkey({ database: { url: proxy.url } });
    await proxy.givenUp();
    await proxy.restore();
    const latchkey = await starting;
    expect((await latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken: 'x.y.z' })).status).toBe(401);
    await latchkey.stop();
    await proxy.stop();
  });
});
