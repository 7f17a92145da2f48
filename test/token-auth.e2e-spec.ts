import { decode } from 'jsonwebtoken';
import { type Answer, answered, type ApiClient, invalid, refused } from './support/api-client';
import { done, type GivenOrganization } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

const REVOKED = { message: 'Successfully revoked access token', revision: expect.any(Number) };
const IDENTITIES = '/api/v1/auth/token-auth/identities';
const TOKENS = '/api/v1/auth/token-auth/tokens';
const DETAILS = '/api/v1/identities/details';
const UNKNOWN = '7b0e4a52-9c1d-4f3e-8a6b-2d5c1e0f9a34';
const NONSENSE = ['nope', '0', `{${UNKNOWN}}`, UNKNOWN.replaceAll('-', ''), "1' OR '1'='1", '__proto__', '\u0000'];

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const UUID = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const ANYWHERE = [
  { type: 'ipv4', prefix: 0, ipAddress: '0.0.0.0' },
  { type: 'ipv6', prefix: 0, ipAddress: '::' },
];

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
    identityTokenAuth: {
      id: UUID,
      accessTokenTTL: 2592000,
      accessTokenMaxTTL: 2592000,
      accessTokenNumUsesLimit: 0,
      accessTokenTrustedIps: ANYWHERE,
      createdAt: TIME,
      updatedAt: TIME,
      identityId,
      accessTokenPeriod: 0,
      ...changes,
    },
  };
}

function tokenDataOf(identityId: string, changes: object = {}) {
  return {
    id: UUID,
    accessTokenTTL: 2592000,
    accessTokenMaxTTL: 2592000,
    accessTokenNumUses: 0,
    accessTokenNumUsesLimit: 0,
    accessTokenLastUsedAt: null,
    accessTokenLastRenewedAt: null,
    isAccessTokenRevoked: false,
    identityUAClientSecretId: null,
    identityId,
    createdAt: TIME,
    updatedAt: TIME,
    name: null,
    authMethod: 'token-auth',
    accessTokenPeriod: 0,
    subOrganizationId: null,
    ...changes,
  };
}

const attach = (identityId: string, body?: unknown, headers?: Record<string, string>) =>
  latchkey.admin.post(`${IDENTITIES}/${identityId}`, body, headers);
const update = (identityId: string, body?: unknown) => latchkey.admin.patch(`${IDENTITIES}/${identityId}`, body);
const retrieve = (identityId: string) => latchkey.admin.get(`${IDENTITIES}/${identityId}`);
const remove = (identityId: string) => latchkey.admin.delete(`${IDENTITIES}/${identityId}`);
const create = (identityId: string, body?: unknown, headers?: Record<string, string>) =>
  latchkey.admin.post(`${IDENTITIES}/${identityId}/tokens`, body, headers);
const list = (identityId: string, query = '') => latchkey.admin.get(`${IDENTITIES}/${identityId}/tokens${query}`);
const get = (tokenId: string) => latchkey.admin.get(`${TOKENS}/${tokenId}`);
const rename = (tokenId: string, body?: unknown) => latchkey.admin.patch(`${TOKENS}/${tokenId}`, body);
const revoke = (tokenId: string, body?: unknown) => latchkey.admin.post(`${TOKENS}/${tokenId}/revoke`, body);

async function attached(policy: object = {}): Promise<string> {
  const identityId = await latchkey.given.identity();
  await latchkey.given.tokenAuth(identityId, policy);
  return identityId;
}

const badPolicies: [what: string, body: object, issues: Parameters<typeof invalid>][] = [
  ...['accessTokenTTL', 'accessTokenMaxTTL'].flatMap((field): [string, object, Parameters<typeof invalid>][] => [
    [`a ${field} below 0`, { [field]: -1 }, [['too_small', [field], 'Number must be greater than or equal to 0']]],
    [
      `a ${field} of more than ten years`,
      { accessTokenMaxTTL: 315360000, [field]: 315360001 },
      [['too_big', [field], 'Number must be less than or equal to 315360000']],
    ],
    [`a fractional ${field}`, { [field]: 1.5 }, [['invalid_type', [field], 'Expected integer, received float']]],
    [`a ${field} in quotes`, { [field]: '12' }, [['invalid_type', [field], 'Expected number, received string']]],
    [`a ${field} of null`, { [field]: null }, [['invalid_type', [field], 'Expected number, received null']]],
    [`a ${field} of true`, { [field]: true }, [['invalid_type', [field], 'Expected number, received boolean']]],
    [`a ${field} in a list`, { [field]: [12] }, [['invalid_type', [field], 'Expected number, received array']]],
  ]),
  [
    'a use limit below 0',
    { accessTokenNumUsesLimit: -1 },
    [['too_small', ['accessTokenNumUsesLimit'], 'Number must be greater than or equal to 0']],
  ],
  [
    'a use limit no integer column holds',
    { accessTokenNumUsesLimit: 2147483648 },
    [['too_big', ['accessTokenNumUsesLimit'], 'Number must be less than or equal to 2147483647']],
  ],
  [
    'a fractional use limit',
    { accessTokenNumUsesLimit: 0.5 },
    [['invalid_type', ['accessTokenNumUsesLimit'], 'Expected integer, received float']],
  ],
  [
    'an empty list of addresses',
    { accessTokenTrustedIps: [] },
    [['too_small', ['accessTokenTrustedIps'], 'Array must contain at least 1 element(s)']],
  ],
  [
    'more than 256 addresses',
    { accessTokenTrustedIps: Array.from({ length: 257 }, () => ({ ipAddress: '192.0.2.1' })) },
    [['too_big', ['accessTokenTrustedIps'], 'Array must contain at most 256 element(s)']],
  ],
  [
    'an address that is no list',
    { accessTokenTrustedIps: '192.0.2.1' },
    [['invalid_type', ['accessTokenTrustedIps'], 'Expected array, received string']],
  ],
  [
    'an object for the list of addresses',
    { accessTokenTrustedIps: { ipAddress: '192.0.2.1' } },
    [['invalid_type', ['accessTokenTrustedIps'], 'Expected array, received object']],
  ],
  [
    'an entry without an address',
    { accessTokenTrustedIps: [{ ipAddress: '192.0.2.1' }, {}] },
    [['invalid_type', ['accessTokenTrustedIps', 1, 'ipAddress'], 'Required']],
  ],
  [
    'an address that is a number',
    { accessTokenTrustedIps: [{ ipAddress: 1 }] },
    [['invalid_type', ['accessTokenTrustedIps', 0, 'ipAddress'], 'Expected string, received number']],
  ],
  [
    'several faults at once, each with its path',
    { accessTokenTTL: -1, accessTokenNumUsesLimit: 'x' },
    [
      ['too_small', ['accessTokenTTL'], 'Number must be greater than or equal to 0'],
      ['invalid_type', ['accessTokenNumUsesLimit'], 'Expected number, received string'],
    ],
  ],
  [
    'a TTL above the max TTL that comes with it',
    { accessTokenTTL: 3601, accessTokenMaxTTL: 3600 },
    [['custom', [], 'Access Token TTL cannot be greater than Access Token Max TTL.']],
  ],
];

