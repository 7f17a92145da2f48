import { decode } from 'jsonwebtoken';
import { type Answer, answered, invalid, refused } from './support/api-client';
import { done, type GivenClient, type GivenOrganization } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { snapshot } from './support/snapshot';

const IDENTITIES = '/api/v1/auth/universal-auth/identities';
const LOGIN = '/api/v1/auth/universal-auth/login';
const RENEW = '/api/v1/auth/token/renew';
const DETAILS = '/api/v1/identities/details';
const UNKNOWN = '7b0e4a52-9c1d-4f3e-8a6b-2d5c1e0f9a34';

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const UUID = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const ANYWHERE = [
  { type: 'ipv4', prefix: 0, ipAddress: '0.0.0.0' },
  { type: 'ipv6', prefix: 0, ipAddress: '::' },
];
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

const INVALID = refused(401, 'UnauthorizedError', 'Invalid credentials');
const WRONG_ADDRESS = refused(
  403,
  'ForbiddenError',
  'You are not allowed to access this resource from the current IP address',
);
const NOT_ATTACHED = refused(400, 'BadRequest', 'The identity does not have universal auth');

let latchkey: TestLatchkey;
let other: GivenOrganization;

beforeAll(async () => {
  latchkey = await startLatchkey();
  other = await latchkey.given.organization();
});
afterEach(() => latchkey.clock.reset());
afterAll(() => latchkey.stop());

function configOf(identityId: string, changes: object = {}) {
  return {
    identityUniversalAuth: {
      id: UUID,
      clientId: UUID,
      accessTokenTTL: 2592000,
      accessTokenMaxTTL: 2592000,
      accessTokenNumUsesLimit: 0,
      accessTokenPeriod: 0,
      clientSecretTrustedIps: ANYWHERE,
      accessTokenTrustedIps: ANYWHERE,
      createdAt: TIME,
      updatedAt: TIME,
      identityId,
      lockoutEnabled: true,
      lockoutThreshold: 3,
      lockoutDurationSeconds: 300,
      lockoutCounterResetSeconds: 30,
      ...changes,
    },
  };
}

function secretOf(changes: object = {}) {
  return {
    id: UUID,
    createdAt: TIME,
    updatedAt: TIME,
    description: '',
    clientSecretPrefix: expect.stringMatching(/^[0-9a-f]{4}$/),
    clientSecretNumUses: 0,
    clientSecretNumUsesLimit: 0,
    clientSecretTTL: 0,
    identityUAId: UUID,
    isClientSecretRevoked: false,
    clientSecretLastUsedAt: null,
    clientSecretExpiresAt: null,
    ...changes,
  };
}

const attach = (identityId: string, body?: unknown) => latchkey.admin.post(`${IDENTITIES}/${identityId}`, body);
const update = (identityId: string, body?: unknown) => latchkey.admin.patch(`${IDENTITIES}/${identityId}`, body);
const retrieve = (identityId: string) => latchkey.admin.get(`${IDENTITIES}/${identityId}`);
const remove = (identityId: string, body?: unknown) => latchkey.admin.delete(`${IDENTITIES}/${identityId}`, body);
const secrets = (identityId: string) => `${IDENTITIES}/${identityId}/client-secrets`;
const create = (identityId: string, body?: unknown) => latchkey.admin.post(secrets(identityId), body);
const list = (identityId: string, query = '') => latchkey.admin.get(`${secrets(identityId)}${query}`);
const get = (identityId: string, id: string) => latchkey.admin.get(`${secrets(identityId)}/${id}`);
const revoke = (identityId: string, id: string) => latchkey.admin.post(`${secrets(identityId)}/${id}/revoke`);
const login = (
  { clientId, clientSecret }: Pick<GivenClient, 'clientId' | 'clientSecret'>,
  more: object = {},
  headers?: Record<string, string>,
) => latchkey.anonymous.post(LOGIN, { clientId, clientSecret, ...more }, headers);
const noIdentity = (id: string) => refused(404, 'NotFound', `Failed to find identity with ID ${id}`);
const noMethod = (id: string) => refused(404, 'NotFound', `Failed to find universal auth for identity with ID ${id}`);
const noSecret = (id: string) => refused(404, 'NotFound', `Client secret with ID ${id} not found`);
const loggedIn = (changes: object = {}) =>
  answered({
    accessToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
    expiresIn: 2592000,
    accessTokenMaxTTL: 2592000,
    tokenType: 'Bearer',
    ...changes,
  });

async function attached(policy: object = {}): Promise<string> {
  const identityId = await latchkey.given.identity();
  await latchkey.given.universalAuth(identityId, policy);
  return identityId;
}

