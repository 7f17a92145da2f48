import { ObservationQueue } from '../src/changes/observation.queue';
import { Client } from 'pg';
import type { OrganizationMembership } from '../src/database/entities/organization-membership.entity';
import { matching, membersOf, ordered } from '../src/identities/identity-search';
import type { SelectQueryBuilder } from 'typeorm';
import { type ApiClient, invalid, refused } from './support/api-client';
import { done, type GivenOrganization } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

jest.setTimeout(60_000);

const SEARCH = '/api/v1/identities/search';

describe('what an answer costs', () => {
  let latchkey: TestLatchkey;
  let tenant: GivenOrganization;
  let organizationId: string;
  let admin: ApiClient;

  beforeAll(async () => {
    latchkey = await startLatchkey();
    tenant = await latchkey.given.organization('Many');
    ({ organizationId, admin } = tenant);
  });
  afterAll(() => latchkey.stop());

  const addIdentities = async (count: number, organization = organizationId, prefix = 'many') => {
    await latchkey.dataSource.query(
      `WITH made AS (
         INSERT INTO latchkey.identities (organization_id, name)
         SELECT $1, $3 || ' ' || n % 7 FROM generate_series(1, $2) n RETURNING id
       )
       INSERT INTO latchkey.organization_memberships (organization_id, identity_id, role)
       SELECT $1, id, (ARRAY['member', 'no-access'])[1 + (random() < 0.5)::int] FROM made`,
      [organization, count, prefix],
    );
    await latchkey.dataSource.query('ANALYZE latchkey.identities, latchkey.organization_memberships');
  };

  describe('of the API documentation', () => {
    const PATHS = [
      '',
      '/',
      '/index.html',
      '/json',
      '/yaml',
      '/swagger-ui-init.js',
      '/swagger-ui.css',
      '/favicon-16x16.png',
    ];

    it.each(PATHS)('is paid once: /api/docs%s has a name, and whoever has it is told so', async (path) => {
      const url = `/api/docs${path}`;
      const first = await fetch(`${latchkey.url}${url}`);
      const etag = first.headers.get('etag')!;
      expect(first.status).toBe(200);
      expect(etag).toMatch(/^"[\w-]{27}"$/);
      expect(first.headers.get('cache-control')).toBe('no-cache');
      const bytes = await first.text();
      const second = await fetch(`${latchkey.url}${url}`);
      expect(await second.text()).toBe(bytes);
      for (const named of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const known = await fetch(`${latchkey.url}${url}`, { headers: { 'if-none-match': named } });
        expect([known.status, await known.text(), known.headers.get('etag')]).toEqual([304, '', etag]);
      }
      expect((await fetch(`${latchkey.url}${url}`, { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
    });

    it('is paid once, however the address is spelled', async () => {
      const etagOf = async (path: string) => (await fetch(`${latchkey.url}${path}`)).headers.get('etag');
      const etag = (await fetch(`${latchkey.url}/api/docs/yaml`)).headers.get('etag');
      for (const path of ['/api/docs/yaml?x=1', '/api//docs/yaml', '/api/docs/yaml/', '/api/docs/%79aml']) {
        expect([path, await etagOf(path)]).toEqual([path, etag]);
      }
    });

    it('is less where the reader understands gzip', async () => {
      const headers = { 'accept-encoding': 'gzip' };
      const plain = await fetch(`${latchkey.url}/api/docs/json`, { headers: { 'accept-encoding': 'identity' } });
      const small = await fetch(`${latchkey.url}/api/docs/json`, { headers });
      expect(plain.headers.get('content-encoding')).toBeNull();
      expect(small.headers.get('content-encoding')).toBe('gzip');
      expect(small.headers.get('vary')).toBe('accept-encoding');
      expect(small.headers.get('etag')).not.toBe(plain.headers.get('etag'));
      expect(Number(small.headers.get('content-length'))).toBeLessThan(Number(plain.headers.get('content-length')) / 5);
      expect(await small.text()).toBe(await plain.text());
      const refusing = { 'accept-encoding': 'gzip;q=0, br' };
      expect((await fetch(`${latchkey.url}/api/docs/json`, { headers: refusing })).headers.get('etag')).toBe(
        plain.headers.get('etag'),
      );
    });

    it('and what is not there is not there', async () => {
      for (const path of ['/api/docs/none', '/api/docs/LICENSE', '/api/docs/swagger-ui.css/x']) {
        expect((await fetch(`${latchkey.url}${path}`)).status).toBe(404);
      }
    });
  });

  describe('of a list', () => {
    const memberships = (query: string) => `/api/v2/organizations/${organizationId}/identity-memberships?${query}`;
    const namesOf = (items: { identity: { name: string; id: string } }[]) =>
      items.map(({ identity }) => `${identity.name} ${identity.id}`);

    beforeAll(() => addIdentities(1_000));

    it('is paid in parts when it is long: it has no length in advance, and is the same list', async () => {
      const path = memberships('limit=20000');
      const answer = await fetch(`${latchkey.url}${path}`, { headers: { authorization: `Bearer ${admin.token}` } });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-length')).toBeNull();
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
      const { identityMemberships, ...rest } = (await answer.json()) as { identityMemberships: never[] };
      expect(rest).toEqual({ totalCount: 1_001, nextCursor: null });
      const pages: never[] = [];
      for (let offset = 0; offset < 1_001; offset += 100) {
        const { identities } = done(await admin.post(SEARCH, { limit: 100, offset }));
        pages.push(...(identities as never[]));
      }
      expect(identityMemberships).toEqual(pages);
    });

    it.each([
      ['limit=1', 1],
      ['limit=199', 199],
      ['limit=200', 200],
      ['limit=201', 201],
      ['limit=450&offset=600&orderBy=role&orderDirection=desc', 401],
      ['limit=450&search=many', 450],
      ['limit=450&offset=5000', 0],
    ])('answers what was asked for: %s', async (query, count) => {
      const { identityMemberships, totalCount, nextCursor } = done(await admin.get(memberships(query)));
      expect(identityMemberships).toHaveLength(count);
      expect(new Set(namesOf(identityMemberships)).size).toBe(count);
      expect(totalCount).toBe(query.includes('many') ? 1_000 : 1_001);
      expect(nextCursor === null).toBe(/offset/.test(query));
    });

    it.each(['name', 'role'])('is the same by cursor, in the order of %s, in both directions', async (orderBy) => {
      const walk = async (orderDirection: string) => {
        const found: string[] = [];
        let cursor: string | undefined;
        do {
          const page = done(await admin.post(SEARCH, { limit: 97, orderBy, orderDirection, cursor }));
          found.push(...namesOf(page.identities));
          cursor = page.nextCursor ?? undefined;
        } while (cursor !== undefined);
        return found;
      };
      const up = await walk('asc');
      expect(new Set(up).size).toBe(1_001);
      expect(await walk('desc')).toEqual(up.reverse());
    });

    it('is not paid for a cursor that is none, or of another order', async () => {
      const cursor = done(await admin.post(SEARCH, { limit: 1 })).nextCursor as string;
      const forge = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const id = '00000000-0000-4000-8000-000000000000';
      const refusal = invalid(['invalid_string', ['cursor'], 'Not a cursor of this list in this order']);
      for (const bad of [
        'x',
        forge(null),
        forge(['name', 'a', 'b']),
        forge(['name', 'a\0', id]),
        forge(['name', {}, id]),
      ]) {
        expect(await admin.post(SEARCH, { cursor: bad })).toEqual(refusal);
        expect(await admin.get(memberships(`cursor=${bad}`))).toEqual(refusal);
      }
      expect(await admin.post(SEARCH, { cursor, orderBy: 'role' })).toEqual(refusal);
    });

    it('is that of a page, not of all there are: read from an index, sorted by nobody', async () => {
      const { manager } = latchkey.dataSource;
      const plan = async (query: SelectQueryBuilder<OrganizationMembership>) => {
        const [sql, parameters] = query.limit(21).getQueryAndParameters();
        const rows = await manager.query<{ 'QUERY PLAN': string }[]>(`EXPLAIN ${sql}`, parameters);
        return rows.map((row) => row['QUERY PLAN']).join('\n');
      };
      const listed = await plan(membersOf(manager, organizationId).orderBy({ 'm.createdAt': 'DESC', 'm.id': 'DESC' }));
      const byName = await plan(ordered(membersOf(manager, organizationId), {}));
      const byRole = await plan(ordered(membersOf(manager, organizationId), { orderBy: 'role' }));
      const found = await plan(ordered(matching(membersOf(manager, organizationId), { name: 'many 1' }), {}));
      expect(listed).toMatch('ix_organization_memberships_list');
      expect(byName).toMatch('ix_identities_name');
      expect(byRole).toMatch('ix_organization_memberships_role');
      expect(found).toMatch('ix_identities_name');
      for (const text of [listed, byName, byRole]) expect(text).not.toMatch(/\bSort\b/);
    });

    it('lowers a name once, however many parts of it are asked for', () => {
      const $or = Array.from({ length: 20 }, (_, n) => ({ name: { $contains: `part ${n}` } }));
      const sql = matching(membersOf(latchkey.dataSource.manager, organizationId), { $or }).getQuery();
      expect(sql.match(/lower\("?i"?\./g)).toHaveLength(1);
    });

    it('counts to ten thousand, and further for whoever is there', async () => {
      const other = await latchkey.given.organization('More');
      await addIdentities(10_050, other.organizationId);
      const search = async (body: object) => {
        const { totalCount, isTotalCountCapped } = done(await other.admin.post(SEARCH, body));
        return [totalCount, isTotalCountCapped];
      };
      expect(await search({ limit: 1 })).toEqual([10_000, true]);
      expect(await search({ limit: 100, offset: 9_900 })).toEqual([10_001, true]);
      expect(await search({ limit: 100, offset: 10_000 })).toEqual([10_051, undefined]);
      const list = `/api/v2/organizations/${other.organizationId}/identity-memberships?limit=20000`;
      const all = done(await other.admin.get(list));
      expect([all.identityMemberships.length, all.totalCount, all.isTotalCountCapped]).toEqual([
        10_051,
        10_051,
        undefined,
      ]);
    });
  });

  it('client secrets are answered in parts when they are many, all of them to whoever asks for no page', async () => {
    const { identityId } = await tenant.given.client();
    await latchkey.dataSource.query(
      `INSERT INTO latchkey.client_secrets (auth_method_id, identity_id, hash, prefix, description, ttl, num_uses_limit)
       SELECT a.id, a.identity_id, sha256(n::text::bytea), 'abcd', n::text, 0, 0
         FROM latchkey.identity_auth_methods a, generate_series(1, 450) n WHERE a.identity_id = $1`,
      [identityId],
    );
    const path = `/api/v1/auth/universal-auth/identities/${identityId}/client-secrets`;
    const answer = await fetch(`${latchkey.url}${path}`, { headers: { authorization: `Bearer ${admin.token}` } });
    expect(answer.headers.get('content-length')).toBeNull();
    const { clientSecretData, ...rest } = (await answer.json()) as { clientSecretData: { id: string }[] };
    expect(new Set(clientSecretData.map(({ id }) => id)).size).toBe(451);
    expect(rest).toEqual({ totalCount: 451, nextCursor: null });
    const page = done(await admin.get(`${path}?limit=100`));
    expect(page.clientSecretData).toEqual(done(await admin.get(path)).clientSecretData.slice(0, 100));
    expect(page.nextCursor).toEqual(expect.any(String));
  });

  describe('of a change', () => {
    /** What is sent to the database for a request, statement by statement. */
    const statementsOf = async (request: () => Promise<unknown>) => {
      const statements: string[] = [];
      const { logger } = latchkey.dataSource;
      const noting = { logQuery: (sql: string) => void statements.push(sql.trim().replace(/\s+/g, ' ')) };
      latchkey.dataSource.logger = Object.assign(Object.create(logger) as typeof logger, noting);
      try {
        await request();
      } finally {
        latchkey.dataSource.logger = logger;
      }
      return statements;
    };

    it('updating a token takes five statements, its event in the audit log, and the reading of the changes that follows the commit', async () => {
      const { tokenId } = await tenant.given.token();
      await latchkey.app.get(ObservationQueue, { strict: false }).flush();
      const statements = await statementsOf(async () => {
        done(await admin.patch(`/api/v1/auth/token-auth/tokens/${tokenId}`, { name: 'other' }));
      });
      expect(statements).toEqual([
        'START TRANSACTION',
        expect.stringMatching(/^SELECT .* FROM "latchkey"."identity_access_tokens"/),
        expect.stringMatching(
          /^SELECT .*"organization_memberships" .* JOIN .*"identities" .* FOR NO KEY UPDATE OF m, i$/,
        ),
        expect.stringMatching(/^UPDATE latchkey.identity_access_tokens .* EXISTS .* RETURNING/),
        expect.stringMatching(/latchkey.audit_append/),
        'COMMIT',
      ]);
    });
  });

  describe('of searches that take long', () => {
    const TOO_COSTLY = refused(
      503,
      'ServiceUnavailable',
      'The list took longer than a second to read. Narrow the search, or ask for a page nearer to the beginning.',
    );
    let other: Client;

    beforeEach(async () => {
      other = new Client({ connectionString: process.env.LATCHKEY_TEST_DATABASE });
      await other.connect();
    });
    afterEach(() => other.end());

    it('is borne by those who search: others delete and revoke meanwhile', async () => {
      await addIdentities(20_000, organizationId, 'x'.repeat(240));
      const { tokenId } = await tenant.given.token();
      const identityId = await tenant.given.identity();
      // What cannot be lowered once for all.
      const $or = Array.from({ length: 20 }, (_, n) => ({ name: { $contains: `none ${n}` }, role: 'member' }));
      let searching = 0;
      const searches = Array.from({ length: 60 }, async () => {
        searching += 1;
        const { status } = await admin.post(SEARCH, { search: { $or } });
        searching -= 1;
        return status;
      });
      expect((await admin.post(`/api/v1/auth/token-auth/tokens/${tokenId}/revoke`)).status).toBe(200);
      expect((await admin.delete(`/api/v1/identities/${identityId}`)).status).toBe(200);
      expect(searching).toBeGreaterThan(0);
      for (const status of await Promise.all(searches)) expect([200, 503]).toContain(status);
    });

    it('has an end: what takes longer than a second is given up, with a sentence that says so', async () => {
      await other.query('BEGIN; LOCK TABLE latchkey.organization_memberships IN ACCESS EXCLUSIVE MODE');
      const answer = await admin.post(SEARCH, {});
      await other.query('ROLLBACK');
      expect(answer).toEqual(TOO_COSTLY);
      expect((await admin.post(SEARCH, {})).status).toBe(200);
    });
  });
});
