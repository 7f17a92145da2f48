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