const badConfigs: [what: string, body: object, issues: Parameters<typeof invalid>][] = [
  [
    'a TTL above the max TTL',
    { accessTokenTTL: 61, accessTokenMaxTTL: 60 },
    [['custom', [], 'Access Token TTL cannot be greater than Access Token Max TTL.']],
  ],
  [
    'a fractional period',
    { accessTokenPeriod: 0.5 },
    [['invalid_type', ['accessTokenPeriod'], 'Expected integer, received float']],
  ],
  [
    'a period of more than ten years',
    { accessTokenPeriod: 315360001 },
    [['too_big', ['accessTokenPeriod'], 'Number must be less than or equal to 315360000']],
  ],
  [
    'a threshold of 0',
    { lockoutThreshold: 0 },
    [['too_small', ['lockoutThreshold'], 'Number must be greater than or equal to 1']],
  ],
  [
    'a threshold of 31',
    { lockoutThreshold: 31 },
    [['too_big', ['lockoutThreshold'], 'Number must be less than or equal to 30']],
  ],
  [
    'a lock of 29 seconds',
    { lockoutDurationSeconds: 29 },
    [['too_small', ['lockoutDurationSeconds'], 'Number must be greater than or equal to 30']],
  ],
  [
    'a lock of more than a day',
    { lockoutDurationSeconds: 86401 },
    [['too_big', ['lockoutDurationSeconds'], 'Number must be less than or equal to 86400']],
  ],
  [
    'a counter that is forgotten after 4 seconds',
    { lockoutCounterResetSeconds: 4 },
    [['too_small', ['lockoutCounterResetSeconds'], 'Number must be greater than or equal to 5']],
  ],
  [
    'a counter that is kept for more than an hour',
    { lockoutCounterResetSeconds: 3601 },
    [['too_big', ['lockoutCounterResetSeconds'], 'Number must be less than or equal to 3600']],
  ],
  [
    'lock-outs that are "true"',
    { lockoutEnabled: 'true' },
    [['invalid_type', ['lockoutEnabled'], 'Expected boolean, received string']],
  ],
  [
    'an empty list of addresses to log in from',
    { clientSecretTrustedIps: [] },
    [['too_small', ['clientSecretTrustedIps'], 'Array must contain at least 1 element(s)']],
  ],
  [
    'an entry without an address',
    { clientSecretTrustedIps: [{}] },
    [['invalid_type', ['clientSecretTrustedIps', 0, 'ipAddress'], 'Required']],
  ],
];

describe('attaching universal auth', () => {
  it('answers the whole configuration, with the defaults of the contract and a client id of its own', async () => {
    const [one, two] = [await latchkey.given.identity(), await latchkey.given.identity()];
    const answer = await attach(one, {});
    expect(answer).toEqual(answered(configOf(one)));
    expect(await retrieve(one)).toEqual(answered(answer.body));
    const second = done(await attach(two)).identityUniversalAuth;
    expect(second.clientId).not.toBe(answer.body.identityUniversalAuth.clientId);
    expect(second.clientId).not.toBe(two);
  });

  it('keeps every field as it was sent, both lists of addresses split and in order', async () => {
    const identityId = await latchkey.given.identity();
    const plain = {
      accessTokenTTL: 60,
      accessTokenMaxTTL: 600,
      accessTokenNumUsesLimit: 7,
      accessTokenPeriod: 900,
      lockoutEnabled: false,
      lockoutThreshold: 30,
      lockoutDurationSeconds: 86400,
      lockoutCounterResetSeconds: 3600,
    };
    const answer = await attach(identityId, {
      ...plain,
      clientSecretTrustedIps: [{ ipAddress: '2001:db8::7' }, { ipAddress: ' 10.1.2.3/8 ' }],
      accessTokenTrustedIps: [{ ipAddress: '127.0.0.1' }],
      identityId: UNKNOWN,
      clientId: UNKNOWN,
    });
    const clientSecretTrustedIps = [
      { type: 'ipv6', ipAddress: '2001:db8::7' },
      { type: 'ipv4', prefix: 8, ipAddress: '10.1.2.3' },
    ];
    const accessTokenTrustedIps = [{ type: 'ipv4', ipAddress: '127.0.0.1' }];
    expect(answer).toEqual(answered(configOf(identityId, { ...plain, clientSecretTrustedIps, accessTokenTrustedIps })));
    expect(answer.body.identityUniversalAuth.clientId).not.toBe(UNKNOWN);
    expect(await retrieve(identityId)).toEqual(answered(answer.body));
  });

  it.each(badConfigs)('refuses %s with 422, and attaches nothing', async (_what, body, issues) => {
    const identityId = await latchkey.given.identity();
    expect(await attach(identityId, body)).toEqual(invalid(...issues));
    expect(await retrieve(identityId)).toEqual(noMethod(identityId));
  });

  it.each(['clientSecretTrustedIps', 'accessTokenTrustedIps'])(
    'refuses a bad address in %s with 400',
    async (field) => {
      const identityId = await latchkey.given.identity();
      expect(await attach(identityId, { [field]: [{ ipAddress: '10.0.0.0/24abc' }] })).toEqual(
        refused(400, 'BadRequest', 'The IP is not a valid IPv4, IPv6, or CIDR block'),
      );
      expect((await retrieve(identityId)).status).toBe(404);
    },
  );

  it('is refused the second time, and changes nothing; at the same moment it happens once', async () => {
    const identityId = await latchkey.given.identity();
    const answers = await Promise.all(Array.from({ length: 8 }, () => attach(identityId, {})));
    const refusals = answers.filter(({ status }) => status !== 200);
    expect(refusals).toHaveLength(7);
    for (const answer of refusals) {
      expect(answer).toEqual(refused(400, 'BadRequest', 'Failed to add universal auth to already configured identity'));
    }
    const before = await retrieve(identityId);
    expect((await attach(identityId, { accessTokenTTL: 60 })).status).toBe(400);
    expect(await retrieve(identityId)).toEqual(answered(before.body));
  });

  it('goes beside token auth, and both are listed in the order of the contract', async () => {
    const identityId = await latchkey.given.identity();
    await latchkey.given.tokenAuth(identityId);
    await latchkey.given.universalAuth(identityId);
    const both = ['universal-auth', 'token-auth'];
    const { identity } = done(await latchkey.admin.get(`/api/v1/identities/${identityId}`));
    expect(identity.identity.authMethods).toEqual(both);
    const { organizationId } = latchkey.given;
    const { identities } = done(await latchkey.admin.get(`/api/v1/identities?orgId=${organizationId}&limit=1`));
    expect(identities[0].identity.authMethods).toEqual(both);
  });
});