const badAddresses = [
  '300.1.1.1',
  '10.0.0.0/33',
  '10.0.0.0/24abc',
  '10.0.0.0/24/8',
  '10.0.0.0/',
  '10.0.0.0/-1',
  '10.0.0.0/08',
  '10.0.0.0/ 8',
  '10.0.0',
  '010.0.0.1',
  '0x7f.0.0.1',
  '2130706433',
  '::/129',
  'fe80::1%eth0',
  '1::2::3',
  '10.0.0.1:443',
  '[::1]',
  'localhost',
  '*',
];

describe('attaching token auth', () => {
  it('answers the whole configuration, with the defaults of the contract for what was left out', async () => {
    const identityId = await latchkey.given.identity();
    const answer = await attach(identityId, {});
    expect(answer).toEqual(answered(configOf(identityId)));
    expect(await retrieve(identityId)).toEqual(answered(answer.body));
  });

  it.each([
    ['no body at all', undefined, undefined],
    ['an empty body that calls itself JSON', '', { 'content-type': 'application/json' }],
    ['an empty body that calls itself a form', '', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['an empty body of some type', '', { 'content-type': 'text/plain' }],
    ['an empty form', 'x=1', { 'content-type': 'application/x-www-form-urlencoded' }],
  ])('takes %s for {}', async (_what, body, headers) => {
    const identityId = await latchkey.given.identity();
    expect(await attach(identityId, body, headers)).toEqual(answered(configOf(identityId)));
  });

  it('keeps every field as it was sent, and addresses split, in order and spelled as they came', async () => {
    const identityId = await latchkey.given.identity();
    const policy = { accessTokenTTL: 3600, accessTokenMaxTTL: 86400, accessTokenNumUsesLimit: 7 };
    const answer = await attach(identityId, {
      ...policy,
      accessTokenTrustedIps: [
        { ipAddress: '2001:DB8::7' },
        { ipAddress: ' 203.0.113.77/24 ' },
        { ipAddress: '::ffff:192.0.2.0/120' },
        { ipAddress: '127.0.0.1' },
        { ipAddress: '203.0.113.77/24' },
        { ipAddress: '2001:0db8:0000::/32' },
      ],
    });
    const accessTokenTrustedIps = [
      { type: 'ipv6', ipAddress: '2001:DB8::7' },
      { type: 'ipv4', prefix: 24, ipAddress: '203.0.113.77' },
      { type: 'ipv6', prefix: 120, ipAddress: '::ffff:192.0.2.0' },
      { type: 'ipv4', ipAddress: '127.0.0.1' },
      { type: 'ipv4', prefix: 24, ipAddress: '203.0.113.77' },
      { type: 'ipv6', prefix: 32, ipAddress: '2001:0db8:0000::' },
    ];
    expect(answer).toEqual(answered(configOf(identityId, { ...policy, accessTokenTrustedIps })));
    expect(await retrieve(identityId)).toEqual(answered(answer.body));
  });

  it.each([
    ['no limits at all', { accessTokenTTL: 0, accessTokenMaxTTL: 0 }],
    ['a TTL under no max TTL', { accessTokenTTL: 3600, accessTokenMaxTTL: 0 }],
    ['no TTL under a max TTL', { accessTokenTTL: 0, accessTokenMaxTTL: 3600 }],
    ['a TTL that equals the max TTL', { accessTokenTTL: 60, accessTokenMaxTTL: 60 }],
    [
      'the largest of everything',
      { accessTokenTTL: 315360000, accessTokenMaxTTL: 315360000, accessTokenNumUsesLimit: 2147483647 },
    ],
    ['a max TTL shorter than the default TTL, with a TTL of 0', { accessTokenTTL: 0, accessTokenMaxTTL: 5 }],
  ])('allows %s', async (_what, policy) => {
    const identityId = await latchkey.given.identity();
    expect(await attach(identityId, policy)).toEqual(answered(configOf(identityId, policy)));
  });

  it.each(badPolicies)('refuses %s with 422, and attaches nothing', async (_what, body, issues) => {
    const identityId = await latchkey.given.identity();
    expect(await attach(identityId, body)).toEqual(invalid(...issues));
    expect(await retrieve(identityId)).toEqual(
      refused(404, 'NotFound', 'Token Auth configuration not found for identity'),
    );
  });

  it.each([
    ['a TTL above the default max TTL', { accessTokenTTL: 2592001 }],
    ['a max TTL below the default TTL', { accessTokenMaxTTL: 2591999 }],
  ])('counts the defaults in when it compares: %s is 422', async (_what, body) => {
    const identityId = await latchkey.given.identity();
    expect(await attach(identityId, body)).toEqual(
      invalid(['custom', [], 'Access Token TTL cannot be greater than Access Token Max TTL.']),
    );
  });

  it.each(badAddresses)('refuses the address %s with 400, and attaches nothing', async (ipAddress) => {
    const identityId = await latchkey.given.identity();
    const accessTokenTrustedIps = [{ ipAddress: '192.0.2.1' }, { ipAddress }];
    expect(await attach(identityId, { accessTokenTrustedIps })).toEqual(
      refused(400, 'BadRequest', 'The IP is not a valid IPv4, IPv6, or CIDR block'),
    );
    expect((await retrieve(identityId)).status).toBe(404);
  });

  it.each([['null'], ['"192.0.2.1"'], ['[]'], ['7'], ['["192.0.2.1"]'], ['[{"ipAddress":"192.0.2.1"}]']])(
    'refuses %s as an entry of the addresses with 422',
    async (entry) => {
      const identityId = await latchkey.given.identity();
      const answer = await attach(identityId, `{"accessTokenTrustedIps":[${entry}]}`);
      expect(answer).toEqual(refused(422, 'ValidationFailure', expect.any(Array)));
      for (const issue of answer.body.message as { path: unknown[] }[]) {
        expect(issue.path.slice(0, 2)).toEqual(['accessTokenTrustedIps', 0]);
      }
    },
  );

  it.each([['null'], ['[]'], ['7'], ['"text"'], ['true']])('refuses the body %s with 422', async (body) => {
    const identityId = await latchkey.given.identity();
    expect(await attach(identityId, body)).toEqual(refused(422, 'ValidationFailure', [expect.any(Object)]));
  });

  it('drops keys it does not know, as official clients repeat the ids of the path', async () => {
    const identityId = await latchkey.given.identity();
    const body = { identityId: UNKNOWN, id: UNKNOWN, accessTokenPeriod: 60, method: 'x', accessTokenTTL: 60 };
    expect(await attach(identityId, body)).toEqual(answered(configOf(identityId, { accessTokenTTL: 60 })));
  });

  it('is refused the second time, and changes nothing', async () => {
    const identityId = await attached({ accessTokenTTL: 60 });
    const before = await retrieve(identityId);
    expect(await attach(identityId, { accessTokenTTL: 120 })).toEqual(
      refused(400, 'BadRequest', 'Failed to add Token Auth to already configured identity'),
    );
    expect(await retrieve(identityId)).toEqual(answered(before.body));
  });

  it('happens once, however many ask at the same moment', async () => {
    const identityId = await latchkey.given.identity();
    const answers = await Promise.all(Array.from({ length: 12 }, () => attach(identityId, {})));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(11);
  });
});

describe('updating token auth', () => {
  it('changes what is sent, leaves the rest, and answers the configuration as it is now', async () => {
    const identityId = await attached({ accessTokenTTL: 60, accessTokenMaxTTL: 600, accessTokenNumUsesLimit: 3 });
    const { body } = await retrieve(identityId);
    const answer = await update(identityId, { accessTokenTTL: 120, identityId: UNKNOWN });
    expect(answer).toEqual(
      answered({ identityTokenAuth: { ...body.identityTokenAuth, accessTokenTTL: 120, updatedAt: TIME } }),
    );
    expect(await retrieve(identityId)).toEqual(answered(answer.body));
  });

  it.each([['{}'], [undefined], ['{"identityId":"x"}']])('changes nothing at all for %s', async (body) => {
    const identityId = await attached({ accessTokenTrustedIps: [{ ipAddress: '127.0.0.0/8' }] });
    const before = await retrieve(identityId);
    expect(await update(identityId, body)).toEqual(answered(before.body));
    expect(await retrieve(identityId)).toEqual(answered(before.body));
  });

  it('replaces the list of addresses as a whole', async () => {
    const identityId = await attached({ accessTokenTrustedIps: [{ ipAddress: '127.0.0.1' }, { ipAddress: '::1' }] });
    const accessTokenTrustedIps = [{ type: 'ipv4', prefix: 8, ipAddress: '10.0.0.0' }];
    expect(await update(identityId, { accessTokenTrustedIps: [{ ipAddress: '10.0.0.0/8' }] })).toEqual(
      answered(configOf(identityId, { accessTokenTrustedIps })),
    );
  });

  it.each([
    ['only the max TTL is lowered, and the TTL fits', { accessTokenMaxTTL: 120 }],
    ['the max TTL is lifted and the TTL raised together', { accessTokenTTL: 7200, accessTokenMaxTTL: 0 }],
    ['only the max TTL is lifted', { accessTokenMaxTTL: 0 }],
    ['the TTL becomes 0', { accessTokenTTL: 0 }],
    ['the TTL becomes the stored max TTL', { accessTokenTTL: 600 }],
  ])('allows it when %s', async (_what, change) => {
    const policy = { accessTokenTTL: 60, accessTokenMaxTTL: 600 };
    const identityId = await attached(policy);
    expect(await update(identityId, change)).toEqual(answered(configOf(identityId, { ...policy, ...change })));
  });

  it.each([
    ['a TTL above the stored max TTL', { accessTokenTTL: 601 }],
    ['a max TTL below the stored TTL', { accessTokenMaxTTL: 59 }],
  ])('refuses %s with 400, and changes nothing', async (_what, change) => {
    const identityId = await attached({ accessTokenTTL: 60, accessTokenMaxTTL: 600 });
    const before = await retrieve(identityId);
    expect(await update(identityId, { ...change, accessTokenNumUsesLimit: 9 })).toEqual(
      refused(400, 'BadRequest', 'Access token TTL cannot be greater than max TTL'),
    );
    expect(await retrieve(identityId)).toEqual(answered(before.body));
  });

  it.each(badPolicies)('refuses %s with 422, and changes nothing', async (_what, body, issues) => {
    const identityId = await attached();
    const before = await retrieve(identityId);
    expect(await update(identityId, body)).toEqual(invalid(...issues));
    expect(await retrieve(identityId)).toEqual(answered(before.body));
  });

  it('refuses an address that is none with 400, and changes nothing', async () => {
    const identityId = await attached();
    const before = await retrieve(identityId);
    const body = { accessTokenTTL: 5, accessTokenTrustedIps: [{ ipAddress: '10.0.0.0/33' }] };
    expect(await update(identityId, body)).toEqual(
      refused(400, 'BadRequest', 'The IP is not a valid IPv4, IPv6, or CIDR block'),
    );
    expect(await retrieve(identityId)).toEqual(answered(before.body));
  });

  it('loses none of two changes that are made at the same moment', async () => {
    const identityId = await attached();
    const [a, b] = await Promise.all([
      update(identityId, { accessTokenTTL: 60 }),
      update(identityId, { accessTokenNumUsesLimit: 4 }),
    ]);
    expect([a.status, b.status]).toEqual([200, 200]);
    expect(await retrieve(identityId)).toEqual(
      answered(configOf(identityId, { accessTokenTTL: 60, accessTokenNumUsesLimit: 4 })),
    );
  });

  it('leaves tokens that exist with the lifetimes they were signed for', async () => {
    const { identityId, tokenId } = await latchkey.given.token({ policy: { accessTokenTTL: 600 } });
    const before = await get(tokenId);
    done(await update(identityId, { accessTokenTTL: 60, accessTokenMaxTTL: 60, accessTokenNumUsesLimit: 1 }));
    expect(await get(tokenId)).toEqual(answered(before.body));
  });
});

describe('removing token auth', () => {
  it('answers the configuration it removed, also to a DELETE with a JSON body', async () => {
    const identityId = await attached({ accessTokenTTL: 60 });
    const before = await retrieve(identityId);
    const answer = await latchkey.admin.delete(`${IDENTITIES}/${identityId}`, { identityId });
    expect(answer).toEqual(answered(before.body));
    expect(await retrieve(identityId)).toEqual(
      refused(404, 'NotFound', 'Token Auth configuration not found for identity'),
    );
  });

  it('kills its tokens at once, shows them as revoked, and attaching it anew revives none', async () => {
    const { identityId, tokenId, api } = await latchkey.given.token();
    expect((await api.get(DETAILS)).status).toBe(200);
    done(await remove(identityId));

    expect(await api.get(DETAILS)).toEqual(
      refused(401, 'UnauthorizedError', 'Failed to authorize: auth method has been revoked'),
    );
    const shown = await get(tokenId);
    expect(shown.body.token).toMatchObject({ id: tokenId, isAccessTokenRevoked: true });

    done(await attach(identityId, {}));
    const fresh = await latchkey.given.tokenFor(identityId);
    expect((await fresh.api.get(DETAILS)).status).toBe(200);
    expect((await api.get(DETAILS)).status).toBe(401);
    const { tokens } = done(await list(identityId)) as { tokens: { id: string; isAccessTokenRevoked: boolean }[] };
    expect(tokens.map(({ id, isAccessTokenRevoked }) => [id, isAccessTokenRevoked])).toEqual([
      [fresh.tokenId, false],
      [tokenId, true],
    ]);
  });

  it('leaves the tokens of other identities alone', async () => {
    const [gone, kept] = [await latchkey.given.token(), await latchkey.given.token()];
    done(await remove(gone.identityId));
    expect((await kept.api.get(DETAILS)).status).toBe(200);
  });

  it('lets no token through that is being made at the same moment', async () => {
    const identityId = await attached();
    const made = await Promise.all([
      ...Array.from({ length: 6 }, () => create(identityId, {})),
      remove(identityId),
      ...Array.from({ length: 6 }, () => create(identityId, {})),
    ]);
    const tokens = made.flatMap(({ body }) => (body.accessToken as string | undefined) ?? []);
    const uses = await Promise.all(tokens.map((token) => latchkey.as(token).get(DETAILS)));
    expect(uses.filter(({ status }) => status !== 401)).toEqual([]);
  });
});

describe('an identity without token auth', () => {
  it.each<[what: string, message: string, call: (id: string) => Promise<Answer>]>([
    ['updated', 'The identity does not have token auth', (id) => update(id, { accessTokenTTL: 60 })],
    ['removed', 'The identity does not have Token Auth', remove],
    ['asked for a token', 'The identity does not have Token Auth', (id) => create(id, {})],
    ['asked for its tokens', 'The identity does not have Token Auth', (id) => list(id)],
  ])('says so with 400 when it is %s', async (_what, message, call) => {
    expect(await call(await latchkey.given.identity())).toEqual(refused(400, 'BadRequest', message));
  });

  it('says so with 404 when the configuration is asked for, so that Terraform drops it', async () => {
    expect(await retrieve(await latchkey.given.identity())).toEqual(
      refused(404, 'NotFound', 'Token Auth configuration not found for identity'),
    );
  });

  it('still shows a token that was made before, but renames none', async () => {
    const { identityId, tokenId } = await latchkey.given.token({ name: 'old' });
    done(await remove(identityId));
    const shown = await get(tokenId);
    expect(shown).toEqual(
      answered({ token: tokenDataOf(identityId, { id: tokenId, name: 'old', isAccessTokenRevoked: true }) }),
    );
    expect(await rename(tokenId, { name: 'new' })).toEqual(
      refused(400, 'BadRequest', 'The identity does not have Token Auth'),
    );
    expect(await revoke(tokenId)).toEqual(
      refused(404, 'NotFound', `Token with ID ${tokenId} not found or already revoked`),
    );
    expect(await get(tokenId)).toEqual(answered(shown.body));
  });
});

describe('creating a token', () => {
  it('answers the token, how long it lives and what its managers will see', async () => {
    const identityId = await attached({ accessTokenTTL: 3600, accessTokenMaxTTL: 86400, accessTokenNumUsesLimit: 5 });
    const answer = await create(identityId, { name: 'ci-runner' });
    expect(answer).toEqual(
      answered({
        accessToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]{43}$/),
        expiresIn: 3600,
        accessTokenMaxTTL: 86400,
        tokenType: 'Bearer',
        tokenData: tokenDataOf(identityId, {
          accessTokenTTL: 3600,
          accessTokenMaxTTL: 86400,
          accessTokenNumUsesLimit: 5,
          name: 'ci-runner',
        }),
      }),
    );
    const { createdAt, updatedAt } = answer.body.tokenData as Record<string, string>;
    expect(updatedAt).toBe(createdAt);
  });

  it('signs exactly the claims of the contract, with a header of three members', async () => {
    const identityId = await latchkey.given.identity({ name: 'deployer-eu' });
    await latchkey.given.tokenAuth(identityId, { accessTokenTTL: 3600, accessTokenMaxTTL: 86400 });
    const { accessToken, tokenData } = done(await create(identityId, {}));
    const creationEpoch = Math.floor(Date.parse(tokenData.createdAt as string) / 1000);
    const { header, payload } = decode(accessToken as string, { complete: true })!;
    expect(header).toEqual({ alg: 'HS256', typ: 'JWT', kid: expect.stringMatching(/^[\w-]{12}$/) });
    expect(payload).toEqual({
      jti: tokenData.id,
      identityAccessTokenId: tokenData.id,
      iat: creationEpoch,
      exp: creationEpoch + 3600,
      authTokenType: 'identityAccessToken',
      identityId,
      identityName: 'deployer-eu',
      authMethod: 'token-auth',
      identityAuth: {},
      orgId: latchkey.given.organizationId,
      rootOrgId: latchkey.given.organizationId,
      parentOrgId: latchkey.given.organizationId,
      clientSecretId: '',
      ipRestrictionEnabled: false,
      accessTokenTTL: 3600,
      accessTokenMaxTTL: 86400,
      accessTokenPeriod: 0,
      creationEpoch,
    });
  });

  it('says in the claims that uses are limited and addresses restricted when they are', async () => {
    const accessTokenTrustedIps = [{ ipAddress: '127.0.0.0/8' }];
    const { accessToken } = await latchkey.given.token({
      policy: { accessTokenNumUsesLimit: 9, accessTokenTrustedIps },
    });
    expect(decode(accessToken)).toMatchObject({ numUsesLimit: 9, ipRestrictionEnabled: true });
  });

  it.each([
    ['one address family alone', [{ ipAddress: '0.0.0.0/0' }], true],
    ['both families, the other way round', [{ ipAddress: '::/0' }, { ipAddress: '0.0.0.0/0' }], false],
    [
      'both families and one address more',
      [{ ipAddress: '::/0' }, { ipAddress: '10.0.0.1' }, { ipAddress: '0.0.0.0/0' }],
      false,
    ],
  ])('tells a restriction from none: %s', async (_what, accessTokenTrustedIps, ipRestrictionEnabled) => {
    const { accessToken } = await latchkey.given.token({ policy: { accessTokenTrustedIps } });
    expect(decode(accessToken)).toMatchObject({ ipRestrictionEnabled });
  });

  it.each([
    ['no body', undefined, undefined],
    ['{}', {}, undefined],
    ['an empty JSON body', '', { 'content-type': 'application/json' }],
    ['only keys nobody knows', { identityId: UNKNOWN, tokenId: 7, accessTokenTTL: 1 }, undefined],
  ])('leaves the name null for %s', async (_what, body, headers) => {
    const identityId = await attached();
    expect((await create(identityId, body, headers)).body.tokenData).toEqual(tokenDataOf(identityId));
  });

  it('takes a form for JSON', async () => {
    const identityId = await attached();
    const answer = await create(identityId, 'name=ci%20runner&identityId=x', {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(answer.body.tokenData).toEqual(tokenDataOf(identityId, { name: 'ci runner' }));
  });

  it.each([
    ['a name with white space at both ends, trimmed', ' \t\n ci \r\n', 'ci'],
    ['a name of one character', 'x', 'x'],
    ['a name of 255 characters', 'x'.repeat(255), 'x'.repeat(255)],
    ['a name of 255 characters and white space', ` ${'x'.repeat(255)} `, 'x'.repeat(255)],
    ['a name in any script', 'Zoë 日本 🚀 العربية', 'Zoë 日本 🚀 العربية'],
    ['a name that looks like code', `'); DROP TABLE identities; -- <script>`, `'); DROP TABLE identities; -- <script>`],
    ['the name __proto__', '__proto__', '__proto__'],
  ])('takes %s', async (_what, sent, name) => {
    const identityId = await attached();
    const { tokenData } = done(await create(identityId, { name: sent }));
    expect(tokenData).toEqual(tokenDataOf(identityId, { name }));
    expect(await get(tokenData.id as string)).toEqual(answered({ token: tokenData }));
  });

  it('keeps the time and the method of the last login on the membership', async () => {
    const { identityId, tokenId } = await latchkey.given.token();
    const { token } = done(await get(tokenId));
    const { identity } = done(await latchkey.admin.get(`/api/v1/identities/${identityId}`));
    expect(identity).toMatchObject({ lastLoginAuthMethod: 'token-auth', lastLoginTime: token.createdAt });
  });

  it('takes the slug of the own organization for no slug, and knows no other', async () => {
    const identityId = await attached();
    const slugs = await latchkey.dataSource.query<{ id: string; slug: string }[]>(
      'SELECT id, slug FROM latchkey.organizations',
    );
    const slugOf = (wanted: string) => slugs.find(({ id }) => id === wanted)?.slug;
    const own = slugOf(latchkey.given.organizationId);
    expect((await create(identityId, { organizationSlug: own })).status).toBe(200);
    for (const slug of [slugOf(other.organizationId), 'no-such-organization', own?.toUpperCase()]) {
      expect(await create(identityId, { organizationSlug: slug })).toEqual(
        refused(404, 'NotFound', `Sub organization with slug ${slug} not found`),
      );
    }
    expect(done(await list(identityId)).totalCount).toBe(1);
  });

  it.each([
    ['empty', '', 'too_small', 'String must contain at least 1 character(s)'],
    ['too long', 'x'.repeat(65), 'too_big', 'String must contain at most 64 character(s)'],
    ['of other characters', 'a b', 'invalid_string', 'Expected letters, digits, _ or -'],
    ['a number', 7, 'invalid_type', 'Expected string, received number'],
  ])('refuses a slug that is %s with 422', async (_what, organizationSlug, code, message) => {
    const identityId = await attached();
    expect(await create(identityId, { organizationSlug })).toEqual(invalid([code, ['organizationSlug'], message]));
  });
});

describe('the lifetime of a new token', () => {
  it.each([
    ['no limits: the ceiling', { accessTokenTTL: 0, accessTokenMaxTTL: 0 }, 7776000],
    ['a TTL under a max TTL: the TTL', { accessTokenTTL: 600, accessTokenMaxTTL: 3600 }, 600],
    ['a TTL alone: the TTL', { accessTokenTTL: 600, accessTokenMaxTTL: 0 }, 600],
    ['a max TTL alone: the max TTL', { accessTokenTTL: 0, accessTokenMaxTTL: 3600 }, 3600],
    ['a TTL above the ceiling: the ceiling', { accessTokenTTL: 7786000, accessTokenMaxTTL: 0 }, 7776000],
    ['a max TTL above the ceiling: the ceiling', { accessTokenTTL: 0, accessTokenMaxTTL: 7826000 }, 7776000],
    ['one second', { accessTokenTTL: 1, accessTokenMaxTTL: 1 }, 1],
  ])('is, for %s', async (_what, policy, seconds) => {
    const identityId = await attached(policy);
    const answer = done(await create(identityId, {}));
    const { accessTokenMaxTTL } = policy;
    expect(answer).toEqual({
      accessToken: expect.any(String),
      expiresIn: seconds,
      accessTokenMaxTTL,
      tokenType: 'Bearer',
      tokenData: tokenDataOf(identityId, { accessTokenTTL: seconds, accessTokenMaxTTL }),
    });
    const { iat = 0, exp, accessTokenTTL } = decode(answer.accessToken as string) as Record<string, number>;
    expect({ exp, accessTokenTTL }).toEqual({ exp: iat + seconds, accessTokenTTL: policy.accessTokenTTL });
  });
});

const badNames: [what: string, name: unknown, code: string, message: string][] = [
  ['empty', '', 'too_small', 'String must contain at least 1 character(s)'],
  ['nothing but white space', ' \t ', 'too_small', 'String must contain at least 1 character(s)'],
  ['of 256 characters', 'x'.repeat(256), 'too_big', 'String must contain at most 255 character(s)'],
  ['a number', 7, 'invalid_type', 'Expected string, received number'],
  ['null', null, 'invalid_type', 'Expected string, received null'],
  ['a list', ['x'], 'invalid_type', 'Expected string, received array'],
  ['an object', { a: 1 }, 'invalid_type', 'Expected string, received object'],
  ['with a NUL in it', 'a\u0000b', 'invalid_string', 'String must not contain control characters'],
  ['of two lines', 'a\nb', 'invalid_string', 'String must not contain control characters'],
  ['with an escape in it', 'a\u001b[2Jb', 'invalid_string', 'String must not contain control characters'],
];

describe('a name', () => {
  it.each(badNames)('that is %s is refused with 422, on create and on update', async (_what, name, code, message) => {
    const { identityId, tokenId } = await latchkey.given.token({ name: 'good' });
    const before = await get(tokenId);
    expect(await create(identityId, { name })).toEqual(invalid([code, ['name'], message]));
    expect(await rename(tokenId, { name })).toEqual(invalid([code, ['name'], message]));
    expect(await get(tokenId)).toEqual(answered(before.body));
    expect(done(await list(identityId)).totalCount).toBe(1);
  });

  it('with half a character in it is refused with 422', async () => {
    const { tokenId } = await latchkey.given.token();
    expect(await rename(tokenId, '{"name":"a\\ud800b"}')).toEqual(
      invalid(['invalid_string', ['name'], 'String must not contain NUL or lone surrogates']),
    );
  });
});

describe('updating a token', () => {
  it('gives it another name and a later time of change, and leaves everything else', async () => {
    const { tokenId } = await latchkey.given.token({ name: 'old' });
    const { token } = done(await get(tokenId));
    latchkey.clock.advance(60);
    const answer = await rename(tokenId, {
      name: '  new  ',
      tokenId: UNKNOWN,
      isAccessTokenRevoked: true,
      id: UNKNOWN,
    });
    expect(answer).toEqual(answered({ token: { ...token, name: 'new', updatedAt: TIME } }));
    expect(Date.parse(answer.body.token.updatedAt as string)).toBeGreaterThanOrEqual(
      Date.parse(token.updatedAt as string) + 60_000,
    );
    expect(await get(tokenId)).toEqual(answered(answer.body));
  });

  it.each([['{}'], [undefined], ['{"tokenId":"x","accessTokenTTL":1}']])(
    'changes nothing at all for %s',
    async (body) => {
      const { tokenId } = await latchkey.given.token({ name: 'kept' });
      const before = await get(tokenId);
      latchkey.clock.advance(60);
      expect(await rename(tokenId, body)).toEqual(answered(before.body));
      expect(await get(tokenId)).toEqual(answered(before.body));
    },
  );

  it('renames a revoked token too, and does not revive it', async () => {
    const { tokenId, api } = await latchkey.given.token();
    done(await revoke(tokenId));
    expect((await rename(tokenId, { name: 'late' })).body.token).toMatchObject({
      name: 'late',
      isAccessTokenRevoked: true,
    });
    expect((await api.get(DETAILS)).status).toBe(401);
  });

  it('renames an expired token too', async () => {
    const { tokenId } = await latchkey.given.token({ policy: { accessTokenTTL: 60 } });
    latchkey.clock.advance(61);
    expect((await rename(tokenId, { name: 'late' })).status).toBe(200);
  });
});

describe('getting a token by way of its identity, as older clients do', () => {
  const getOf = (identityId: string, tokenId: string) =>
    latchkey.admin.get(`${IDENTITIES}/${identityId}/tokens/${tokenId}`);

  it('answers what getting it by its id answers, revoked or not, however the ids are written', async () => {
    const { identityId, tokenId } = await latchkey.given.token({ name: 'old' });
    expect(await getOf(identityId, tokenId)).toEqual(answered((await get(tokenId)).body));
    expect(await getOf(identityId.toUpperCase(), tokenId.toUpperCase())).toEqual(answered((await get(tokenId)).body));
    await revoke(tokenId);
    expect(done(await getOf(identityId, tokenId)).token).toMatchObject({ id: tokenId, isAccessTokenRevoked: true });
  });

  it('is 404 like an unknown token when it is of another identity, though both are there', async () => {
    const [one, two] = [await latchkey.given.token(), await latchkey.given.token()];
    const foreign = await other.given.token();
    for (const [identityId, tokenId] of [
      [two.identityId, one.tokenId],
      [one.identityId, two.tokenId],
      [foreign.identityId, one.tokenId],
      [one.identityId, foreign.tokenId],
      [foreign.identityId, foreign.tokenId],
      [one.identityId, UNKNOWN],
      [UNKNOWN, one.tokenId],
      ['nope', one.tokenId],
      [one.tokenId, one.tokenId],
      [`%7B${one.identityId}%7D`, one.tokenId],
    ] as const) {
      expect(await getOf(identityId, tokenId)).toEqual(refused(404, 'NotFound', `Token with ID ${tokenId} not found`));
    }
  });
});

describe('revoking a token by its id', () => {
  it.each([
    ['no body', undefined],
    ['a body nobody asked for', { tokenId: UNKNOWN, name: 7 }],
  ])('kills it for its very next use, with %s', async (_what, body) => {
    const { tokenId, api } = await latchkey.given.token();
    expect((await api.get(DETAILS)).status).toBe(200);
    expect(await revoke(tokenId, body)).toEqual(answered(REVOKED));
    expect(await api.get(DETAILS)).toEqual(
      refused(401, 'UnauthorizedError', 'Failed to authorize: token has been revoked'),
    );
  });

  it('leaves it visible as revoked, everywhere alike, with the time of the change', async () => {
    const { tokenId, identityId } = await latchkey.given.token({ name: 'gone' });
    const { token } = done(await get(tokenId));
    latchkey.clock.advance(60);
    done(await revoke(tokenId));
    const shown = await get(tokenId);
    expect(shown).toEqual(answered({ token: { ...token, isAccessTokenRevoked: true, updatedAt: TIME } }));
    expect(shown.body.token.updatedAt).not.toBe(token.updatedAt);
    expect(await list(identityId)).toEqual(answered({ tokens: [shown.body.token], totalCount: 1, nextCursor: null }));
  });

  it('is 404 the second time, and after a revocation by the token itself', async () => {
    const { identityId, tokenId } = await latchkey.given.token();
    const { tokenId: second, accessToken } = await latchkey.given.tokenFor(identityId);
    done(await revoke(tokenId));
    done(await latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken }));
    for (const id of [tokenId, second]) {
      expect(await revoke(id)).toEqual(refused(404, 'NotFound', `Token with ID ${id} not found or already revoked`));
    }
  });

  it('succeeds once, however many ask at the same moment', async () => {
    const { tokenId } = await latchkey.given.token();
    const answers = await Promise.all(Array.from({ length: 12 }, () => revoke(tokenId)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 11 }, () => 404)]);
  });

  it('leaves the other tokens of the identity alone', async () => {
    const { identityId, tokenId } = await latchkey.given.token();
    const { api } = await latchkey.given.tokenFor(identityId);
    done(await revoke(tokenId));
    expect((await api.get(DETAILS)).status).toBe(200);
  });
});

