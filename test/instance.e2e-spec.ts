import { randomUUID } from 'node:crypto';
import { type Answer, answered, invalid, refused } from './support/api-client';
import { done } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { snapshot } from './support/snapshot';

const BOOTSTRAP = '/api/v1/admin/bootstrap';
const DETAILS = '/api/v1/identities/details';
const PERSON = { email: 'root@acme.test', password: 'correct horse', organization: 'Acme' };

const aUuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const aTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const aJwt = expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/);
const aSlug = (name: string) => expect.stringMatching(new RegExp(`^${name}-[a-z0-9]{6}$`));

const ALREADY = refused(400, 'BadRequest', 'Instance has already been set up');
const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>;

describe('an installation that has not been set up', () => {
  let latchkey: TestLatchkey;

  beforeAll(async () => {
    latchkey = await startLatchkey({}, { isBootstrapped: false });
  });
  beforeEach(() =>
    latchkey.dataSource.query(
      'TRUNCATE latchkey.organizations, latchkey.users, latchkey.identity_access_tokens CASCADE; UPDATE latchkey.instance SET initialized_at = NULL',
    ),
  );
  afterAll(() => latchkey.stop());

  const bootstrap = (body: object = PERSON): Promise<Answer> => latchkey.anonymous.post(BOOTSTRAP, body);
  const count = async (table: string) => {
    const [row] = await latchkey.dataSource.query<[{ count: number }]>(`SELECT count(*)::int AS count FROM ${table}`);
    return row.count;
  };

  it('is set up with every field of the contract, in an answer nobody on the way may keep', async () => {
    const answer = await bootstrap();
    expect(answer).toEqual(
      answered({
        message: 'Successfully bootstrapped instance',
        user: {
          username: 'root@acme.test',
          firstName: 'Admin',
          lastName: 'User',
          email: 'root@acme.test',
          id: aUuid,
          superAdmin: true,
        },
        organization: { id: aUuid, name: 'Acme', slug: aSlug('acme') },
        identity: { id: aUuid, name: 'Instance Admin Identity', credentials: { token: aJwt } },
      }),
    );
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('has an admin afterwards whose identity, token auth and token are what the contract says', async () => {
    const { identity, organization } = done(await bootstrap());
    const admin = latchkey.as(identity.credentials.token as string);
    const identityId = identity.id as string;

    expect(await admin.get(DETAILS)).toEqual(answered({ identityDetails: { organization } }));
    expect(done(await admin.get(`/api/v1/identities/${identityId}`)).identity).toEqual({
      id: aUuid,
      role: 'admin',
      roleId: null,
      orgId: organization.id,
      createdAt: aTime,
      updatedAt: aTime,
      identityId,
      lastLoginAuthMethod: 'token-auth',
      lastLoginTime: aTime,
      identity: {
        id: identityId,
        name: 'Instance Admin Identity',
        hasDeleteProtection: false,
        orgId: organization.id,
        authMethods: ['token-auth'],
        activeLockoutAuthMethods: [],
        createdAt: aTime,
        updatedAt: aTime,
      },
      metadata: [],
    });
    const methods = `/api/v1/auth/token-auth/identities/${identityId}`;
    expect(done(await admin.get(methods)).identityTokenAuth).toMatchObject({
      accessTokenTTL: 0,
      accessTokenMaxTTL: 0,
      accessTokenNumUsesLimit: 0,
      accessTokenTrustedIps: [
        { type: 'ipv4', prefix: 0, ipAddress: '0.0.0.0' },
        { type: 'ipv6', prefix: 0, ipAddress: '::' },
      ],
    });
  });

  it('issues its first token on the normal path: a row, an expiry under the ceiling, renewable, revocable', async () => {
    const { identity } = done(await bootstrap());
    const accessToken = identity.credentials.token as string;
    const admin = latchkey.as(accessToken);
    const claims = claimsOf(accessToken);
    expect((claims.exp as number) - (claims.iat as number)).toBe(7_776_000);

    const { tokens, totalCount } = done(
      await admin.get(`/api/v1/auth/token-auth/identities/${identity.id as string}/tokens`),
    );
    expect(totalCount).toBe(1);
    expect(tokens[0]).toMatchObject({
      id: claims.jti,
      name: 'Instance Admin Token',
      accessTokenTTL: 7_776_000,
      accessTokenMaxTTL: 0,
      accessTokenNumUsesLimit: 0,
      isAccessTokenRevoked: false,
      identityId: identity.id,
      authMethod: 'token-auth',
    });
    const renewed = done(await latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken }));
    expect((await latchkey.as(renewed.accessToken as string).get(DETAILS)).status).toBe(200);
    // The last one of the only administrator is kept.
    done(await admin.post(`/api/v1/auth/token-auth/identities/${identity.id as string}/tokens`));
    expect((await latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken })).status).toBe(200);
    expect((await admin.get(DETAILS)).status).toBe(401);
  });

  it('is set up once only: the second call is refused, whatever it says, and changes nothing', async () => {
    done(await bootstrap());
    const before = await snapshot(latchkey.dataSource);
    expect(await bootstrap()).toEqual(ALREADY);
    expect(await bootstrap({ email: 'other@acme.test', password: 'p', organization: 'Other' })).toEqual(ALREADY);
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
  });

  it('is set up by exactly one of twenty calls at once, and nothing half-made is left of the others', async () => {
    const calls = Array.from({ length: 20 }, (_, i) =>
      bootstrap({ email: `root${i}@acme.test`, password: 'p', organization: `Acme ${i}` }),
    );
    const answers = await Promise.all(calls);
    const refusals = answers.filter(({ status }) => status !== 200);
    expect(refusals).toEqual(Array.from({ length: 19 }, () => ALREADY));

    const winner = answers.find(({ status }) => status === 200)!.body;
    expect((await latchkey.as(winner.identity.credentials.token as string).get(DETAILS)).status).toBe(200);
    const tables = ['users', 'organizations', 'identities', 'organization_memberships', 'identity_auth_methods'];
    for (const table of [...tables, 'identity_access_tokens']) expect([table, await count(table)]).toEqual([table, 1]);
    const [user] = await latchkey.dataSource.query<[{ email: string }]>('SELECT email FROM latchkey.users');
    expect(user.email).toBe(winner.user.email);
  });

  it('trims the e-mail address and keeps it in lower case', async () => {
    const { user } = done(await bootstrap({ ...PERSON, email: '  Root@ACME.Test \n' }));
    expect(user).toMatchObject({ email: 'root@acme.test', username: 'root@acme.test' });
  });

  it('trims the name of the organization', async () => {
    expect(done(await bootstrap({ ...PERSON, organization: '  Acme  ' })).organization.name).toBe('Acme');
  });

  it('takes a password of blanks as it is, and keeps no password in the clear', async () => {
    done(await bootstrap({ ...PERSON, password: '   ' }));
    const [user] = await latchkey.dataSource.query<[{ password_hash: string; is_super_admin: boolean }]>(
      'SELECT password_hash, is_super_admin FROM latchkey.users',
    );
    expect(user).toEqual({ password_hash: expect.stringMatching(/^\$scrypt\$ln=17,r=8,p=1\$/), is_super_admin: true });
  });

  it('ignores what it does not know, such as the domain the official CLI sends', async () => {
    const { organization } = done(await bootstrap({ ...PERSON, domain: 'https://x.test', superAdmin: false }));
    expect(organization.name).toBe('Acme');
  });

  it('ignores an Authorization header', async () => {
    const headers = { authorization: 'Bearer not-a-token' };
    expect((await latchkey.anonymous.post(BOOTSTRAP, PERSON, headers)).status).toBe(200);
  });

  it.each<[string, object, Parameters<typeof invalid>]>([
    [
      'nothing',
      {},
      [
        ['invalid_type', ['email'], 'Required'],
        ['invalid_type', ['password'], 'Required'],
        ['invalid_type', ['organization'], 'Required'],
      ],
    ],
    ['no e-mail address', { ...PERSON, email: 'root' }, [['invalid_string', ['email'], 'Invalid email']]],
    ['blanks in the address', { ...PERSON, email: 'a b@c.de' }, [['invalid_string', ['email'], 'Invalid email']]],
    [
      'an address of 255 characters',
      { ...PERSON, email: `${'a'.repeat(250)}@b.cd` },
      [['too_big', ['email'], 'String must contain at most 254 character(s)']],
    ],
    [
      'an empty password',
      { ...PERSON, password: '' },
      [['too_small', ['password'], 'String must contain at least 1 character(s)']],
    ],
    [
      'a password of 1025 characters',
      { ...PERSON, password: 'p'.repeat(1_025) },
      [['too_big', ['password'], 'String must contain at most 1024 character(s)']],
    ],
    [
      'a password with NUL',
      { ...PERSON, password: 'p\0' },
      [['invalid_string', ['password'], 'String must not contain NUL or lone surrogates']],
    ],
    [
      'an organization of blanks',
      { ...PERSON, organization: '   ' },
      [['too_small', ['organization'], 'String must contain at least 1 character(s)']],
    ],
    [
      'other types',
      { email: 1, password: ['p'], organization: null },
      [
        ['invalid_type', ['email'], 'Expected string, received number'],
        ['invalid_type', ['password'], 'Expected string, received array'],
        ['invalid_type', ['organization'], 'Expected string, received null'],
      ],
    ],
  ])('is not set up with %s, and can still be', async (_, body, issues) => {
    const before = await snapshot(latchkey.dataSource);
    expect(await bootstrap(body)).toEqual(invalid(...issues));
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
    expect((await bootstrap()).status).toBe(200);
  });

  it('answers its status before and after', async () => {
    const status = answered({
      date: aTime,
      message: 'Ok',
      emailConfigured: false,
      inviteOnlySignup: true,
      redisConfigured: false,
      secretScanningConfigured: false,
      maxIdentityAccessTokenTTL: 7_776_000,
    });
    expect(await latchkey.anonymous.get('/api/status')).toEqual(status);
    done(await bootstrap());
    expect(await latchkey.anonymous.get('/api/status')).toEqual(status);
    expect(await latchkey.as('not-a-token').get('/api/status')).toEqual(status);
  });

  describe('then home of tenants', () => {
    const LIST = '/api/v1/organization';
    const CREATE = '/api/v2/organizations';

    it('lets the instance admin create an organization, and answers a token of its admin once', async () => {
      const admin = latchkey.as(done(await bootstrap()).identity.credentials.token as string);
      const answer = await admin.post(CREATE, { name: '  Bäckerei Öz  ' });
      expect(answer).toEqual(
        answered({
          organization: { id: aUuid, name: 'Bäckerei Öz', slug: aSlug('backerei-oz') },
          identity: { id: aUuid, name: 'Organization Admin Identity', credentials: { token: aJwt } },
        }),
      );
      expect(answer.headers.get('cache-control')).toBe('no-store');
    });

    it('lets the token of a new organization speak there, and only there', async () => {
      const first = done(await bootstrap());
      const admin = latchkey.as(first.identity.credentials.token as string);
      const { organization, identity } = done(await admin.post(CREATE, { name: 'Second' }));
      const second = latchkey.as(identity.credentials.token as string);
      const firstId = first.organization.id as string;
      const refusal = refused(403, 'ForbiddenError', 'You are not logged into this organization');

      expect(await second.get(DETAILS)).toEqual(answered({ identityDetails: { organization } }));
      const made = { name: 'made', organizationId: organization.id as string, role: 'admin' };
      expect((await second.post('/api/v1/identities', made)).status).toBe(200);
      expect(await second.post('/api/v1/identities', { ...made, organizationId: firstId })).toEqual(refusal);
      expect(await second.get(`/api/v1/identities?orgId=${firstId}`)).toEqual(refusal);
      expect(await second.get(`/api/v1/identities/${first.identity.id as string}`)).toEqual(
        refused(404, 'NotFound', `Failed to find identity with ID ${first.identity.id as string}`),
      );
      expect(await second.get(LIST)).toEqual(
        refused(403, 'PermissionDenied', 'You are not allowed to read on organization', []),
      );
      expect(await second.post(CREATE, { name: 'Third' })).toEqual(
        refused(403, 'PermissionDenied', 'You are not allowed to create on organization', []),
      );
    });

    it('lists the organizations newest first, in pages', async () => {
      const first = done(await bootstrap());
      const admin = latchkey.as(first.identity.credentials.token as string);
      const made: object[] = [first.organization as object];
      for (const name of ['B', 'C', 'D']) {
        made.unshift(done(await admin.post(CREATE, { name })).organization as object);
      }
      expect(await admin.get(LIST)).toEqual(answered({ organizations: made, totalCount: 4, nextCursor: null }));
      expect(await admin.get(`${LIST}?limit=2&offset=1`)).toEqual(
        answered({ organizations: made.slice(1, 3), totalCount: 4, nextCursor: expect.any(String) }),
      );
      const none = { organizations: [], totalCount: 4, nextCursor: null };
      expect(await admin.get(`${LIST}?offset=9`)).toEqual(answered(none));
    });

    it('lists them from cursor to cursor, each once, also those made at one moment', async () => {
      const admin = latchkey.as(done(await bootstrap()).identity.credentials.token as string);
      for (const name of ['B', 'C', 'D', 'E']) done(await admin.post(CREATE, { name }));
      await latchkey.dataSource.query(`UPDATE latchkey.organizations SET created_at = '2026-01-01T00:00:00.123Z'`);
      const whole = done(await admin.get(LIST)).organizations as object[];
      const walked: object[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const page = done(await admin.get(`${LIST}?limit=2${cursor && `&cursor=${cursor}`}`));
        walked.push(...(page.organizations as object[]));
        cursor = page.nextCursor as string | null;
      }
      expect(walked).toEqual(whole);
      expect(walked).toHaveLength(5);
    });

    it.each<[string, Parameters<typeof invalid>]>([
      ['limit=0', [['too_small', ['limit'], 'Number must be greater than or equal to 1']]],
      ['limit=101', [['too_big', ['limit'], 'Number must be less than or equal to 100']]],
      ['limit=1.5', [['invalid_type', ['limit'], 'Expected a whole number from 1 to 100']]],
      ['limit=1&limit=2', [['invalid_type', ['limit'], 'Expected a whole number from 1 to 100']]],
      ['offset=-1', [['too_small', ['offset'], 'Number must be greater than or equal to 0']]],
      ['cursor=x', [['invalid_string', ['cursor'], 'Not a cursor of this list']]],
      ['offset=99999999999', [['too_big', ['offset'], 'Number must be less than or equal to 2147483647']]],
    ])('refuses the page %s', async (query, issues) => {
      const admin = latchkey.as(done(await bootstrap()).identity.credentials.token as string);
      expect(await admin.get(`${LIST}?${query}`)).toEqual(invalid(...issues));
    });

    it.each<[string, unknown, Parameters<typeof invalid>]>([
      ['none', undefined, [['invalid_type', ['name'], 'Required']]],
      ['blanks', '  ', [['too_small', ['name'], 'String must contain at least 1 character(s)']]],
      ['256 characters', 'x'.repeat(256), [['too_big', ['name'], 'String must contain at most 255 character(s)']]],
      ['a line break', 'a\nb', [['invalid_string', ['name'], 'String must not contain control characters']]],
      ['a number', 7, [['invalid_type', ['name'], 'Expected string, received number']]],
    ])('refuses a name that is %s', async (_, name, issues) => {
      const admin = latchkey.as(done(await bootstrap()).identity.credentials.token as string);
      const before = await snapshot(latchkey.dataSource);
      expect(await admin.post(CREATE, { name })).toEqual(invalid(...issues));
      expect(await snapshot(latchkey.dataSource)).toEqual(before);
    });

    it('lets any number of organizations have one name, and tells them apart by slug', async () => {
      const admin = latchkey.as(done(await bootstrap()).identity.credentials.token as string);
      const all = await Promise.all(Array.from({ length: 8 }, () => admin.post(CREATE, { name: '組織' })));
      const slugs = all.map((answer) => done(answer).organization.slug as string);
      expect(new Set(slugs).size).toBe(8);
      expect(slugs).toEqual(slugs.map(() => aSlug('organization')));
    });
  });
});