describe('updating, getting and removing universal auth', () => {
  it('changes what is sent and leaves the rest, the client id above all', async () => {
    const identityId = await attached({ lockoutThreshold: 5, accessTokenPeriod: 60 });
    const { body } = await retrieve(identityId);
    const answer = await update(identityId, { lockoutDurationSeconds: 30, accessTokenTTL: 60, clientId: UNKNOWN });
    const changed = { lockoutDurationSeconds: 30, accessTokenTTL: 60, updatedAt: TIME };
    expect(answer).toEqual(answered({ identityUniversalAuth: { ...body.identityUniversalAuth, ...changed } }));
    expect(await retrieve(identityId)).toEqual(answered(answer.body));
  });

  it.each([['{}'], [undefined], ['{"identityId":"x"}']])('changes nothing at all for %s', async (body) => {
    const identityId = await attached({ clientSecretTrustedIps: [{ ipAddress: '127.0.0.0/8' }], lockoutThreshold: 4 });
    const before = await retrieve(identityId);
    expect(await update(identityId, body)).toEqual(answered(before.body));
    expect(await retrieve(identityId)).toEqual(answered(before.body));
  });

  it.each(badConfigs)('refuses %s with 422, and changes nothing', async (_what, body, issues) => {
    const identityId = await attached();
    const before = await retrieve(identityId);
    expect(await update(identityId, body)).toEqual(invalid(...issues));
    expect(await retrieve(identityId)).toEqual(answered(before.body));
  });

  it('compares a TTL that is sent with the max TTL that is there', async () => {
    const identityId = await attached({ accessTokenTTL: 60, accessTokenMaxTTL: 600 });
    expect(await update(identityId, { accessTokenTTL: 601 })).toEqual(
      refused(400, 'BadRequest', 'Access token TTL cannot be greater than max TTL'),
    );
  });

  it('is 404 where there is none, on get and update, and 400 on removal', async () => {
    const identityId = await latchkey.given.identity();
    expect(await retrieve(identityId)).toEqual(noMethod(identityId));
    expect(await update(identityId, { accessTokenTTL: 60 })).toEqual(noMethod(identityId));
    expect(await remove(identityId)).toEqual(NOT_ATTACHED);
    for (const id of [UNKNOWN, 'nope']) {
      for (const call of [retrieve, update, remove, attach]) expect(await call(id)).toEqual(noIdentity(id));
    }
  });

  it('removed answers it as it was, with a body on DELETE, and its secrets and tokens are dead for good', async () => {
    const client = await latchkey.given.client();
    const { accessToken } = done(await login(client));
    const before = await retrieve(client.identityId);
    expect(await remove(client.identityId, { identityId: client.identityId })).toEqual(answered(before.body));
    expect(await latchkey.as(accessToken as string).get(DETAILS)).toEqual(
      refused(401, 'UnauthorizedError', 'Failed to authorize: auth method has been revoked'),
    );
    expect(await login(client)).toEqual(INVALID);
    expect(await get(client.identityId, client.clientSecretId)).toEqual(noSecret(client.clientSecretId));

    const clientId = await latchkey.given.universalAuth(client.identityId);
    expect(clientId).not.toBe(client.clientId);
    expect(await login({ ...client, clientId })).toEqual(INVALID);
    expect((await latchkey.as(accessToken as string).get(DETAILS)).status).toBe(401);
    expect((await latchkey.anonymous.post(RENEW, { accessToken })).status).toBe(401);
  });

  it('leaves the tokens of other methods alone when it is removed', async () => {
    const client = await latchkey.given.client();
    await latchkey.given.tokenAuth(client.identityId);
    const byHand = await latchkey.given.tokenFor(client.identityId);
    done(await remove(client.identityId));
    expect((await byHand.api.get(DETAILS)).status).toBe(200);
  });
});