describe('the list of tokens', () => {
  let identityId: string;
  let ids: string[];

  beforeAll(async () => {
    identityId = await attached();
    ids = [];
    for (let n = 0; n < 7; n++) {
      latchkey.clock.advance(n);
      ids.unshift((await latchkey.given.tokenFor(identityId, { name: `token ${n}` })).tokenId);
    }
    // Three made in one millisecond: the API cannot be made to.
    const tied = ids.slice(2, 5);
    const at = new Date(Date.parse(done(await get(tied[1]!)).token.createdAt as string));
    await latchkey.dataSource.query('UPDATE latchkey.identity_access_tokens SET created_at = $2 WHERE id = ANY ($1)', [
      tied,
      at,
    ]);
    ids.splice(2, 3, ...[...tied].sort().reverse());
  });

  const idsOf = (body: Answer['body']) => (body.tokens as { id: string }[]).map(({ id }) => id);

  it('is ordered by creation, then id, newest first, with the total', async () => {
    const { body } = await list(identityId);
    expect(idsOf(body)).toEqual(ids);
    expect(body).toEqual({ tokens: expect.any(Array), totalCount: 7, nextCursor: null });
    expect(body.tokens[0]).toEqual(tokenDataOf(identityId, { id: ids[0], name: 'token 6' }));
  });

  it('keeps its order when a token is renamed or revoked', async () => {
    done(await rename(ids[3]!, { name: 'renamed' }));
    done(await revoke(ids[5]!));
    expect(idsOf((await list(identityId)).body)).toEqual(ids);
  });

  it.each([
    ['?limit=3', 0, 3],
    ['?offset=2&limit=3', 2, 5],
    ['?offset=5', 5, 7],
    ['?offset=6&limit=1', 6, 7],
    ['?offset=7', 7, 7],
    ['?offset=2147483647&limit=100', 7, 7],
    ['?limit=100&unknown=key', 0, 7],
  ])('answers the part that %s asks for', async (query, from, to) => {
    const { body } = await list(identityId, query);
    const nextCursor = to < 7 ? expect.any(String) : null;
    expect({ ...body, tokens: idsOf(body) }).toEqual({ tokens: ids.slice(from, to), totalCount: 7, nextCursor });
  });

  it.each([1, 2, 3, 6, 7])('is walked whole, without a double, by cursor in pages of %i', async (limit) => {
    const seen: string[] = [];
    let query = `?limit=${limit}`;
    for (let pages = 0; pages < 8; pages++) {
      const { body } = await list(identityId, query);
      expect(body.totalCount).toBe(7);
      seen.push(...idsOf(body));
      if (body.nextCursor === null) break;
      query = `?limit=${limit}&cursor=${encodeURIComponent(body.nextCursor as string)}`;
    }
    expect(seen).toEqual(ids);
  });

  it('holds a walk still while tokens are being added', async () => {
    const { identityId: growing } = await latchkey.given.token();
    await latchkey.given.tokenFor(growing);
    const first = done(await list(growing, '?limit=1'));
    const late = await latchkey.given.tokenFor(growing);
    const second = done(await list(growing, `?limit=5&cursor=${first.nextCursor}`));
    expect([...idsOf(first), ...idsOf(second)]).not.toContain(late.tokenId);
    expect(second).toEqual({ tokens: [expect.any(Object)], totalCount: 3, nextCursor: null });
  });

  it.each<[query: string, ...issue: Parameters<typeof invalid>[0]]>([
    ['?limit=0', 'too_small', ['limit'], 'Number must be greater than or equal to 1'],
    ['?limit=101', 'too_big', ['limit'], 'Number must be less than or equal to 100'],
    ['?limit=-1', 'too_small', ['limit'], 'Number must be greater than or equal to 1'],
    ['?limit=1.5', 'invalid_type', ['limit'], 'Expected a whole number from 1 to 100'],
    ['?limit=', 'invalid_type', ['limit'], 'Expected a whole number from 1 to 100'],
    ['?limit=abc', 'invalid_type', ['limit'], 'Expected a whole number from 1 to 100'],
    ['?limit=1e1', 'invalid_type', ['limit'], 'Expected a whole number from 1 to 100'],
    ['?limit=1&limit=2', 'invalid_type', ['limit'], 'Expected a whole number from 1 to 100'],
    ['?offset=-1', 'too_small', ['offset'], 'Number must be greater than or equal to 0'],
    ['?offset=2147483648', 'too_big', ['offset'], 'Number must be less than or equal to 2147483647'],
    ['?offset=99999999999999999999', 'too_big', ['offset'], 'Number must be less than or equal to 2147483647'],
    ['?offset=0.5', 'invalid_type', ['offset'], 'Expected a whole number from 0 to 2147483647'],
    ['?cursor=', 'too_small', ['cursor'], 'String must contain at least 1 character(s)'],
    ['?cursor=nonsense', 'invalid_string', ['cursor'], 'Not a cursor of this list'],
    [`?cursor=${'x'.repeat(201)}`, 'too_big', ['cursor'], 'String must contain at most 200 character(s)'],
    ['?cursor=a&cursor=b', 'invalid_type', ['cursor'], 'Expected string, received array'],
  ])('refuses %s with 422', async (query, ...issue) => {
    expect(await list(identityId, query)).toEqual(invalid(issue));
  });

  it.each([
    ['with nothing in it', ':'],
    ['with no id', '1764000000000:'],
    ['with an id that is none', "1764000000000:' OR 1=1"],
    ['with no time', `:${UNKNOWN}`],
    ['with a time before all time', `-1:${UNKNOWN}`],
    ['with a time beyond all digits', `9999999999999999:${UNKNOWN}`],
  ])('refuses a forged cursor %s with 422', async (_what, text) => {
    const cursor = Buffer.from(text).toString('base64url');
    expect(await list(identityId, `?cursor=${cursor}`)).toEqual(
      invalid(['invalid_string', ['cursor'], 'Not a cursor of this list']),
    );
  });

  it.each([['0'], ['999999999999999']])('answers a forged cursor at the time %s like any other', async (millis) => {
    const cursor = Buffer.from(`${millis}:${UNKNOWN}`).toString('base64url');
    const { status, body } = await list(identityId, `?cursor=${cursor}`);
    expect([status, idsOf(body)]).toEqual([200, millis === '0' ? [] : ids]);
  });

  it('is empty, not an error, for an identity that has no token yet', async () => {
    expect(await list(await attached())).toEqual(answered({ tokens: [], totalCount: 0, nextCursor: null }));
  });
});

