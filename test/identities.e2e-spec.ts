import { randomUUID } from 'node:crypto';
import { type Answer, type ApiClient, answered, invalid, refused } from './support/api-client';
import { done, type GivenOrganization } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { snapshot } from './support/snapshot';

const IDENTITIES = '/api/v1/identities';
const aUuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const aTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

type Issues = Parameters<typeof invalid>;

const TOO_SHORT = 'String must contain at least 1 character(s)';
const FILTER = (operators: string) =>
  `Expected 1 to 255 letters, digits, spaces, _, - or /, or an object of ${operators} with such text`;
const NAME_FILTER = FILTER('$eq, $contains, $in');
const ROLE_FILTER = FILTER('$eq, $in');

/** What the fields of an identity refuse, wherever they are sent. */
const BAD_FIELDS: [string, object, Issues][] = [
  ['an empty name', { name: '' }, [['too_small', ['name'], TOO_SHORT]]],
  ['a name of blanks', { name: ' \t ' }, [['too_small', ['name'], TOO_SHORT]]],
  [
    'a name of 256 characters',
    { name: 'x'.repeat(256) },
    [['too_big', ['name'], 'String must contain at most 255 character(s)']],
  ],
  ['a null name', { name: null }, [['invalid_type', ['name'], 'Expected string, received null']]],
  ['a number for a name', { name: 7 }, [['invalid_type', ['name'], 'Expected string, received number']]],
  ['a list for a name', { name: ['x'] }, [['invalid_type', ['name'], 'Expected string, received array']]],
  [
    'a name with a line break',
    { name: 'a\nb' },
    [['invalid_string', ['name'], 'String must not contain control characters']],
  ],
  ['a name with NUL', { name: 'a\0b' }, [['invalid_string', ['name'], 'String must not contain control characters']]],
  [
    'a name with half a character',
    { name: 'a\ud800' },
    [['invalid_string', ['name'], 'String must not contain NUL or lone surrogates']],
  ],
  ['an empty role', { role: ' ' }, [['too_small', ['role'], TOO_SHORT]]],
  ['a null role', { role: null }, [['invalid_type', ['role'], 'Expected string, received null']]],
  [
    'a word for a boolean',
    { hasDeleteProtection: 'true' },
    [['invalid_type', ['hasDeleteProtection'], 'Expected boolean, received string']],
  ],
  [
    'an object for metadata',
    { metadata: { key: 'a', value: 'b' } },
    [['invalid_type', ['metadata'], 'Expected array, received object']],
  ],
  ['null for metadata', { metadata: null }, [['invalid_type', ['metadata'], 'Expected array, received null']]],
  [
    'metadata with an empty key and without a value',
    { metadata: [{ key: 'a', value: 'b' }, { key: ' ' }] },
    [
      ['too_small', ['metadata', 1, 'key'], TOO_SHORT],
      ['invalid_type', ['metadata', 1, 'value'], 'Required'],
    ],
  ],
  [
    'a metadata value that is no text',
    { metadata: [{ key: 'a', value: 1 }] },
    [['invalid_type', ['metadata', 0, 'value'], 'Expected string, received number']],
  ],
  [
    'metadata with NUL',
    { metadata: [{ key: 'a', value: 'b\0' }] },
    [['invalid_string', ['metadata', 0, 'value'], 'String must not contain NUL or lone surrogates']],
  ],
  [
    'a metadata key of 256 characters and a value of 1021',
    { metadata: [{ key: 'k'.repeat(256), value: 'v'.repeat(1_021) }] },
    [
      ['too_big', ['metadata', 0, 'key'], 'String must contain at most 255 character(s)'],
      ['too_big', ['metadata', 0, 'value'], 'String must contain at most 1020 character(s)'],
    ],
  ],
  [
    '101 labels',
    { metadata: Array.from({ length: 101 }, (_, i) => ({ key: `k${i}`, value: 'v' })) },
    [['too_big', ['metadata'], 'Array must contain at most 100 element(s)']],
  ],
  ['metadata that is no object', { metadata: ['x'] }, [['invalid_type', ['metadata', 0], 'Expected object']]],
];

const UNKNOWN_ROLE = refused(
  400,
  'BadRequest',
  'There is no such role. Choose one of: admin, member, no-access, or the slug of a role of your organization.',
);
const noIdentity = (id: string) => refused(404, 'NotFound', `Failed to find identity with ID ${id}`);
const OTHER_ORGANIZATION = refused(403, 'ForbiddenError', 'You are not logged into this organization');