describe('client secrets', () => {
  it('are 64 hexadecimal digits, shown once, with all there is to know about them', async () => {
    const identityId = await attached();
    const answer = await create(identityId, { description: '  prod ', numUsesLimit: 5, ttl: 86400 });
    const { createdAt } = answer.body.clientSecretData;
    const expected = secretOf({
      description: 'prod',
      clientSecretNumUsesLimit: 5,
      clientSecretTTL: 86400,
      clientSecretPrefix: (answer.body.clientSecret as string).slice(0, 4),
      clientSecretExpiresAt: new Date(Date.parse(createdAt as string) + 86_400_000).toISOString(),
    });
    expect(answer).toEqual(
      answered({ clientSecret: expect.stringMatching(/^[0-9a-f]{64}$/), clientSecretData: expected }),
    );
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const { id } = answer.body.clientSecretData;
    const shown = await get(identityId, id as string);
    expect(shown).toEqual(answered({ clientSecretData: answer.body.clientSecretData }));
    expect(JSON.stringify(shown.body)).not.toContain(answer.body.clientSecret);
  });

  it.each([[undefined], ['{}'], ['{"description":"","numUsesLimit":0,"ttl":0,"identityId":"x"}']])(
    'have no end and no limit when %s is sent',
    async (body) => {
      const identityId = await attached();
      expect(await create(identityId, body)).toEqual(
        answered({ clientSecret: expect.any(String), clientSecretData: secretOf() }),
      );
    },
  );

  it.each<[string, object, Parameters<typeof invalid>[0]]>([
    [
      'a limit below 0',
      { numUsesLimit: -1 },
      ['too_small', ['numUsesLimit'], 'Number must be greater than or equal to 0'],
    ],
    [
      'a fractional limit',
      { numUsesLimit: 1.5 },
      ['invalid_type', ['numUsesLimit'], 'Expected integer, received float'],
    ],
    [
      'a limit no integer column holds',
      { numUsesLimit: 2147483648 },
      ['too_big', ['numUsesLimit'], 'Number must be less than or equal to 2147483647'],
    ],
    ['a TTL in quotes', { ttl: '60' }, ['invalid_type', ['ttl'], 'Expected number, received string']],
    [
      'a TTL of more than ten years',
      { ttl: 315360001 },
      ['too_big', ['ttl'], 'Number must be less than or equal to 315360000'],
    ],
    [
      'a description of null',
      { description: null },
      ['invalid_type', ['description'], 'Expected string, received null'],
    ],
    [
      'an endless description',
      { description: 'x'.repeat(1025) },
      ['too_big', ['description'], 'String must contain at most 1024 character(s)'],
    ],
  ])('are not made with %s', async (_what, body, issue) => {
    const identityId = await attached();
    expect(await create(identityId, body)).toEqual(invalid(issue));
    expect(done(await list(identityId)).totalCount).toBe(0);
  });

  it('need universal auth, and an identity', async () => {
    const identityId = await latchkey.given.identity();
    expect(await create(identityId, {})).toEqual(NOT_ATTACHED);
    expect(await list(identityId)).toEqual(NOT_ATTACHED);
    expect(await get(identityId, UNKNOWN)).toEqual(noSecret(UNKNOWN));
    expect(await revoke(identityId, UNKNOWN)).toEqual(noSecret(UNKNOWN));
    for (const id of [UNKNOWN, 'nope']) {
      for (const call of [create, list]) expect(await call(id)).toEqual(noIdentity(id));
      for (const call of [get, revoke]) expect(await call(id, UNKNOWN)).toEqual(noIdentity(id));
    }
  });

  it('are not found by the id of nobody, of another identity, or of nothing', async () => {
    const [mine, theirs] = [await latchkey.given.client(), await latchkey.given.client()];
    for (const id of [theirs.clientSecretId, UNKNOWN, 'nope']) {
      expect(await get(mine.identityId, id)).toEqual(noSecret(id));
      expect(await revoke(mine.identityId, id)).toEqual(noSecret(id));
    }
    expect((await login(theirs)).status).toBe(200);
  });

  it('are listed newest first, whole, without those revoked, all at once or page by page', async () => {
    const identityId = await attached();
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.unshift((await latchkey.given.clientSecretFor(identityId)).clientSecretId);
    done(await revoke(identityId, ids[2]!));
    const left = ids.filter((_, index) => index !== 2);
    const all = await list(identityId);
    expect(all).toEqual(
      answered({ clientSecretData: left.map((id) => secretOf({ id })), totalCount: 4, nextCursor: null }),
    );
    const first = done(await list(identityId, '?limit=3'));
    expect(first.clientSecretData).toHaveLength(3);
    const rest = done(await list(identityId, `?limit=3&cursor=${first.nextCursor}`));
    expect([...first.clientSecretData, ...rest.clientSecretData]).toEqual(all.body.clientSecretData);
    expect(await list(identityId, '?limit=0')).toEqual(
      invalid(['too_small', ['limit'], 'Number must be greater than or equal to 1']),
    );
  });

  /** Rows of secrets, made by hand: as many as nobody makes one by one. */
  const addSecrets = (identityId: string, count: number) =>
    latchkey.dataSource.query(
      `INSERT INTO latchkey.client_secrets
         (auth_method_id, identity_id, hash, prefix, description, ttl, num_uses_limit, created_at)
       SELECT a.id, a.identity_id, sha256((a.id::text || n)::bytea), 'abcd', '', 0, 0, now() + n * interval '1 ms'
         FROM latchkey.identity_auth_methods a, generate_series(1, $2::int) AS n WHERE a.identity_id = $1`,
      [identityId, count],
    );

  it.each([21, 101, 1_500])('are listed all at once, and be it %s: the contract knows no pages', async (count) => {
    const identityId = await attached();
    await addSecrets(identityId, count);
    const { clientSecretData, totalCount, nextCursor } = done(await list(identityId));
    expect(new Set((clientSecretData as { id: string }[]).map(({ id }) => id)).size).toBe(count);
    expect({ totalCount, nextCursor }).toEqual({ totalCount: count, nextCursor: null });
  });

  it('are listed page by page for who asks for a page: 20 behind a cursor, unless it says how many', async () => {
    const identityId = await attached();
    await addSecrets(identityId, 101);
    const first = done(await list(identityId, '?limit=100'));
    expect(first.clientSecretData).toHaveLength(100);
    expect(done(await list(identityId, `?cursor=${first.nextCursor}`)).clientSecretData).toHaveLength(1);
    const { nextCursor } = done(await list(identityId, '?limit=1'));
    expect(done(await list(identityId, `?cursor=${nextCursor}`)).clientSecretData).toHaveLength(20);
  });

  it('are 10000 of a client at most, those revoked not counted', async () => {
    const identityId = await attached();
    await addSecrets(identityId, 9_999);
    const { clientSecretData } = done(await create(identityId));
    expect(await create(identityId)).toEqual(
      refused(400, 'BadRequest', 'A client has at most 10000 client secrets that are not revoked'),
    );
    expect(done(await list(identityId)).clientSecretData).toHaveLength(10_000);
    done(await revoke(identityId, clientSecretData.id as string));
    expect((await create(identityId)).status).toBe(200);
  });

  it('say when they were last used, and how often', async () => {
    const client = await latchkey.given.client({ secret: { numUsesLimit: 5 } });
    for (let i = 0; i < 3; i += 1) done(await login(client));
    const { clientSecretData } = done(await get(client.identityId, client.clientSecretId));
    expect(clientSecretData).toEqual(
      secretOf({ clientSecretNumUses: 3, clientSecretNumUsesLimit: 5, clientSecretLastUsedAt: TIME }),
    );
    expect(clientSecretData.updatedAt).toBe(clientSecretData.createdAt);
  });

  it('are kept as a keyed hash: neither they nor their plain hash are anywhere in the database', async () => {
    const client = await latchkey.given.client();
    const [row] = await latchkey.dataSource.query<[{ whole: string; is_plain: boolean }]>(
      `SELECT to_jsonb(s)::text AS whole, s.hash = sha256(convert_to($2, 'UTF8')) AS is_plain
         FROM latchkey.client_secrets s WHERE id = $1`,
      [client.clientSecretId, client.clientSecret],
    );
    expect(row.whole).not.toContain(client.clientSecret.slice(4));
    expect(row.is_plain).toBe(false);
  });

  it('once revoked answer the same again, let nobody in, and are still there to see', async () => {
    const client = await latchkey.given.client();
    const answer = await revoke(client.identityId, client.clientSecretId);
    expect(answer).toEqual(answered({ clientSecretData: secretOf({ isClientSecretRevoked: true }) }));
    expect(await revoke(client.identityId, client.clientSecretId)).toEqual(answered(answer.body));
    expect(await get(client.identityId, client.clientSecretId)).toEqual(answered(answer.body));
    expect(await login(client)).toEqual(INVALID);
  });

  it('once revoked kill their tokens for the very next use, and no token of another secret', async () => {
    const client = await latchkey.given.client();
    const second = { ...client, ...(await latchkey.given.clientSecretFor(client.identityId)) };
    const mine = done(await login(client)).accessToken as string;
    const theirs = done(await login(second)).accessToken as string;
    for (const token of [mine, theirs]) expect((await latchkey.as(token).get(DETAILS)).status).toBe(200);

    done(await revoke(client.identityId, client.clientSecretId));

    const dead = await latchkey.as(mine).get(DETAILS);
    expect(dead).toEqual(refused(401, 'UnauthorizedError', 'Failed to authorize: client secret has been revoked'));
    expect(dead.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    expect(await latchkey.anonymous.post(RENEW, { accessToken: mine })).toEqual(
      refused(401, 'UnauthorizedError', 'Cannot renew: client secret has been revoked'),
    );
    expect((await latchkey.as(theirs).get(DETAILS)).status).toBe(200);
    expect((await latchkey.anonymous.post(RENEW, { accessToken: theirs })).status).toBe(200);
  });

  it('note a change of verifications when they are revoked or go with their method, and not when they are used', async () => {
    const changes = async (identityId: string) => {
      const [row] = await latchkey.dataSource.query<[{ count: number }]>(
        'SELECT count(*)::int AS count FROM latchkey.verdict_changes WHERE subject_id = $1',
        [identityId],
      );
      return row.count;
    };
    const client = await latchkey.given.client();
    await latchkey.given.clientSecretFor(client.identityId);
    const before = await changes(client.identityId);
    done(await login(client));
    expect(await login({ ...client, clientSecret: 'wrong' })).toEqual(INVALID);
    expect(await changes(client.identityId)).toBe(before);
    done(await revoke(client.identityId, client.clientSecretId));
    expect(await changes(client.identityId)).toBe(before + 1);
    done(await remove(client.identityId));
    expect(await changes(client.identityId)).toBeGreaterThan(before + 1);
  });
});

describe('logging in', () => {
  it('answers a token that works, whole, and nobody on the way may keep it', async () => {
    const client = await latchkey.given.client({ policy: { accessTokenTTL: 3600, accessTokenMaxTTL: 86400 } });
    const answer = await login(client);
    expect(answer).toEqual(loggedIn({ expiresIn: 3600, accessTokenMaxTTL: 86400 }));
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const { body } = await latchkey.as(answer.body.accessToken as string).get(DETAILS);
    expect(body.identityDetails.organization.id).toBe(latchkey.given.organizationId);
  });

  it('makes a JWT that says whose it is, which method and which secret made it, and the same claims as ever', async () => {
    const client = await latchkey.given.client({ policy: { accessTokenTTL: 60, accessTokenMaxTTL: 600 } });
    const claims = decode(done(await login(client)).accessToken as string) as Record<string, unknown>;
    const { organizationId } = latchkey.given;
    expect(claims).toEqual({
      jti: UUID,
      identityAccessTokenId: claims.jti,
      iat: expect.any(Number),
      exp: (claims.iat as number) + 60,
      authTokenType: 'identityAccessToken',
      identityId: client.identityId,
      identityName: 'given',
      authMethod: 'universal-auth',
      identityAuth: {},
      orgId: organizationId,
      rootOrgId: organizationId,
      parentOrgId: organizationId,
      clientSecretId: client.clientSecretId,
      ipRestrictionEnabled: false,
      accessTokenTTL: 60,
      accessTokenMaxTTL: 600,
      accessTokenPeriod: 0,
      creationEpoch: claims.iat,
    });
  });

  it('keeps a row that knows the secret, under which the token is no token made by hand', async () => {
    const client = await latchkey.given.client();
    await latchkey.given.tokenAuth(client.identityId);
    const { jti } = decode(done(await login(client)).accessToken as string) as { jti: string };
    const [row] = await latchkey.dataSource.query<[object]>(
      'SELECT auth_method, client_secret_id, name FROM latchkey.identity_access_tokens WHERE id = $1',
      [jti],
    );
    expect(row).toEqual({ auth_method: 'universal-auth', client_secret_id: client.clientSecretId, name: null });
    expect((await latchkey.admin.get(`/api/v1/auth/token-auth/tokens/${jti}`)).status).toBe(404);
    const { tokens } = done(await latchkey.admin.get(`/api/v1/auth/token-auth/identities/${client.identityId}/tokens`));
    expect(tokens).toEqual([]);
  });

  it('is noted on the membership, at most every ten seconds, and without changing it', async () => {
    const client = await latchkey.given.client();
    const membership = async () => {
      const { identity } = done(await latchkey.admin.get(`/api/v1/identities/${client.identityId}`));
      const { lastLoginAuthMethod, lastLoginTime, updatedAt } = identity;
      return { lastLoginAuthMethod, lastLoginTime, updatedAt } as Record<string, string | null>;
    };
    const before = await membership();
    expect(before).toMatchObject({ lastLoginAuthMethod: null, lastLoginTime: null });
    done(await login(client));
    const first = await membership();
    expect(first).toEqual({ ...before, lastLoginAuthMethod: 'universal-auth', lastLoginTime: TIME });
    latchkey.clock.advance(9);
    done(await login(client));
    expect(await membership()).toEqual(first);
    latchkey.clock.advance(2);
    done(await login(client));
    expect(Date.parse((await membership()).lastLoginTime!)).toBeGreaterThan(Date.parse(first.lastLoginTime!));
  });

  it('takes forms, white space around both, a trailing slash, other keys, and any Authorization header', async () => {
    const client = await latchkey.given.client();
    const { clientId, clientSecret } = client;
    const spaced = { clientId: ` ${clientId} `, clientSecret: `\t${clientSecret}\n`, identityId: UNKNOWN };
    expect(await login(spaced)).toEqual(loggedIn());
    expect(await latchkey.anonymous.post(`${LOGIN}/`, spaced)).toEqual(loggedIn());
    const form = new URLSearchParams({ clientId, clientSecret }).toString();
    expect(await latchkey.anonymous.post(LOGIN, form, FORM)).toEqual(loggedIn());
    for (const authorization of ['', 'Bearer', 'Bearer x.y.z', 'Basic x', `Bearer ${latchkey.admin.token}`]) {
      expect(await login(client, {}, { authorization })).toEqual(loggedIn());
    }
  });

  it('takes the client id in capitals for the same', async () => {
    const client = await latchkey.given.client();
    expect(await login({ ...client, clientId: client.clientId.toUpperCase() })).toEqual(loggedIn());
    expect(await login({ ...client, clientSecret: client.clientSecret.toUpperCase() })).toEqual(INVALID);
  });

  it('takes the slug of the own organization for nothing, and every other is 404', async () => {
    const client = await latchkey.given.client({ secret: { numUsesLimit: 1 } });
    const slugOf = async (api: typeof latchkey.admin) =>
      done(await api.get(DETAILS)).identityDetails.organization.slug as string;
    for (const organizationSlug of ['no-such-slug', await slugOf(other.admin)]) {
      expect(await login(client, { organizationSlug })).toEqual(
        refused(404, 'NotFound', `Sub organization with slug ${organizationSlug} not found`),
      );
    }
    expect(await login(client, { organizationSlug: '' })).toEqual(
      invalid(['too_small', ['organizationSlug'], 'String must contain at least 1 character(s)']),
    );
    // None of those spent the one use.
    expect(await login(client, { organizationSlug: await slugOf(latchkey.admin) })).toEqual(loggedIn());
  });

  it.each<[string, unknown, Parameters<typeof invalid>]>([
    [
      'nothing',
      {},
      [
        ['invalid_type', ['clientId'], 'Required'],
        ['invalid_type', ['clientSecret'], 'Required'],
      ],
    ],
    [
      'a number and a list',
      { clientId: 3, clientSecret: ['x'] },
      [
        ['invalid_type', ['clientId'], 'Expected string, received number'],
        ['invalid_type', ['clientSecret'], 'Expected string, received array'],
      ],
    ],
    [
      'white space',
      { clientId: ' ', clientSecret: 'x' },
      [['too_small', ['clientId'], 'String must contain at least 1 character(s)']],
    ],
    ['a list', '[]', [['invalid_type', [], 'Expected object, received array']]],
  ])('refuses %s with 422', async (_what, body, issues) => {
    expect(await latchkey.anonymous.post(LOGIN, body)).toEqual(invalid(...issues));
  });

  it('refuses what is no JSON with 400, and what is neither JSON nor a form with 415', async () => {
    expect((await latchkey.anonymous.post(LOGIN, '{"clientId":')).status).toBe(400);
    expect((await latchkey.anonymous.post(LOGIN, 'x', { 'content-type': 'text/plain' })).status).toBe(415);
  });

  it('answers an unknown client, a malformed one, another client and a wrong secret byte for byte alike', async () => {
    const [client, second] = [await latchkey.given.client(), await latchkey.given.client()];
    const { clientSecret } = client;
    const wrong = [
      { clientId: UNKNOWN, clientSecret },
      { clientId: 'not-a-uuid', clientSecret },
      { clientId: client.identityId, clientSecret },
      { clientId: second.clientId, clientSecret },
      { clientId: client.clientId, clientSecret: `${clientSecret.slice(0, 4)}${'0'.repeat(60)}` },
      { clientId: client.clientId, clientSecret: 'x' },
    ];
    const headers: string[] = [];
    for (const guess of wrong) {
      const answer = await login(guess);
      expect(answer).toEqual(INVALID);
      headers.push([...answer.headers].filter(([name]) => !['date', 'x-request-id'].includes(name)).join());
    }
    expect(new Set(headers).size).toBe(1);
    expect(await login(client)).toEqual(loggedIn());
  });

  it('asks the database the same, statement by statement, for an unknown client and for a wrong secret', async () => {
    const client = await latchkey.given.client();
    const statements = async (guess: Pick<GivenClient, 'clientId' | 'clientSecret'>) => {
      const asked: string[] = [];
      const { logger, options } = latchkey.dataSource as unknown as {
        logger: object;
        options: { logging: unknown };
      };
      // The audit log is written after the answers.
      const logQuery = (sql: string) => void (sql.includes('latchkey.audit_') || asked.push(sql));
      Object.assign(latchkey.dataSource, { logger: { ...silent, logQuery } });
      try {
        expect(await login(guess)).toEqual(INVALID);
      } finally {
        Object.assign(latchkey.dataSource, { logger, options });
      }
      return asked;
    };
    const nothing = () => undefined;
    const silent = {
      logQueryError: nothing,
      logQuerySlow: nothing,
      logSchemaBuild: nothing,
      logMigration: nothing,
      log: nothing,
    };
    const known = await statements({ ...client, clientSecret: 'wrong' });
    expect(known).toHaveLength(2);
    expect(await statements({ clientId: UNKNOWN, clientSecret: 'wrong' })).toEqual(known);
    expect(await statements({ clientId: 'nonsense', clientSecret: 'wrong' })).toEqual(known);
  });

  it('is refused with an expired secret, and the tokens it made live on', async () => {
    const client = await latchkey.given.client({ secret: { ttl: 60 } });
    latchkey.clock.advance(55);
    const { accessToken } = done(await login(client));
    latchkey.clock.advance(6);
    for (let i = 0; i < 5; i += 1) {
      expect(await login(client)).toEqual(
        refused(401, 'UnauthorizedError', 'Access denied due to expired client secret'),
      );
    }
    expect((await latchkey.as(accessToken as string).get(DETAILS)).status).toBe(200);
    const { clientSecretData } = done(await get(client.identityId, client.clientSecretId));
    expect(clientSecretData).toMatchObject({ isClientSecretRevoked: false, clientSecretNumUses: 1 });
  });

  it('is refused with a secret that is used up, counts no more, and the tokens it made live on', async () => {
    const client = await latchkey.given.client({ secret: { numUsesLimit: 2 } });
    const { accessToken } = done(await login(client));
    done(await login(client));
    for (let i = 0; i < 5; i += 1) {
      expect(await login(client)).toEqual(
        refused(401, 'UnauthorizedError', 'Access denied due to client secret usage limit reached'),
      );
    }
    expect((await latchkey.as(accessToken as string).get(DETAILS)).status).toBe(200);
    const { clientSecretData } = done(await get(client.identityId, client.clientSecretId));
    expect(clientSecretData).toMatchObject({ clientSecretNumUses: 2, isClientSecretRevoked: false });
  });

  it('is refused from an address the client may not log in from, and spends nothing there', async () => {
    const policy = { clientSecretTrustedIps: [{ ipAddress: '203.0.113.0/24' }] };
    const client = await latchkey.given.client({ policy, secret: { numUsesLimit: 1 } });
    for (let i = 0; i < 5; i += 1) expect(await login(client)).toEqual(WRONG_ADDRESS);
    done(
      await update(client.identityId, { clientSecretTrustedIps: [{ ipAddress: '127.0.0.0/8' }, { ipAddress: '::1' }] }),
    );
    expect(await login(client)).toEqual(loggedIn());
  });

  it('makes tokens that follow their own list of addresses, not that of logins', async () => {
    const policy = { accessTokenTrustedIps: [{ ipAddress: '203.0.113.0/24' }] };
    const client = await latchkey.given.client({ policy });
    const { accessToken } = done(await login(client));
    expect(decode(accessToken as string)).toMatchObject({ ipRestrictionEnabled: true });
    expect(await latchkey.as(accessToken as string).get(DETAILS)).toEqual(WRONG_ADDRESS);
    done(
      await update(client.identityId, { accessTokenTrustedIps: [{ ipAddress: '0.0.0.0/0' }, { ipAddress: '::/0' }] }),
    );
    expect((await latchkey.as(accessToken as string).get(DETAILS)).status).toBe(200);
  });

  it('is refused while the membership is inactive, and without one', async () => {
    const client = await latchkey.given.client({ secret: { numUsesLimit: 2 } });
    const set = (sql: string) =>
      latchkey.dataSource.query<unknown>(`${sql} WHERE identity_id = $1`, [client.identityId]);
    await set('UPDATE latchkey.organization_memberships SET is_active = false');
    expect(await login(client)).toEqual(
      refused(401, 'UnauthorizedError', 'Failed to log in: organization membership is inactive'),
    );
    await set('UPDATE latchkey.organization_memberships SET is_active = true');
    done(await login(client));
    const { clientSecretData } = done(await get(client.identityId, client.clientSecretId));
    expect(clientSecretData.clientSecretNumUses).toBe(1);
    await set('DELETE FROM latchkey.organization_memberships');
    expect(await login(client)).toEqual(
      refused(401, 'UnauthorizedError', 'Failed to log in: identity is not a member of the organization'),
    );
  });

  it('is refused once the identity is gone, like a client that never was', async () => {
    const client = await latchkey.given.client();
    done(await latchkey.admin.delete(`/api/v1/identities/${client.identityId}`));
    expect(await login(client)).toEqual(INVALID);
  });

  it('never meets a removal half way: deletions and logins at the same moment neither fail nor hang', async () => {
    for (let round = 0; round < 5; round += 1) {
      const client = await latchkey.given.client();
      const logins = Array.from({ length: 10 }, () => login(client));
      const gone =
        round % 2 === 0 ? remove(client.identityId) : latchkey.admin.delete(`/api/v1/identities/${client.identityId}`);
      const answers = await Promise.all(logins);
      expect((await gone).status).toBe(200);
      for (const { status, body } of answers) {
        expect([200, 401]).toContain(status);
        if (status === 200) expect((await latchkey.as(body.accessToken as string).get(DETAILS)).status).toBe(401);
      }
    }
  });

  it.each([0, 5])(
    'answers no token once its secret is revoked, and be it in the middle (use limit %s)',
    async (limit) => {
      const client = await latchkey.given.client({ secret: { numUsesLimit: limit } });
      const holder = latchkey.dataSource.createQueryRunner();
      await holder.startTransaction();
      let answer: Promise<Answer>;
      try {
        // The login has found its secret when it comes to wait for this row.
        await holder.query('SELECT FROM latchkey.identities WHERE id = $1 FOR UPDATE', [client.identityId]);
        answer = login(client);
        const [{ pid }] = (await holder.query('SELECT pg_backend_pid() AS pid')) as unknown as [{ pid: number }];
        const waiting = 'SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))';
        while ((await latchkey.dataSource.query<object[]>(waiting, [pid])).length === 0);
        const revoking = 'UPDATE latchkey.client_secrets SET revoked_at = now() WHERE id = $1';
        await latchkey.dataSource.query(revoking, [client.clientSecretId]);
      } finally {
        await holder.rollbackTransaction();
        await holder.release();
      }
      expect(await answer).toEqual(INVALID);
      const issued = 'SELECT FROM latchkey.identity_access_tokens WHERE identity_id = $1';
      expect(await latchkey.dataSource.query(issued, [client.identityId])).toEqual([]);
    },
  );

  it('limits the uses of its tokens', async () => {
    const client = await latchkey.given.client({ policy: { accessTokenNumUsesLimit: 2 } });
    const api = latchkey.as(done(await login(client)).accessToken as string);
    for (let i = 0; i < 2; i += 1) expect((await api.get(DETAILS)).status).toBe(200);
    expect(await api.get(DETAILS)).toEqual(
      refused(401, 'UnauthorizedError', 'Failed to authorize: token usage limit reached'),
    );
  });
});

describe('periodic tokens', () => {
  it('answer the period for a lifetime, a huge number for the max TTL, and are renewed beyond any max TTL', async () => {
    const policy = { accessTokenPeriod: 900, accessTokenTTL: 60, accessTokenMaxTTL: 120 };
    const client = await latchkey.given.client({ policy });
    const periodic = loggedIn({ expiresIn: 900, accessTokenMaxTTL: 1000000000 });
    let answer = await login(client);
    expect(answer).toEqual(periodic);
    expect(decode(answer.body.accessToken as string)).toMatchObject({
      accessTokenTTL: 900,
      accessTokenMaxTTL: 0,
      accessTokenPeriod: 900,
    });
    for (let i = 0; i < 4; i += 1) {
      latchkey.clock.advance(600);
      answer = await latchkey.anonymous.post(RENEW, { accessToken: answer.body.accessToken });
      expect(answer).toEqual(periodic);
    }
    latchkey.clock.advance(901);
    expect((await latchkey.anonymous.post(RENEW, { accessToken: answer.body.accessToken })).status).toBe(401);
  });

  it('lose their eternity when the method is periodic no more', async () => {
    const client = await latchkey.given.client({ policy: { accessTokenPeriod: 900 } });
    const { accessToken } = done(await login(client));
    done(await update(client.identityId, { accessTokenPeriod: 0, accessTokenTTL: 60, accessTokenMaxTTL: 600 }));
    expect(await latchkey.anonymous.post(RENEW, { accessToken })).toEqual(
      loggedIn({ expiresIn: 60, accessTokenMaxTTL: 600 }),
    );
    latchkey.clock.advance(610);
    expect(await latchkey.anonymous.post(RENEW, { accessToken })).toEqual(
      refused(401, 'UnauthorizedError', 'Cannot renew: identity access token has reached its max TTL'),
    );
  });

  it('are not what other tokens become when the method gets a period', async () => {
    const client = await latchkey.given.client({ policy: { accessTokenTTL: 300, accessTokenMaxTTL: 600 } });
    const { accessToken } = done(await login(client));
    done(await update(client.identityId, { accessTokenPeriod: 900 }));
    latchkey.clock.advance(200);
    expect(await latchkey.anonymous.post(RENEW, { accessToken })).toEqual(
      loggedIn({ expiresIn: 300, accessTokenMaxTTL: 600 }),
    );
  });
});

describe('what secrets are hashed under', () => {
  it('is moved on to the present secret of the server by logging in, so that the one before can be retired', async () => {
    const client = await latchkey.given.client();
    const untouched = await latchkey.given.client();
    const fresh = 'a secret of the server that is long enough';
    const { authSecret } = latchkey;

    const rotated = await startLatchkey(
      { authSecret: fresh, previousAuthSecrets: [authSecret] },
      { isBootstrapped: false },
    );
    expect((await rotated.anonymous.post(LOGIN, client)).status).toBe(200);
    await rotated.stop();

    const retired = await startLatchkey({ authSecret: fresh }, { isBootstrapped: false });
    expect((await retired.anonymous.post(LOGIN, client)).status).toBe(200);
    expect(await retired.anonymous.post(LOGIN, untouched)).toEqual(INVALID);
    await retired.stop();
  });
});

describe('the routes of universal auth', () => {
  it('find nothing of another organization, and change nothing there', async () => {
    const theirs = await other.given.client();
    const before = await snapshot(latchkey.dataSource);
    const { identityId, clientSecretId } = theirs;
    const refusal = noIdentity(identityId);
    for (const call of [attach, update, retrieve, remove, create, list])
      expect(await call(identityId)).toEqual(refusal);
    for (const call of [get, revoke]) expect(await call(identityId, clientSecretId)).toEqual(refusal);
    expect(await latchkey.admin.post(`${IDENTITIES}/${identityId}/clear-lockouts`)).toEqual(refusal);
    const mine = await latchkey.given.client();
    expect(await get(mine.identityId, clientSecretId)).toEqual(noSecret(clientSecretId));
    done(await remove(mine.identityId));
    done(await latchkey.admin.delete(`/api/v1/identities/${mine.identityId}`));
    const after = await snapshot(latchkey.dataSource);
    expect(after.client_secrets).toBe(before.client_secrets);
    expect(after.identity_auth_methods).toBe(before.identity_auth_methods);
  });
});
