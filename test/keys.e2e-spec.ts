import { randomUUID } from 'node:crypto';
import { AccessTokenVerifier } from '../src/access-tokens/verification/access-token.verifier';
import { AccessTokens } from '../src/host-api/access-tokens';
import type { IssuedAccessToken } from '../src/host-api/key-types';
import { MachineIdentities } from '../src/host-api/machine-identities';
import type { Role } from '../src/permissions/roles';
import type { ApiClient } from './support/api-client';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

interface Key extends IssuedAccessToken {
  /** Calls with the key. */
  readonly api: ApiClient;
}

const BOUND_MS = 300;
const ADDRESS = '127.0.0.1';
const CREATE = '/api/v1/identities';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('what a key has beyond a token', () => {
  let nodes: TestLatchkey[];
  let latchkey: TestLatchkey;

  beforeAll(async () => {
    const database = { url: process.env.LATCHKEY_TEST_DATABASE!, pushUrl: false as const };
    const options = { revocationBoundMs: BOUND_MS, database };
    latchkey = await startLatchkey(options);
    const other = await startLatchkey({ ...options, authSecret: latchkey.authSecret }, { isBootstrapped: false });
    nodes = [latchkey, other];
  });
  afterAll(() => Promise.all(nodes.map((node) => node.stop())));

  const keyOf = async (role: Role = 'no-access'): Promise<Key> => {
    const { organizationId } = latchkey.given;
    const { identityId } = await latchkey.app.get(MachineIdentities).create({ organizationId, name: 'given', role });
    const issued = await latchkey.app.get(AccessTokens).issue({ identityId });
    return { ...issued, api: latchkey.as(issued.accessToken) };
  };
  const callers = (accessToken: string) =>
    Promise.all(nodes.map((node) => node.app.get(AccessTokenVerifier).verify(accessToken, ADDRESS)));
  /** On each node: the caller, or the code of the refusal. */
  const answers = (accessToken: string) =>
    Promise.all(
      nodes.map((node) =>
        node.app
          .get(AccessTokenVerifier)
          .verify(accessToken, ADDRESS)
          .then(
            () => 'let in',
            (error: { errorCode: string }) => error.errorCode,
          ),
      ),
    );
  /** By hand, on a remembered token: every node must learn of it by itself. */
  const setAfterUse = async ({ tokenId, accessToken }: Key, change: string, value: unknown = null) => {
    expect(await answers(accessToken)).toEqual(['let in', 'let in']);
    await latchkey.dataSource.query(
      `UPDATE latchkey.identity_access_tokens SET ${change} WHERE id = $1 AND $2::jsonb IS NOT DISTINCT FROM $2::jsonb`,
      [tokenId, value === null ? null : JSON.stringify(value)],
    );
    await pause(BOUND_MS);
  };

  // Seen red: the columns of keys left out of the trigger that notes changes.
  it.each([
    ['disabled_at = now()', null, 'access_token_disabled'],
    ['ends_at = now()', null, 'access_token_expired'],
    ['ends_at = now(), rotated_to = gen_random_uuid()', null, 'access_token_rotated'],
    ['trusted_ips = $2', [{ type: 'ipv4', prefix: 8, ipAddress: '10.0.0.0' }], 'address_not_trusted'],
    ['num_uses = 1, num_uses_limit = 1', null, 'access_token_uses_exhausted'],
  ])('is in force on every node within the bound: %s', async (change, value, code) => {
    const key = await keyOf();
    await setAfterUse(key, change, value);
    expect(await answers(key.accessToken)).toEqual([code, code]);
  });

  it('is told of the caller, and refused with 503 where it cannot be read', async () => {
    const key = await keyOf('member');
    await latchkey.change(`UPDATE latchkey.organizations SET external_id = 'tenant-7' WHERE id = $1`, [
      latchkey.given.organizationId,
    ]);
    await setAfterUse(
      key,
      `permissions = $2, metadata = '{"plan":"gold"}', external_id = 'key-7', ends_at = now() + interval '1 hour'`,
      { identity: ['read'], files: ['read'] },
    );
    for (const caller of await callers(key.accessToken)) {
      expect(caller).toMatchObject({
        permissions: { identity: ['read'], files: ['read'] },
        externalId: 'key-7',
        tokenMetadata: { plan: 'gold' },
        organization: { externalId: 'tenant-7' },
      });
      expect(Math.round((caller.expiresAt!.getTime() - Date.now()) / 60_000)).toBe(60);
    }
    for (const unreadable of [{ files: 'read' }, ['files'], { files: [1] }]) {
      await latchkey.change('UPDATE latchkey.identity_access_tokens SET permissions = $2 WHERE id = $1', [
        key.tokenId,
        JSON.stringify(unreadable),
      ]);
      await pause(BOUND_MS);
      expect(await answers(key.accessToken)).toEqual(['database_unavailable', 'database_unavailable']);
    }
  });

  // Seen red: the permissions of the token ignored by the guard, and by the privilege boundary.
  it('narrows what the role may do of Latchkey’s own, and widens nothing', async () => {
    const { organizationId } = latchkey.given;
    const body = { name: 'made', organizationId };
    const narrow = await keyOf('admin');
    await setAfterUse(narrow, 'permissions = $2', { identity: ['read', 'create-token'] });
    expect((await narrow.api.get(`${CREATE}/${narrow.identityId}`)).status).toBe(200);
    expect((await narrow.api.post(CREATE, body)).status).toBe(403);
    const member = await keyOf('member');
    const path = `/api/v1/auth/token-auth/identities/${member.identityId}/tokens`;
    expect((await narrow.api.post(path, {})).status).toBe(403);
    const none = await keyOf('no-access');
    await setAfterUse(none, 'permissions = $2', { identity: ['create'] });
    expect((await none.api.post(CREATE, body)).status).toBe(403);
  });

  it('is kept in the terms of nodes of the version before, which would let in too many otherwise', async () => {
    const key = await keyOf();
    const former = async () => {
      const [row] = await latchkey.dataSource.query<Record<string, unknown>[]>(
        'SELECT is_revoked, trusted_ips, expires_ms::float8 AS expires_ms FROM latchkey.token_state($1)',
        [key.tokenId],
      );
      return row!;
    };
    const set = (change: string) =>
      latchkey.dataSource.query(`UPDATE latchkey.identity_access_tokens SET ${change} WHERE id = $1`, [key.tokenId]);
    expect(await former()).toMatchObject({ is_revoked: false });
    for (const column of [`disabled_at = now()`, `permissions = '{}'`]) {
      await set(column);
      expect(await former()).toMatchObject({ is_revoked: true });
      await set('disabled_at = NULL, permissions = NULL');
    }
    await set(`trusted_ips = '[]', ends_at = to_timestamp(1)`);
    expect(await former()).toMatchObject({ is_revoked: false, trusted_ips: [], expires_ms: 1000 });
  });

  it('has an id of the host’s that no other key of the organization has, but the one in its place', async () => {
    const [one, other] = [await keyOf(), await keyOf()];
    const name = (tokenId: string) =>
      latchkey.dataSource.query(`UPDATE latchkey.identity_access_tokens SET external_id = 'same' WHERE id = $1`, [
        tokenId,
      ]);
    await name(one.tokenId);
    await expect(name(other.tokenId)).rejects.toThrow('uq_identity_access_tokens_external_id');
    await latchkey.dataSource.query('UPDATE latchkey.identity_access_tokens SET rotated_to = $2 WHERE id = $1', [
      one.tokenId,
      randomUUID(),
    ]);
    await name(other.tokenId);
  });
});
