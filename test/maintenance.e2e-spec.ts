import { MaintenanceRunner } from '../src/maintenance/maintenance.runner';
import { done } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

const DAY = 86_400;

describe('clearing away', () => {
  let latchkey: TestLatchkey;

  beforeAll(async () => {
    latchkey = await startLatchkey({ maintenance: false });
  });
  beforeEach(() => latchkey.clock.reset());
  afterAll(() => latchkey.stop());

  const run = () => latchkey.app.get(MaintenanceRunner).run();
  const isThere = async (tokenId: string) =>
    (await latchkey.dataSource.query<unknown[]>('SELECT FROM latchkey.identity_access_tokens WHERE id = $1', [tokenId]))
      .length === 1;

  it('keeps a dead token visible for thirty days after the last JWT signed for it would have run out', async () => {
    const expired = await latchkey.given.token({ policy: { accessTokenTTL: 60 } });
    const revoked = await latchkey.given.token({ policy: { accessTokenTTL: 5 * DAY } });
    done(await latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken: revoked.accessToken }));

    latchkey.clock.advance(30 * DAY);
    await run();
    expect([await isThere(expired.tokenId), await isThere(revoked.tokenId)]).toEqual([true, true]);

    latchkey.clock.advance(120);
    await run();
    expect([await isThere(expired.tokenId), await isThere(revoked.tokenId)]).toEqual([false, true]);

    latchkey.clock.advance(5 * DAY);
    await run();
    expect(await isThere(revoked.tokenId)).toBe(false);
  });

  it('takes any number of tokens, and leaves the living alone', async () => {
    const living = await latchkey.given.token();
    const { identityId } = await latchkey.given.token();
    const insert = (expiresAt: string, revokedAt: string) => `
      INSERT INTO latchkey.identity_access_tokens
        (identity_id, organization_id, auth_method_id, auth_method, access_token_ttl, access_token_max_ttl, expires_at, revoked_at)
      SELECT '${identityId}', '${latchkey.given.organizationId}', gen_random_uuid(), 'token-auth', 60, 60, ${expiresAt}, ${revokedAt}
        FROM generate_series(1, 2500)`;
    await latchkey.dataSource.query(insert(`now() - interval '31 days'`, 'NULL'));
    await latchkey.dataSource.query(insert('NULL', `now() - interval '31 days'`));
    await latchkey.dataSource.query(insert(`now() - interval '29 days'`, `now() - interval '40 days'`));
    await run();
    const [{ left }] = await latchkey.dataSource.query<[{ left: number }]>(
      'SELECT count(*)::int AS left FROM latchkey.identity_access_tokens WHERE identity_id = $1',
      [identityId],
    );
    expect(left).toBe(2501);
    expect(await isThere(living.tokenId)).toBe(true);
  });

  it('is left to another node while that node is at it', async () => {
    const expired = await latchkey.given.token({ policy: { accessTokenTTL: 60 } });
    latchkey.clock.advance(31 * DAY);
    await latchkey.dataSource.transaction(async (tx) => {
      await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('latchkey.prune_tokens', 0))`);
      await run();
      expect(await isThere(expired.tokenId)).toBe(true);
    });
    await run();
    expect(await isThere(expired.tokenId)).toBe(false);
  });
});

describe('removing a method or an identity with many tokens', () => {
  let latchkey: TestLatchkey;

  beforeAll(async () => {
    latchkey = await startLatchkey({ maintenance: false });
  });
  afterAll(() => latchkey.stop());

  const METHODS = '/api/v1/auth/token-auth/identities';
  /** Thousands of tokens beside the one that is given. */
  const many = async () => {
    const token = await latchkey.given.token();
    await latchkey.dataSource.query(
      `INSERT INTO latchkey.identity_access_tokens
         (identity_id, organization_id, auth_method_id, auth_method, access_token_ttl, access_token_max_ttl)
       SELECT identity_id, organization_id, auth_method_id, auth_method, 60, 60
         FROM latchkey.identity_access_tokens, generate_series(1, 2500) WHERE id = $1`,
      [token.tokenId],
    );
    return token;
  };
  /** Where each row lies: it moves when it is written. */
  const places = async (identityId: string) => {
    const [{ sum }] = await latchkey.dataSource.query<[{ sum: string }]>(
      `SELECT count(*) || ' ' || md5(string_agg(ctid::text || xmax::text, ',' ORDER BY id)) AS sum
         FROM latchkey.identity_access_tokens WHERE identity_id = $1`,
      [identityId],
    );
    return sum;
  };
  const left = async (identityId: string, condition = 'true') => {
    const sql = `SELECT count(*)::int AS left FROM latchkey.identity_access_tokens WHERE identity_id = $1 AND ${condition}`;
    return (await latchkey.dataSource.query<[{ left: number }]>(sql, [identityId]))[0].left;
  };
  const removals = async () =>
    (await latchkey.dataSource.query<unknown[]>('SELECT FROM latchkey.removed_auth_methods')).length;
  const run = () => latchkey.app.get(MaintenanceRunner).run();

  it('writes none of them, kills all of them, and shows each as revoked since then, before and after they are cleared up', async () => {
    const token = await many();
    const before = await places(token.identityId);
    const startedAt = Date.now();
    done(await latchkey.admin.delete(`${METHODS}/${token.identityId}`));
    expect(await places(token.identityId)).toBe(before);
    expect((await token.api.get('/api/v1/identities/details')).status).toBe(401);

    const shown = async () =>
      done(await latchkey.admin.get(`/api/v1/auth/token-auth/tokens/${token.tokenId}`)).token as {
        isAccessTokenRevoked: boolean;
        updatedAt: string;
      };
    const first = await shown();
    expect(first.isAccessTokenRevoked).toBe(true);
    expect(Math.abs(Date.parse(first.updatedAt) - startedAt)).toBeLessThan(60_000);
    const revocation = `/api/v1/auth/token-auth/tokens/${token.tokenId}/revoke`;
    expect((await latchkey.admin.post(revocation)).status).toBe(404);

    // Attached again: those of the first time stay dead, in the list too.
    await latchkey.given.tokenAuth(token.identityId);
    const living = await latchkey.given.tokenFor(token.identityId);
    const list = async () => {
      const { tokens } = done(await latchkey.admin.get(`${METHODS}/${token.identityId}/tokens?limit=100`));
      return (tokens as { id: string; isAccessTokenRevoked: boolean }[])
        .filter(({ isAccessTokenRevoked }) => !isAccessTokenRevoked)
        .map(({ id }) => id);
    };
    expect(await list()).toEqual([living.tokenId]);

    await run();
    expect(await removals()).toBe(0);
    expect(await left(token.identityId, 'revoked_at IS NULL')).toBe(1);
    expect(await shown()).toEqual(first);
    expect(await list()).toEqual([living.tokenId]);
    expect((await token.api.get('/api/v1/identities/details')).status).toBe(401);
    expect((await living.api.get('/api/v1/identities/details')).status).toBe(200);
  });

  it('leaves none of a deleted identity to be seen or used, and clears them up later', async () => {
    const token = await many();
    const before = await places(token.identityId);
    done(await latchkey.admin.delete(`/api/v1/identities/${token.identityId}`));
    expect(await places(token.identityId)).toBe(before);
    const path = `/api/v1/auth/token-auth/tokens/${token.tokenId}`;
    const answers = [
      await latchkey.admin.get(path),
      await latchkey.admin.patch(path, { name: 'x' }),
      await latchkey.admin.post(`${path}/revoke`),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
    expect((await token.api.get('/api/v1/identities/details')).body.message).toMatch(
      /identity tokens have been revoked/,
    );
    await run();
    expect(await left(token.identityId)).toBe(0);
    expect(await removals()).toBe(0);
  });

  it('is not undone by putting the row of the method back', async () => {
    const { identityId } = await many();
    const [row] = await latchkey.dataSource.query<[Record<string, unknown>]>(
      'SELECT to_json(a) AS row FROM latchkey.identity_auth_methods a WHERE identity_id = $1',
      [identityId],
    );
    done(await latchkey.admin.delete(`${METHODS}/${identityId}`));
    const again = latchkey.dataSource.query(
      'INSERT INTO latchkey.identity_auth_methods SELECT * FROM json_populate_record(NULL::latchkey.identity_auth_methods, $1)',
      [row.row],
    );
    await expect(again).rejects.toThrow(/was removed/);
  });
});

describe('a long list of tokens', () => {
  let latchkey: TestLatchkey;

  beforeAll(async () => {
    latchkey = await startLatchkey({ maintenance: false });
  });
  afterAll(() => latchkey.stop());

  it('is counted up to a thousand, and says that there are more', async () => {
    const { identityId } = await latchkey.given.token();
    const list = async () =>
      done(await latchkey.admin.get(`/api/v1/auth/token-auth/identities/${identityId}/tokens?limit=1`));
    const add = (count: number) =>
      latchkey.dataSource.query(
        `INSERT INTO latchkey.identity_access_tokens
           (identity_id, organization_id, auth_method_id, auth_method, access_token_ttl, access_token_max_ttl)
         SELECT $1, $2, gen_random_uuid(), 'token-auth', 60, 60 FROM generate_series(1, $3::int)`,
        [identityId, latchkey.given.organizationId, count],
      );
    await add(999);
    expect(await list()).toEqual({ tokens: [expect.anything()], totalCount: 1_000, nextCursor: expect.any(String) });
    await add(1);
    expect(await list()).toEqual({
      tokens: [expect.anything()],
      totalCount: 1_000,
      isTotalCountCapped: true,
      nextCursor: expect.any(String),
    });
  });
});
