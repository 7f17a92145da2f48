import { refused } from './support/api-client';
import { done, type GivenOrganization } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

const TOKENS = '/api/latchkey/v1/access-tokens';
const DAY_MS = 86_400_000;

interface Listed {
  readonly id: string;
  readonly name: string | null;
  readonly status: string;
  readonly authMethod: string;
  readonly accessTokenExpiresAt: string | null;
}

describe('the tokens of every auth method', () => {
  let latchkey: TestLatchkey;
  let tenant: GivenOrganization;
  beforeAll(async () => {
    latchkey = await startLatchkey();
  });
  afterAll(() => latchkey.stop());
  beforeEach(async () => {
    tenant = await latchkey.given.organization('Tenant');
  });

  const list = async (
    query: Record<string, string> = {},
  ): Promise<{ accessTokens: Listed[]; nextCursor: string | null }> =>
    done(await tenant.admin.get(`${TOKENS}?${new URLSearchParams(query).toString()}`));
  const names = async (query: Record<string, string>) => (await list(query)).accessTokens.map(({ name }) => name);

  /** An identity with tokens that live for a number of days each. */
  async function tokensFor(days: readonly number[]): Promise<{ identityId: string; ids: string[] }> {
    const identityId = await tenant.given.identity({ name: 'program' });
    await tenant.given.tokenAuth(identityId, { accessTokenTTL: 60, accessTokenMaxTTL: 0 });
    const ids: string[] = [];
    for (const day of days) {
      done(
        await tenant.admin.patch(`/api/v1/auth/token-auth/identities/${identityId}`, { accessTokenTTL: day * 86_400 }),
      );
      ids.push((await tenant.given.tokenFor(identityId, { name: `ends-${day}` })).tokenId);
    }
    return { identityId, ids };
  }

  it('are listed by their end, page by page, with filters for the end, the name and what was not used', async () => {
    const { identityId, ids } = await tokensFor([3, 1, 2, 40]);
    const ours = (all: (string | null)[]) => all.filter((name) => name?.startsWith('ends-'));
    expect(ours(await names({}))).toEqual(['ends-1', 'ends-2', 'ends-3', 'ends-40']);
    const soon = new Date(Date.now() + 2.5 * DAY_MS).toISOString();
    expect(await names({ endsBefore: soon })).toEqual(['ends-1', 'ends-2']);
    expect(await names({ search: 'ENDS-4' })).toEqual(['ends-40']);
    expect(await names({ search: 'ends_' })).toEqual([]);
    expect(await names({ search: ids[0]! })).toEqual(['ends-3']);
    expect(await names({ authMethod: 'universal-auth' })).toEqual([]);
    const later = new Date(Date.now() + 1_000).toISOString();
    expect(ours(await names({ unusedSince: later }))).toHaveLength(4);
    expect(await names({ unusedSince: new Date(0).toISOString() })).toEqual([]);

    const first = await list({ limit: '2', endsBefore: new Date(Date.now() + 41 * DAY_MS).toISOString() });
    const second = await list({
      limit: '2',
      endsBefore: new Date(Date.now() + 41 * DAY_MS).toISOString(),
      cursor: first.nextCursor!,
    });
    expect([...first.accessTokens, ...second.accessTokens].map(({ name }) => name)).toEqual([
      ...['ends-1', 'ends-2', 'ends-3', 'ends-40'],
    ]);
    expect(second.nextCursor).toBeNull();
    const newest = await list({ identityId, limit: '3' });
    expect(newest.accessTokens.map(({ name }) => name)).toEqual(['ends-40', 'ends-2', 'ends-1']);
    expect(await names({ identityId, limit: '3', cursor: newest.nextCursor! })).toEqual(['ends-3']);
    expect((await tenant.admin.get(`${TOKENS}?cursor=bad`)).status).toBe(422);
  });

  it('have the ends that a verification goes by, whichever method issued them', async () => {
    const { identityId, ids } = await tokensFor([1, 2]);
    const { clientId, clientSecret } = await tenant.given.client();
    done(await latchkey.anonymous.post('/api/v1/auth/universal-auth/login', { clientId, clientSecret }));
    const [login] = (await list({ authMethod: 'universal-auth' })).accessTokens;
    expect(login).toMatchObject({ name: null, status: 'live' });

    done(await tenant.admin.post(`${TOKENS}/${ids[0]!}/revoke`, {}));
    done(await tenant.admin.post(`${TOKENS}/${login!.id}/revoke?wait=all`, {}));
    expect(await tenant.admin.post(`${TOKENS}/${login!.id}/revoke`, {})).toEqual(
      refused(404, 'NotFound', `Token with ID ${login!.id} not found or already revoked`),
    );
    expect(await names({ identityId })).toEqual(['ends-2', 'ends-1']);
    expect(await names({ identityId, status: 'live' })).toEqual(['ends-2']);
    expect(await names({ authMethod: 'universal-auth' })).toEqual([]);

    done(await tenant.admin.delete(`/api/v1/auth/token-auth/identities/${identityId}`));
    const { accessToken } = done(await tenant.admin.get(`${TOKENS}/${ids[1]!}`));
    expect(accessToken).toMatchObject({ status: 'revoked', identityName: 'program', isAccessTokenRevoked: true });
    expect(await names({ identityId, status: 'live' })).toEqual([]);
  });

  it('are counted in the overview, and a locked login is named there', async () => {
    await tokensFor([1, 5, 20, 60].map((days) => days - 0.5));
    const { clientId } = await tenant.given.client();
    for (let guess = 0; guess < 3; guess += 1)
      await latchkey.anonymous.post('/api/v1/auth/universal-auth/login', { clientId, clientSecret: `wrong${guess}` });
    const overview = done(await tenant.admin.get('/api/latchkey/v1/overview'));
    const { expiring, expiries, lockouts, identities } = overview;
    expect([expiring.day.count, expiring.week.count, expiring.month.count]).toEqual([1, 2, 3]);
    expect(expiries.reduce((sum: number, { tokens }: { tokens: number }) => sum + tokens, 0)).toBe(3);
    expect(identities).toEqual({ count: 3, isCapped: false });
    expect(lockouts).toEqual([expect.objectContaining({ authMethod: 'universal-auth', failures: 3 })]);
  });

  it('of an instance administrator are seen by instance administrators alone', async () => {
    const { identityId } = await latchkey.given.token({ role: 'admin' });
    const other = await latchkey.given.token({ role: 'admin' });
    expect(identityId).not.toBe(other.identityId);
    const { me } = done(await latchkey.admin.get('/api/latchkey/v1/me'));
    expect(me).toMatchObject({ isInstanceAdmin: true, role: 'admin' });
    const seen = done(await other.api.get(`${TOKENS}?limit=100`)).accessTokens as { identityId: string }[];
    expect(seen.map((token) => token.identityId)).not.toContain(me.identityId);
    expect((await other.api.get(`${TOKENS}?identityId=${me.identityId as string}`)).status).toBe(403);
    expect((await other.api.post(`${TOKENS}/${me.tokenId as string}/revoke`, {})).status).toBe(403);
    expect((await other.api.get(`${TOKENS}/${me.tokenId as string}`)).status).toBe(403);
    expect((await other.api.get('/api/latchkey/v1/nodes')).status).toBe(403);
    const { nodes } = done(await latchkey.admin.get('/api/latchkey/v1/nodes'));
    expect(nodes).toEqual([expect.objectContaining({ isThisNode: true, isGone: false })]);
  });
});