describe('identities', () => {
  let latchkey: TestLatchkey;
  let tenant: GivenOrganization;
  let organizationId: string;
  let admin: ApiClient;

  beforeAll(async () => {
    latchkey = await startLatchkey();
  });
  // An organization of its own for every test: lists and searches begin with nothing but its admin.
  beforeEach(async () => {
    tenant = await latchkey.given.organization('Acme');
    ({ organizationId, admin } = tenant);
  });
  afterAll(() => latchkey.stop());

  const create = (body: object) => admin.post(IDENTITIES, { name: 'made', organizationId, ...body });
  const get = async (id: string) => done(await admin.get(`${IDENTITIES}/${id}`)).identity;
  const labels = (identity: { metadata: { key: string; value: string }[] }) =>
    identity.metadata.map(({ key, value }) => `${key}=${value}`);
  const writesNothing = async (work: () => Promise<unknown>) => {
    const before = await snapshot(latchkey.dataSource);
    await work();
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
  };

  describe('are created', () => {
    it('with every field, answered in every field of the contract', async () => {
      const metadata = [
        { key: 'team', value: 'infra' },
        { key: 'stage', value: 'prod' },
      ];
      expect(await create({ name: ' deployer ', role: ' member ', hasDeleteProtection: true, metadata })).toEqual(
        answered({
          identity: {
            id: aUuid,
            name: 'deployer',
            authMethod: null,
            createdAt: aTime,
            updatedAt: aTime,
            hasDeleteProtection: true,
            orgId: organizationId,
            projectId: null,
            authMethods: [],
            metadata: [
              { id: aUuid, key: 'team', value: 'infra' },
              { id: aUuid, key: 'stage', value: 'prod' },
            ],
          },
        }),
      );
    });

    it('with a name alone: no access, no protection, no labels, no method, never used', async () => {
      const { identity: made } = done(await create({}));
      expect(made).toMatchObject({ name: 'made', hasDeleteProtection: false, metadata: [], authMethods: [] });
      expect(await admin.get(`${IDENTITIES}/${made.id as string}`)).toEqual(
        answered({
          identity: {
            id: aUuid,
            role: 'no-access',
            roleId: null,
            orgId: organizationId,
            createdAt: aTime,
            updatedAt: aTime,
            identityId: made.id,
            lastLoginAuthMethod: null,
            lastLoginTime: null,
            identity: {
              id: made.id,
              name: 'made',
              hasDeleteProtection: false,
              orgId: organizationId,
              authMethods: [],
              activeLockoutAuthMethods: [],
              createdAt: made.createdAt,
              updatedAt: made.updatedAt,
            },
            metadata: [],
          },
        }),
      );
    });

    it.each([
      'x',
      'x'.repeat(255),
      'Ünïcödé 名前 🔑',
      "Robert'); DROP TABLE identities;--",
      '__proto__',
      '<b>&amp;"\\',
    ])('with the name %p as it is', async (name) => {
      const { id } = done(await create({ name })).identity;
      expect((await get(id as string)).identity.name).toBe(name);
    });

    it('with the same name as often as one likes', async () => {
      const [one, two] = [done(await create({})), done(await create({}))];
      expect(one.identity.id).not.toBe(two.identity.id);
    });

    it('in the organization of the caller, however its id is written and whatever surrounds it', async () => {
      for (const spelled of [organizationId.toUpperCase(), ` ${organizationId} `]) {
        expect(done(await create({ organizationId: spelled })).identity.orgId).toBe(organizationId);
      }
    });

    it('and keep the labels in order, up to a hundred', async () => {
      const metadata = Array.from({ length: 100 }, (_, i) => ({ key: ` k${(i * 37) % 100} `, value: ` v${i} ` }));
      const { identity } = done(await create({ metadata }));
      const expected = metadata.map(({ key, value }) => `${key.trim()}=${value.trim()}`);
      expect(labels(identity)).toEqual(expected);
      expect(labels(await get(identity.id as string))).toEqual(expected);
    });

    it('with each label once: every key that comes again is named, white space at its ends not counted', async () => {
      const metadata = ['a', 'b', ' a', 'A', 'b '].map((key) => ({ key, value: 'v' }));
      const message = 'This key has a label already';
      const issues = [2, 4].map((index) => ({ code: 'custom', path: ['metadata', index, 'key'], message }));
      expect(await create({ metadata })).toEqual(refused(422, 'ValidationFailure', issues));
      const { identity } = done(await create({ metadata: metadata.slice(0, 1) }));
      const update = await latchkey.admin.patch(`/api/v1/identities/${identity.id as string}`, { metadata });
      expect(update).toEqual(refused(422, 'ValidationFailure', issues));
      expect(labels(await get(identity.id as string))).toEqual(['a=v']);
    });

    it('from what is known: other keys are dropped', async () => {
      const sent = {
        id: randomUUID(),
        orgId: 'x',
        authMethods: ['x'],
        createdAt: 'x',
        constructor: 1,
        isInstanceAdmin: true,
      };
      const { identity } = done(await create({ ...sent, metadata: [{ key: 'a', value: 'b', id: 'x', position: 9 }] }));
      expect(identity.id).not.toBe(sent.id);
      expect(identity).toMatchObject({ orgId: organizationId, authMethods: [], metadata: [{ id: aUuid, key: 'a' }] });
    });

    it('not without a name and an organization', () =>
      writesNothing(async () => {
        const issues: Issues = [
          ['invalid_type', ['name'], 'Required'],
          ['invalid_type', ['organizationId'], 'Required'],
        ];
        expect(await admin.post(IDENTITIES, {})).toEqual(invalid(...issues));
        expect(await admin.post(IDENTITIES)).toEqual(invalid(...issues));
      }));

    it.each(BAD_FIELDS)('not with %s', (_, body, issues) =>
      writesNothing(async () => expect(await create(body)).toEqual(invalid(...issues))),
    );

    it.each(['owner', 'Admin', 'custom', 'no_access', '__proto__', 'constructor', randomUUID()])(
      'not with the role %s, which there is none of',
      (role) => writesNothing(async () => expect(await create({ role })).toEqual(UNKNOWN_ROLE)),
    );

    it('not in another organization, nor in one that does not exist', () =>
      writesNothing(async () => {
        for (const other of [latchkey.given.organizationId, randomUUID(), 'x']) {
          expect(await create({ organizationId: other })).toEqual(OTHER_ORGANIZATION);
        }
      }));

    it('from a form as well as from JSON', async () => {
      const body = new URLSearchParams({ name: 'from a form', organizationId }).toString();
      const answer = await admin.post(IDENTITIES, body, { 'content-type': 'application/x-www-form-urlencoded' });
      expect(done(answer).identity.name).toBe('from a form');
    });
  });

  describe('are updated', () => {
    const metadata = [
      { key: 'a', value: '1' },
      { key: 'b', value: '2' },
    ];
    let id: string;
    const update = (body?: object) => admin.patch(`${IDENTITIES}/${id}`, body);

    beforeEach(async () => {
      id = await tenant.given.identity({ name: 'before', role: 'member', hasDeleteProtection: true, metadata });
    });

    it('in every field, answered in the state they are then in', async () => {
      await tenant.given.tokenAuth(id);
      const change = {
        name: ' after ',
        role: ' admin ',
        hasDeleteProtection: false,
        metadata: [{ key: 'c', value: '3' }],
      };
      expect(await update(change)).toEqual(
        answered({
          identity: {
            id,
            name: 'after',
            authMethod: null,
            createdAt: aTime,
            updatedAt: aTime,
            hasDeleteProtection: false,
            orgId: organizationId,
            projectId: null,
            authMethods: ['token-auth'],
            metadata: [{ id: aUuid, key: 'c', value: '3' }],
          },
        }),
      );
      expect(await get(id)).toMatchObject({ role: 'admin', identity: { name: 'after', hasDeleteProtection: false } });
    });

    it.each<[string, object | undefined]>([
      ['{}', {}],
      ['nothing', undefined],
      ['unknown keys', { id: 'x', isInstanceAdmin: true, orgId: 'x' }],
    ])('by %s in nothing at all, and say how they are', (_, body) =>
      writesNothing(async () => {
        const answer = done(await update(body));
        expect(answer.identity).toMatchObject({ name: 'before', hasDeleteProtection: true });
        expect(labels(answer.identity)).toEqual(['a=1', 'b=2']);
      }),
    );

    it.each<[string, { name?: string; role?: string; hasDeleteProtection?: boolean }, object]>([
      ['the protection', { hasDeleteProtection: false }, { identity: { name: 'before', hasDeleteProtection: false } }],
      ['the name', { name: 'after' }, { identity: { name: 'after', hasDeleteProtection: true } }],
      ['the role', { role: 'no-access' }, { role: 'no-access', identity: { name: 'before' } }],
    ])('in %s alone, and in nothing else', async (_, body, expected) => {
      const before = await get(id);
      done(await update(body));
      const after = await get(id);
      expect(after).toMatchObject(expected);
      expect(labels(after)).toEqual(['a=1', 'b=2']);
      expect(after.metadata).toEqual(before.metadata);
      expect(after.role).toBe(body.role ?? 'member');
    });

    it('in their labels: all are replaced, in the order sent, and [] clears them', async () => {
      const next = [
        { key: 'z', value: '1' },
        { key: 'a', value: '2' },
        { key: 'y', value: '3' },
      ];
      expect(labels(done(await update({ metadata: next })).identity)).toEqual(['z=1', 'a=2', 'y=3']);
      expect(labels(await get(id))).toEqual(['z=1', 'a=2', 'y=3']);
      expect(done(await update({ metadata: [] })).identity.metadata).toEqual([]);
      expect((await get(id)).metadata).toEqual([]);
    });

    it('one change after another when many come at once: the labels are those of one of them, never a mixture', async () => {
      const changes = Array.from({ length: 12 }, (_, i) =>
        update({
          name: `n${i}`,
          metadata: Array.from({ length: 5 }, (_unused, j) => ({ key: `k${j}`, value: `${i}` })),
        }),
      );
      for (const answer of await Promise.all(changes)) expect(answer.status).toBe(200);
      const found = await get(id);
      const [winner] = found.metadata as { value: string }[];
      expect(labels(found)).toEqual(Array.from({ length: 5 }, (_, j) => `k${j}=${winner!.value}`));
      expect(found.identity.name).toBe(`n${winner!.value}`);
    });

    it.each(BAD_FIELDS)('not with %s', (_, body, issues) =>
      writesNothing(async () => expect(await update(body)).toEqual(invalid(...issues))),
    );

    it('not to a role there is none of, and then in nothing else either', () =>
      writesNothing(async () =>
        expect(await update({ name: 'after', metadata: [], role: 'owner' })).toEqual(UNKNOWN_ROLE),
      ));

    it('not when they are not there', async () => {
      const unknown = randomUUID();
      expect(await admin.patch(`${IDENTITIES}/${unknown}`, { name: 'x' })).toEqual(noIdentity(unknown));
      expect(await admin.patch(`${IDENTITIES}/x`, {})).toEqual(noIdentity('x'));
    });
  });

  describe('are deleted', () => {
    it('with everything of theirs, answered as they were, and are then not found', async () => {
      const { identityId: id } = await tenant.given.token();
      done(await admin.patch(`${IDENTITIES}/${id}`, { metadata: [{ key: 'a', value: 'b' }] }));
      expect(await admin.delete(`${IDENTITIES}/${id}`)).toEqual(
        answered({
          identity: {
            id,
            name: 'given',
            authMethod: null,
            createdAt: aTime,
            updatedAt: aTime,
            hasDeleteProtection: false,
            orgId: organizationId,
            projectId: null,
          },
        }),
      );
      expect(await admin.get(`${IDENTITIES}/${id}`)).toEqual(noIdentity(id));
      expect(await admin.delete(`${IDENTITIES}/${id}`)).toEqual(noIdentity(id));
      for (const table of ['identity_metadata', 'organization_memberships', 'identity_auth_methods']) {
        const rows = await latchkey.dataSource.query(`SELECT 1 FROM ${table} WHERE identity_id = $1`, [id]);
        expect([table, rows]).toEqual([table, []]);
      }
    });

    it('and their tokens are dead on the very next use, for renewing too', async () => {
      const { identityId, api, accessToken } = await tenant.given.token();
      expect((await api.get(`${IDENTITIES}/details`)).status).toBe(200);
      done(await admin.delete(`${IDENTITIES}/${identityId}`));
      expect(await api.get(`${IDENTITIES}/details`)).toEqual(
        refused(401, 'UnauthorizedError', 'Failed to authorize: identity tokens have been revoked'),
      );
      expect(await latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken })).toEqual(
        refused(401, 'UnauthorizedError', 'Cannot renew: identity tokens have been revoked'),
      );
    });

    it('not while they are protected; their methods and tokens still can be, and they once it is lifted', async () => {
      const { identityId: id, tokenId } = await tenant.given.token();
      done(await admin.patch(`${IDENTITIES}/${id}`, { hasDeleteProtection: true }));
      await writesNothing(async () =>
        expect(await admin.delete(`${IDENTITIES}/${id}`)).toEqual(
          refused(400, 'BadRequest', 'Identity has delete protection'),
        ),
      );
      expect((await admin.post(`/api/v1/auth/token-auth/tokens/${tokenId}/revoke`)).status).toBe(200);
      expect((await admin.delete(`/api/v1/auth/token-auth/identities/${id}`)).status).toBe(200);
      done(await admin.patch(`${IDENTITIES}/${id}`, { hasDeleteProtection: false }));
      expect((await admin.delete(`${IDENTITIES}/${id}`)).status).toBe(200);
    });

    // Seen red: the identity read beside the membership that is locked, and not locked itself.
    it('not when a change that had waited for their protection has renamed them', async () => {
      const id = await tenant.given.identity();
      const isWaiting = async () => {
        const [row] = await latchkey.dataSource.query<[{ isWaiting: boolean }]>(
          `SELECT count(*) > 0 AS "isWaiting" FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        return row.isWaiting;
      };
      let renaming: Promise<Answer> | undefined;
      await latchkey.dataSource.transaction(async (tx) => {
        const membership = 'SELECT FROM latchkey.organization_memberships WHERE identity_id = $1 FOR NO KEY UPDATE';
        await tx.query(membership, [id]);
        renaming = admin.patch(`${IDENTITIES}/${id}`, { name: 'renamed' });
        while (!(await isWaiting())) await new Promise((resolve) => setTimeout(resolve, 10));
        await tx.query('UPDATE latchkey.identities SET has_delete_protection = true WHERE id = $1', [id]);
      });
      expect(done(await renaming!).identity).toMatchObject({ name: 'renamed', hasDeleteProtection: true });
      const protects = refused(400, 'BadRequest', 'Identity has delete protection');
      expect(await admin.delete(`${IDENTITIES}/${id}`)).toEqual(protects);
    });

    it('once, however many ask at the same time', async () => {
      const id = await tenant.given.identity();
      const answers = await Promise.all(Array.from({ length: 8 }, () => admin.delete(`${IDENTITIES}/${id}`)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(answers.filter(({ status }) => status !== 200)).toEqual(Array.from({ length: 7 }, () => noIdentity(id)));
    });

    it('while others change them and make tokens: nothing is answered but success and 404, nothing is left', async () => {
      const { identityId: id } = await tenant.given.token();
      const tokens = `/api/v1/auth/token-auth/identities/${id}/tokens`;
      const answers = await Promise.all([
        ...Array.from({ length: 5 }, () => admin.post(tokens)),
        ...Array.from({ length: 5 }, () =>
          admin.patch(`${IDENTITIES}/${id}`, { metadata: [{ key: 'a', value: 'b' }] }),
        ),
        admin.delete(`${IDENTITIES}/${id}`),
        ...Array.from({ length: 5 }, () => admin.post(tokens)),
      ]);
      expect(answers.filter(({ status }) => status !== 200 && status !== 404)).toEqual([]);
      expect(
        await latchkey.dataSource.query('SELECT 1 FROM latchkey.identity_metadata WHERE identity_id = $1', [id]),
      ).toEqual([]);
    });

    it('with a body, as Terraform sends one', async () => {
      const id = await tenant.given.identity();
      expect((await admin.delete(`${IDENTITIES}/${id}`, { identityId: id })).status).toBe(200);
    });
  });

  describe('tell', () => {
    it('when and how a token was last issued to them', async () => {
      const { identityId } = await tenant.given.token();
      expect(await get(identityId)).toMatchObject({
        lastLoginAuthMethod: 'token-auth',
        lastLoginTime: aTime,
        identity: { authMethods: ['token-auth'] },
      });
      done(await admin.delete(`/api/v1/auth/token-auth/identities/${identityId}`));
      expect((await get(identityId)).identity.authMethods).toEqual([]);
    });

    it('who they are, with a token and whatever their role', async () => {
      const { api } = await tenant.given.token({ role: 'no-access' });
      expect(await api.get(`${IDENTITIES}/details`)).toEqual(
        answered({
          identityDetails: {
            organization: { id: organizationId, name: 'Acme', slug: expect.stringMatching(/^acme-[a-z0-9]{6}$/) },
          },
        }),
      );
    });
  });

  describe('are listed', () => {
    const list = (query = '') => admin.get(`${IDENTITIES}?orgId=${organizationId}${query}`);
    const idsOf = (items: { identityId: string }[]) => items.map(({ identityId }) => identityId);

    it('with every field of the contract, and without labels', async () => {
      const id = await tenant.given.identity({ name: 'listed', role: 'member', metadata: [{ key: 'a', value: 'b' }] });
      const { identities, totalCount, nextCursor } = done(await list('&limit=1'));
      expect({ totalCount, nextCursor }).toEqual({ totalCount: 2, nextCursor: expect.any(String) });
      expect(identities).toEqual([
        {
          id: aUuid,
          role: 'member',
          roleId: null,
          orgId: organizationId,
          createdAt: aTime,
          updatedAt: aTime,
          identityId: id,
          lastLoginAuthMethod: null,
          lastLoginTime: null,
          identity: {
            id,
            name: 'listed',
            hasDeleteProtection: false,
            orgId: organizationId,
            authMethods: [],
            createdAt: aTime,
            updatedAt: aTime,
          },
        },
      ]);
    });

    it('newest first, 20 unless asked otherwise, by limit and offset, with the count of all', async () => {
      const made: string[] = [];
      for (let i = 0; i < 24; i += 1) made.unshift(await tenant.given.identity());
      const first = done(await list());
      expect(idsOf(first.identities as [])).toEqual(made.slice(0, 20));
      expect(first.totalCount).toBe(25);
      expect(idsOf(done(await list('&limit=5&offset=3')).identities as [])).toEqual(made.slice(3, 8));
      const rest = done(await list('&limit=100'));
      expect(rest.identities).toHaveLength(25);
      expect(rest.nextCursor).toBeNull();
      expect(done(await list('&offset=25'))).toEqual({ identities: [], totalCount: 25, nextCursor: null });
      expect(done(await list('&limit=25')).nextCursor).toBeNull();
    });

    it('by cursor from first to last: none twice, none missing, though others are made and deleted meanwhile', async () => {
      for (let i = 0; i < 44; i += 1) await tenant.given.identity();
      const all = idsOf(done(await list('&limit=100')).identities as []);
      expect(all).toHaveLength(45);
      const walked: string[] = [];
      const late: string[] = [];
      let cursor = '';
      for (let page = 0; page < 20; page += 1) {
        const answer = done(await list(`&limit=7${cursor && `&cursor=${encodeURIComponent(cursor)}`}`));
        expect(answer.totalCount).toBe(45 + late.length);
        walked.push(...idsOf(answer.identities as []));
        if (answer.nextCursor === null) break;
        cursor = answer.nextCursor as string;
        late.push(await tenant.given.identity());
      }
      expect(walked).toEqual(all);
      expect(late).toHaveLength(6);
    });

    it('by cursor though many were made in the same instant', async () => {
      for (let i = 0; i < 9; i += 1) await tenant.given.identity();
      await latchkey.dataSource.query(
        `UPDATE latchkey.organization_memberships SET created_at = '2026-01-01T00:00:00.123Z' WHERE organization_id = $1`,
        [organizationId],
      );
      const walked: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const answer = done(await list(`&limit=3${cursor && `&cursor=${cursor}`}`));
        walked.push(...idsOf(answer.identities as []));
        cursor = answer.nextCursor as string | null;
      }
      expect(walked).toHaveLength(10);
      expect(new Set(walked).size).toBe(10);
    });

    it.each<[string, Issues]>([
      ['limit=0', [['too_small', ['limit'], 'Number must be greater than or equal to 1']]],
      ['limit=101', [['too_big', ['limit'], 'Number must be less than or equal to 100']]],
      ['limit=', [['invalid_type', ['limit'], 'Expected a whole number from 1 to 100']]],
      ['limit=1e1', [['invalid_type', ['limit'], 'Expected a whole number from 1 to 100']]],
      ['limit=0x10', [['invalid_type', ['limit'], 'Expected a whole number from 1 to 100']]],
      ['limit=5&limit=6', [['invalid_type', ['limit'], 'Expected a whole number from 1 to 100']]],
      ['offset=-1', [['too_small', ['offset'], 'Number must be greater than or equal to 0']]],
      ['offset=2147483648', [['too_big', ['offset'], 'Number must be less than or equal to 2147483647']]],
      ['cursor=x', [['invalid_string', ['cursor'], 'Not a cursor of this list']]],
      ['cursor=', [['too_small', ['cursor'], TOO_SHORT]]],
      ['cursor=%00', [['invalid_string', ['cursor'], 'String must not contain NUL or lone surrogates']]],
      ['cursor=a&cursor=b', [['invalid_type', ['cursor'], 'Expected string, received array']]],
    ])('not with %s', async (query, issues) => {
      expect(await list(`&${query}`)).toEqual(invalid(...issues));
    });

    it('not with a cursor that names a time no calendar has', async () => {
      for (const millis of ['999999999999999', '8640000000000001', '000000000000000']) {
        const cursor = Buffer.from(`${millis}:${randomUUID()}`).toString('base64url');
        expect([200, 422]).toContain((await list(`&cursor=${cursor}`)).status);
      }
    });

    it('not without saying of which organization, and of none but the own', async () => {
      expect(await admin.get(IDENTITIES)).toEqual(invalid(['invalid_type', ['orgId'], 'Required']));
      expect(await admin.get(`${IDENTITIES}?orgId=${randomUUID()}`)).toEqual(OTHER_ORGANIZATION);
      expect(await admin.get(`${IDENTITIES}?orgId=${organizationId}&orgId=x`)).toEqual(
        invalid(['invalid_type', ['orgId'], 'Expected string, received array']),
      );
    });
  });

  describe('are searched', () => {
    const search = (body?: object) => admin.post(`${IDENTITIES}/search`, body);
    const found = async (body: object): Promise<string[]> =>
      (done(await search(body)).identities as { identity: { name: string } }[]).map(({ identity }) => identity.name);
    const byName = (name: unknown) => found({ search: { name } });

    const NAMES: [string, string][] = [
      ['deploy', 'member'],
      ['deployer-eu', 'member'],
      ['Deployer/US', 'no-access'],
      ['dep_oyer', 'no-access'],
      ['build 1', 'admin'],
      ['50% off', 'no-access'],
      ['münchen', 'member'],
    ];

    beforeEach(async () => {
      for (const [name, role] of NAMES) await tenant.given.identity({ name, role });
    });

    it('with the items of the list, counted', async () => {
      const answer = done(await search({ search: { name: 'deploy' } }));
      expect(answer).toEqual({
        identities: [
          {
            id: aUuid,
            role: 'member',
            roleId: null,
            orgId: organizationId,
            createdAt: aTime,
            updatedAt: aTime,
            identityId: aUuid,
            lastLoginAuthMethod: null,
            lastLoginTime: null,
            identity: {
              id: answer.identities[0].identityId,
              name: 'deploy',
              hasDeleteProtection: false,
              orgId: organizationId,
              authMethods: [],
              createdAt: aTime,
              updatedAt: aTime,
            },
          },
        ],
        totalCount: 1,
        nextCursor: null,
      });
    });

    it('for everything, when nothing is said', async () => {
      for (const body of [undefined, {}, { search: {} }]) expect(done(await search(body)).totalCount).toBe(8);
    });

    it('by a name that is equal: a text means $eq, and capitals count', async () => {
      expect(await byName('deploy')).toEqual(['deploy']);
      expect(await byName({ $eq: 'deploy' })).toEqual(['deploy']);
      expect(await byName('DEPLOY')).toEqual([]);
      expect(await byName('Deployer/US')).toEqual(['Deployer/US']);
      expect(await byName('münchen')).toEqual(['münchen']);
    });

    it('by a part of a name, whatever its capitals', async () => {
      expect((await byName({ $contains: 'PLOYER' })).sort()).toEqual(['Deployer/US', 'deployer-eu']);
      expect(await byName({ $contains: 'nothing like it' })).toEqual([]);
    });

    it('with _ as the character it is and not as any other', async () => {
      expect(await byName({ $contains: 'dep_oy' })).toEqual(['dep_oyer']);
      expect(await byName({ $contains: '_' })).toEqual(['dep_oyer']);
    });

    it('by one of several names or roles', async () => {
      expect((await byName({ $in: ['deploy', 'build 1', 'nobody'] })).sort()).toEqual(['build 1', 'deploy']);
      const members = await found({ search: { role: { $in: ['member'] } } });
      expect(members.sort()).toEqual(['deploy', 'deployer-eu', 'münchen']);
      expect(await found({ search: { role: { $eq: 'owner' } } })).toEqual([]);
    });

    it('by all that is said, within one field and across both', async () => {
      expect(await byName({ $contains: 'deploy', $in: ['deploy', 'münchen'] })).toEqual(['deploy']);
      expect(await found({ search: { name: { $contains: 'deploy' }, role: 'no-access' } })).toEqual(['Deployer/US']);
    });

    it('by any of $or, each of which holds whole, and all of it together with the rest', async () => {
      const $or = [{ name: 'deploy' }, { name: { $contains: 'deployer' }, role: 'no-access' }];
      expect((await found({ search: { $or } })).sort()).toEqual(['Deployer/US', 'deploy']);
      expect(await found({ search: { role: 'member', $or } })).toEqual(['deploy']);
      expect(await found({ search: { name: 'münchen', $or } })).toEqual([]);
    });

    it('in the order asked for, in pages, with the count of all', async () => {
      const names = await found({ search: { role: 'member' } });
      expect(names).toEqual(['deploy', 'deployer-eu', 'münchen']);
      expect(await found({ search: { role: 'member' }, orderDirection: 'desc' })).toEqual([...names].reverse());
      const page = done(await search({ search: { role: 'member' }, limit: 1, offset: 1, orderBy: 'name' }));
      expect(page.identities[0].identity.name).toBe('deployer-eu');
      expect(page).toMatchObject({ totalCount: 3 });
      const roles = (done(await search({ orderBy: 'role', limit: 100 })).identities as { role: string }[]).map(
        ({ role }) => role,
      );
      expect(roles).toEqual([...roles].sort());
      expect(done(await search({ offset: 100 }))).toEqual({ identities: [], totalCount: 8, nextCursor: null });
    });

    it('fifty at a time unless asked otherwise', async () => {
      for (let i = 0; i < 45; i += 1) await tenant.given.identity();
      const { identities, totalCount } = done(await search());
      expect(identities).toHaveLength(50);
      expect(totalCount).toBe(53);
    });

    it.each<[string, object, Issues]>([
      ['%', { search: { name: { $contains: '%' } } }, [['invalid_string', ['search', 'name'], NAME_FILTER]]],
      ['a backslash', { search: { name: 'a\\' } }, [['invalid_string', ['search', 'name'], NAME_FILTER]]],
      ['a quote', { search: { name: "a'" } }, [['invalid_string', ['search', 'name'], NAME_FILTER]]],
      ['NUL', { search: { name: 'a\0' } }, [['invalid_string', ['search', 'name'], NAME_FILTER]]],
      ['nothing', { search: { name: '' } }, [['invalid_string', ['search', 'name'], NAME_FILTER]]],
      ['256 characters', { search: { name: 'x'.repeat(256) } }, [['invalid_string', ['search', 'name'], NAME_FILTER]]],
      [
        'an unknown operator',
        { search: { name: { $ne: 'a' } } },
        [['invalid_string', ['search', 'name'], NAME_FILTER]],
      ],
      [
        'an unknown operator beside a known one',
        { search: { name: { $eq: 'a', $regex: 'b' } } },
        [['invalid_string', ['search', 'name'], NAME_FILTER]],
      ],
      ['no operator', { search: { name: {} } }, [['invalid_string', ['search', 'name'], NAME_FILTER]]],
      ['a list', { search: { name: ['a'] } }, [['invalid_string', ['search', 'name'], NAME_FILTER]]],
      ['null', { search: { name: null } }, [['invalid_string', ['search', 'name'], NAME_FILTER]]],
      ['a number', { search: { name: { $eq: 1 } } }, [['invalid_string', ['search', 'name'], NAME_FILTER]]],
      [
        'a nested object',
        { search: { name: { $eq: { $eq: 'a' } } } },
        [['invalid_string', ['search', 'name'], NAME_FILTER]],
      ],
      ['an empty $in', { search: { name: { $in: [] } } }, [['invalid_string', ['search', 'name'], NAME_FILTER]]],
      ['a text for $in', { search: { name: { $in: 'a' } } }, [['invalid_string', ['search', 'name'], NAME_FILTER]]],
      [
        'a list of more than texts',
        { search: { name: { $in: ['a', 1] } } },
        [['invalid_string', ['search', 'name'], NAME_FILTER]],
      ],
      [
        '101 choices',
        { search: { name: { $in: Array.from({ length: 101 }, () => 'a') } } },
        [['invalid_string', ['search', 'name'], NAME_FILTER]],
      ],
      [
        '$contains of a role',
        { search: { role: { $contains: 'a' } } },
        [['invalid_string', ['search', 'role'], ROLE_FILTER]],
      ],
      [
        'an empty $or',
        { search: { $or: [] } },
        [['too_small', ['search', '$or'], 'Array must contain at least 1 element(s)']],
      ],
      [
        'an $or of 21',
        { search: { $or: Array.from({ length: 21 }, () => ({ name: 'a' })) } },
        [['too_big', ['search', '$or'], 'Array must contain at most 20 element(s)']],
      ],
      ['an $or of texts', { search: { $or: ['a'] } }, [['invalid_type', ['search', '$or', 0], 'Expected object']]],
      [
        'a bad condition in $or',
        { search: { $or: [{ name: 'a' }, { name: '%' }] } },
        [['invalid_string', ['search', '$or', 1, 'name'], NAME_FILTER]],
      ],
      ['a text for the search', { search: 'a' }, [['invalid_type', ['search'], 'Expected object, received string']]],
      ['a list for the search', { search: [] }, [['invalid_type', ['search'], 'Expected object, received array']]],
      ['another order', { orderBy: 'id' }, [['invalid_string', ['orderBy'], "Expected 'name' | 'role'"]]],
      [
        'SQL for a direction',
        { orderDirection: 'asc; DROP TABLE users' },
        [['invalid_string', ['orderDirection'], "Expected 'asc' | 'desc'"]],
      ],
      ['no limit at all', { limit: 0 }, [['too_small', ['limit'], 'Number must be greater than or equal to 1']]],
      ['a limit of 101', { limit: 101 }, [['too_big', ['limit'], 'Number must be less than or equal to 100']]],
      ['half a limit', { limit: 1.5 }, [['invalid_type', ['limit'], 'Expected integer, received float']]],
      ['a limit in words', { limit: '5' }, [['invalid_type', ['limit'], 'Expected number, received string']]],
      ['a negative offset', { offset: -1 }, [['too_small', ['offset'], 'Number must be greater than or equal to 0']]],
    ])('not for %s', async (_, body, issues) => {
      expect(await search(body)).toEqual(invalid(...issues));
    });

    it('not for a prototype', async () => {
      for (const text of ['{"search":{"__proto__":{"name":"a"}}}', '{"search":{"name":{"__proto__":{"$eq":"a"}}}}']) {
        expect((await admin.call('POST', `${IDENTITIES}/search`, { body: text })).status).toBe(400);
      }
      expect(await search({ search: { name: { constructor: 'a' } } })).toEqual(
        invalid(['invalid_string', ['search', 'name'], NAME_FILTER]),
      );
    });
  });

  describe('are answered as memberships of an organization', () => {
    const list = (query = '') => admin.get(`/api/v2/organizations/${organizationId}/identity-memberships${query}`);
    const names = async (query: string): Promise<string[]> =>
      (done(await list(query)).identityMemberships as { identity: { name: string } }[]).map(
        ({ identity }) => identity.name,
      );

    beforeEach(async () => {
      for (const [name, role] of [
        ['alpha', 'no-access'],
        ['beta_1', 'member'],
        ['betaX1', 'member'],
        ['50% off\\', 'admin'],
      ]) {
        await tenant.given.identity({ name, role });
      }
    });

    it('with the items of the search', async () => {
      const { identityMemberships, totalCount } = done(await list('?search=alpha'));
      const { identities } = done(await admin.post(`${IDENTITIES}/search`, { search: { name: 'alpha' } }));
      expect(totalCount).toBe(1);
      expect(identityMemberships).toEqual(identities);
    });

    it('by a part of the name, in which nothing is a wildcard', async () => {
      expect(await names('?search=BETA')).toHaveLength(2);
      expect(await names('?search=beta_')).toEqual(['beta_1']);
      expect(await names(`?search=${encodeURIComponent('%')}`)).toEqual(['50% off\\']);
      expect(await names(`?search=${encodeURIComponent('\\')}`)).toEqual(['50% off\\']);
      expect(await names(`?search=${encodeURIComponent("' OR 1=1 --")}`)).toEqual([]);
    });

    it('in the order and the page asked for', async () => {
      const all = await names('');
      expect(all).toHaveLength(5);
      expect(await names('?orderBy=name&orderDirection=desc')).toEqual([...all].reverse());
      expect(await names('?offset=1&limit=2')).toEqual(all.slice(1, 3));
      expect(await names('?limit=20000')).toEqual(all);
      expect(done(await list('?limit=1')).totalCount).toBe(5);
    });

    it('a hundred at a time unless asked otherwise, and all of them when asked for', async () => {
      await latchkey.dataSource.query(
        `WITH made AS (
           INSERT INTO latchkey.identities (organization_id, name) SELECT $1, 'many ' || n FROM generate_series(1, 150) n RETURNING id
         )
         INSERT INTO latchkey.organization_memberships (organization_id, identity_id, role) SELECT $1, id, 'member' FROM made`,
        [organizationId],
      );
      expect(await names('')).toHaveLength(100);
      expect(await names('?limit=20000')).toHaveLength(155);
    });

    it.each<[string, Issues]>([
      ['limit=20001', [['too_big', ['limit'], 'Number must be less than or equal to 20000']]],
      ['limit=0', [['too_small', ['limit'], 'Number must be greater than or equal to 1']]],
      ['offset=-1', [['too_small', ['offset'], 'Number must be greater than or equal to 0']]],
      ['orderBy=createdAt', [['invalid_string', ['orderBy'], "Expected 'name' | 'role'"]]],
      ['orderDirection=up', [['invalid_string', ['orderDirection'], "Expected 'asc' | 'desc'"]]],
      ['search=', [['too_small', ['search'], TOO_SHORT]]],
      ['search=%00', [['invalid_string', ['search'], 'String must not contain NUL or lone surrogates']]],
      ['search=a&search=b', [['invalid_type', ['search'], 'Expected string, received array']]],
    ])('not with %s', async (query, issues) => {
      expect(await list(`?${query}`)).toEqual(invalid(...issues));
    });
  });
});