describe('the token itself', () => {
  it('is answered by the call that makes it and by no other', async () => {
    const { identityId, tokenId, accessToken } = await latchkey.given.token();
    const answers = [
      await get(tokenId),
      await list(identityId),
      await retrieve(identityId),
      await rename(tokenId, { name: 'x' }),
      await update(identityId, { accessTokenTTL: 60 }),
      await revoke(tokenId),
      await remove(identityId),
    ];
    const [head, payload, signature] = accessToken.split('.');
    for (const { status, body } of answers) {
      expect(status).toBe(200);
      const text = JSON.stringify(body);
      for (const part of [payload, signature, `${head}.`]) expect(text).not.toContain(part);
    }
  });

  it('may be kept by nobody on the way', async () => {
    const { identityId, accessToken } = await latchkey.given.token();
    const bearing = [
      await create(identityId, {}),
      await latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken }),
      await latchkey.admin.post('/api/v2/organizations', { name: 'No Store' }),
    ];
    expect(bearing.map(({ status, headers }) => [status, headers.get('cache-control')])).toEqual(
      bearing.map(() => [200, 'no-store']),
    );
  });
});

interface Call {
  readonly what: string;
  readonly permission: string;
  /** The words of the boundary's refusal; absent for calls that only read. */
  readonly boundary?: string;
  readonly missing: (identityId: string, tokenId: string) => string;
  readonly call: (api: ApiClient, identityId: string, tokenId: string) => Promise<Answer>;
}

