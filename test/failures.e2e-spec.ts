import { type Answer, refused } from './support/api-client';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { refusing } from './support/refusing';
import { snapshot } from './support/snapshot';

const DETAILS = '/api/v1/identities/details';
/** A trigger that the operator added has failed: that is no mistake of the node, so the caller may try again. */
const UNAVAILABLE = refused(503, 'ServiceUnavailable', 'The database is not available. Please try again.');

describe('a failure between two writes', () => {
  let latchkey: TestLatchkey;
  let organizationId: string;

  beforeAll(async () => {
    latchkey = await startLatchkey();
    ({ organizationId } = latchkey.given);
  });
  afterAll(() => latchkey.stop());

  /** The call fails without a word about why, leaves every table as it was, and works once the cause is gone. */
  const leavesNothing = async (event: string, table: string, attempt: () => Promise<Answer>): Promise<void> => {
    const before = await snapshot(latchkey.dataSource);
    expect(await refusing(latchkey, { event, table }, attempt)).toEqual(UNAVAILABLE);
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
    ).toEqual(UNAVAILABLE);
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
    expect((await remove()).status).toBe(200);
    expect((await api.get(DETAILS)).status).toBe(401);
  });

  it('does not say that a token is revoked when it is not', async () => {
    const { tokenId, accessToken, api } = await latchkey.given.token();
    await refusing(latchkey, { event: 'UPDATE OF revoked_at', table: 'identity_access_tokens' }, async () => {
      expect(await latchkey.admin.post(`/api/v1/auth/token-auth/tokens/${tokenId}/revoke`)).toEqual(UNAVAILABLE);
      expect(await latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken })).toEqual(UNAVAILABLE);
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
      message: { event: 'request.refused', errorCode: 'database_unavailable', status: 503, cause: { code: 'P0001' } },
    });
  });
});