describe('an installation with other settings', () => {
  it('is set up by one of two hundred calls at once even over one connection: those who wait hold none', async () => {
    const database = { url: process.env.LATCHKEY_TEST_DATABASE!, poolSize: 1 };
    const latchkey = await startLatchkey({ database }, { isBootstrapped: false });
    try {
      await latchkey.dataSource.query('UPDATE instance SET initialized_at = NULL');
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, i) =>
          latchkey.anonymous.post(BOOTSTRAP, { ...PERSON, email: `one-of-many-${i}@acme.test` }),
        ),
      );
      const refusals = answers.filter(({ status }) => status !== 200);
      expect(refusals).toEqual(Array.from({ length: 199 }, () => ALREADY));
    } finally {
      await latchkey.stop();
    }
  });

  it('has no bootstrap when the endpoint is switched off, and says no more than that', async () => {
    const latchkey = await startLatchkey({ bootstrapEndpoint: false }, { isBootstrapped: false });
    try {
      await latchkey.dataSource.query('UPDATE latchkey.instance SET initialized_at = NULL');
      const before = await snapshot(latchkey.dataSource);
      expect(await latchkey.anonymous.post(BOOTSTRAP, PERSON)).toEqual(
        refused(404, 'NotFound', 'There is no such route.'),
      );
      expect(await snapshot(latchkey.dataSource)).toEqual(before);
    } finally {
      await latchkey.stop();
    }
  });

  it.each([
    [3_600, 3_600],
    [0, undefined],
  ])('reports its ceiling of %d s and holds the first token to it', async (maxTokenAgeSeconds, lifetime) => {
    const latchkey = await startLatchkey({ maxTokenAgeSeconds }, { isBootstrapped: false });
    try {
      await latchkey.dataSource.query('UPDATE latchkey.instance SET initialized_at = NULL');
      expect(done(await latchkey.anonymous.get('/api/status')).maxIdentityAccessTokenTTL).toBe(maxTokenAgeSeconds);
      const body = { ...PERSON, email: `${randomUUID()}@acme.test` };
      const { identity } = done(await latchkey.anonymous.post(BOOTSTRAP, body));
      const { iat, exp } = claimsOf(identity.credentials.token as string) as { iat: number; exp?: number };
      expect(exp === undefined ? undefined : exp - iat).toBe(lifetime);
      expect((await latchkey.as(identity.credentials.token as string).get(DETAILS)).status).toBe(200);
    } finally {
      await latchkey.stop();
    }
  });
});