const noIdentity = (identityId: string) => `Failed to find identity with ID ${identityId}`;
const noToken = (_: string, tokenId: string) => `Token with ID ${tokenId} not found`;

const CALLS: Call[] = [
  {
    what: 'attach',
    permission: 'edit-auth',
    boundary: 'add token auth to identity',
    missing: noIdentity,
    call: (api, id) => api.post(`${IDENTITIES}/${encodeURIComponent(id)}`, {}),
  },
  {
    what: 'update',
    permission: 'edit-auth',
    boundary: 'update token auth of identity',
    missing: noIdentity,
    call: (api, id) => api.patch(`${IDENTITIES}/${encodeURIComponent(id)}`, { accessTokenTTL: 1 }),
  },
  {
    what: 'retrieve',
    permission: 'read',
    missing: noIdentity,
    call: (api, id) => api.get(`${IDENTITIES}/${encodeURIComponent(id)}`),
  },
  {
    what: 'remove',
    permission: 'revoke-auth',
    boundary: 'revoke token auth of identity',
    missing: noIdentity,
    call: (api, id) => api.delete(`${IDENTITIES}/${encodeURIComponent(id)}`),
  },
  {
    what: 'create token',
    permission: 'create-token',
    boundary: 'create token for identity',
    missing: noIdentity,
    call: (api, id) => api.post(`${IDENTITIES}/${encodeURIComponent(id)}/tokens`, { name: 'mine' }),
  },
  {
    what: 'list tokens',
    permission: 'read',
    missing: noIdentity,
    call: (api, id) => api.get(`${IDENTITIES}/${encodeURIComponent(id)}/tokens`),
  },
  {
    what: 'get token',
    permission: 'read',
    missing: noToken,
    call: (api, _, id) => api.get(`${TOKENS}/${encodeURIComponent(id)}`),
  },
  {
    what: 'update token',
    permission: 'create-token',
    boundary: 'update token for identity',
    missing: noToken,
    call: (api, _, id) => api.patch(`${TOKENS}/${encodeURIComponent(id)}`, { name: 'mine' }),
  },
  {
    what: 'revoke token',
    permission: 'edit',
    boundary: 'revoke token of identity',
    missing: (_, tokenId) => `Token with ID ${tokenId} not found or already revoked`,
    call: (api, _, id) => api.post(`${TOKENS}/${encodeURIComponent(id)}/revoke`),
  },
];
const CHANGES = CALLS.filter(({ boundary }) => boundary !== undefined);

describe.each(CALLS)('$what', ({ what, permission, missing, call }) => {
  it('is closed to a caller without a token', async () => {
    const { identityId, tokenId } = await latchkey.given.token();
    const answer = await call(latchkey.anonymous, identityId, tokenId);
    expect(answer).toEqual(refused(401, 'UnauthorizedError', 'Token missing'));
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('asks for its permission before it looks whether anything is there, or how it stands', async () => {
    const nobody = await latchkey.given.token({ role: 'no-access' });
    const target = await latchkey.given.token();
    const refusal = refused(403, 'PermissionDenied', `You are not allowed to ${permission} on identity`, []);
    for (const [identityId, tokenId] of [
      [target.identityId, target.tokenId],
      [UNKNOWN, UNKNOWN],
      ['nope', 'nope'],
      [await latchkey.given.identity(), UNKNOWN],
    ] as const) {
      expect(await call(nobody.api, identityId, tokenId)).toEqual(refusal);
    }
  });

  it.each(NONSENSE)('answers 404 for the id %j', async (id) => {
    expect(await call(latchkey.admin, id, id)).toEqual(refused(404, 'NotFound', missing(id, id)));
  });

  it('answers 404 for an id of 2000 characters', async () => {
    const id = 'a'.repeat(2000);
    expect((await call(latchkey.admin, id, id)).status).toBe(404);
  });

  it('tells another organization exactly what it tells about an id that does not exist', async () => {
    const { identityId, tokenId } = await latchkey.given.token({ name: 'ours' });
    const before = [await retrieve(identityId), await list(identityId)].map(({ body }) => body as unknown);
    const foreign = await call(other.admin, identityId, tokenId);
    expect(foreign).toEqual(refused(404, 'NotFound', missing(identityId, tokenId)));
    expect(await call(other.admin, UNKNOWN, UNKNOWN)).toEqual(refused(404, 'NotFound', missing(UNKNOWN, UNKNOWN)));
    expect([await retrieve(identityId), await list(identityId)].map(({ body }) => body as unknown)).toEqual(before);
  });

  it('is open to a member', async () => {
    const member = await latchkey.given.token({ role: 'member' });
    const identityId = what === 'attach' ? await latchkey.given.identity() : await attached();
    const tokenId = what.endsWith('token') ? (await latchkey.given.tokenFor(identityId)).tokenId : UNKNOWN;
    expect((await call(member.api, identityId, tokenId)).status).toBe(200);
  });
});

describe.each(CHANGES)('$what', ({ boundary, call }) => {
  it('is refused to a caller who holds less than the target, and changes nothing', async () => {
    const member = await latchkey.given.token({ role: 'member' });
    const target = await latchkey.given.token({ role: 'admin', name: 'target' });
    const before = [await retrieve(target.identityId), await list(target.identityId)].map(
      ({ body }) => body as unknown,
    );
    expect(await call(member.api, target.identityId, target.tokenId)).toEqual(
      refused(
        403,
        'PermissionBoundaryError',
        `Failed to ${boundary} with more privileged role. Actor privilege level is not high enough to perform this action`,
        { missingPermissions: expect.arrayContaining([{ action: 'grant-privileges', subject: 'identity' }]) },
      ),
    );
    const after = [await retrieve(target.identityId), await list(target.identityId)].map(({ body }) => body as unknown);
    expect(after).toEqual(before);
  });

  it('is refused for an instance admin identity to everybody who is none', async () => {
    const [instanceAdmin] = await latchkey.dataSource.query<[{ identity_id: string; id: string }]>(
      'SELECT t.identity_id, t.id FROM latchkey.identity_access_tokens t JOIN latchkey.identities i ON i.id = t.identity_id WHERE i.is_instance_admin',
    );
    const organizationAdmin = await latchkey.given.token({ role: 'admin' });
    expect(await call(organizationAdmin.api, instanceAdmin.identity_id, instanceAdmin.id)).toEqual(
      refused(
        403,
        'ForbiddenError',
        'You are attempting to modify an instance admin identity. This requires elevated instance admin privileges',
      ),
    );
    expect((await latchkey.admin.get(DETAILS)).status).toBe(200);
  });
});
