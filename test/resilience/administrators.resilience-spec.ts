import { Cluster, isLong } from './support/cluster';
import type { LatchkeyNode } from './support/node';

jest.setTimeout(isLong ? 1_200_000 : 120_000);

const ROUNDS = isLong ? 500 : 15;
const TOKENS = isLong ? 1_000_000 : 20_000;
const METHOD = '/api/v1/auth/token-auth/identities';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
});
afterAll(() => cluster.stop());

interface Administrator {
  readonly identityId: string;
  readonly tokenId: string;
  readonly jwt: string;
}

/** Two administrators of a new organization, each with one token and nothing else. */
async function twoAdministrators(): Promise<[Administrator, Administrator]> {
  const { identity, organization } = (await cluster.manage('/api/v2/organizations', { name: 'Race' })).body;
  const first = identity.credentials.token as string;
  const { jti } = JSON.parse(Buffer.from(first.split('.')[1]!, 'base64url').toString()) as { jti: string };
  const call = async (path: string, body: object = {}) => (await cluster.node(0).post(path, body, first)).body;
  const made = await call('/api/v1/identities', { name: 'other', organizationId: organization.id, role: 'admin' });
  const identityId = made.identity.id as string;
  await call(`${METHOD}/${identityId}`);
  const { accessToken, tokenData } = await call(`${METHOD}/${identityId}/tokens`);
  return [
    { identityId: identity.id, tokenId: jti, jwt: first },
    { identityId, tokenId: tokenData.id, jwt: accessToken },
  ];
}

/** How many of them are still administrators: a call that only an administrator may make says so. */
async function administrating(administrators: Administrator[]): Promise<number> {
  let count = 0;
  for (const { identityId, jwt } of administrators) {
    const { status } = await cluster
      .node(0)
      .call(`/api/v1/identities/${identityId}`, { method: 'PATCH', body: { role: 'admin' }, token: jwt });
    expect(status).not.toBe(503);
    if (status === 200) count += 1;
  }
  return count;
}

/** What one administrator does to another, or to itself. */
const WAYS: Record<string, (by: Administrator, to: Administrator, node: LatchkeyNode) => Promise<{ status: number }>> =
  {
    'demoting each other': (by, to, node) =>
      node.call(`/api/v1/identities/${to.identityId}`, { method: 'PATCH', body: { role: 'member' }, token: by.jwt }),
    'deleting each other': (by, to, node) =>
      node.call(`/api/v1/identities/${to.identityId}`, { method: 'DELETE', token: by.jwt }),
    'detaching each other': (by, to, node) =>
      node.call(`${METHOD}/${to.identityId}`, { method: 'DELETE', token: by.jwt }),
    'revoking their own tokens': (by, _to, node) => node.post('/api/v1/auth/token/revoke', { accessToken: by.jwt }),
  };

describe('P35: an organization keeps an administrator', () => {
  it.each(Object.keys(WAYS))('when its last two are at %s on two nodes', async (way) => {
    const pairs: Administrator[][] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const [one, other] = await twoAdministrators();
      // Both are known everywhere: what the gate remembers makes them as fast as they can be.
      for (const { jwt } of [one, other]) for (const node of cluster.nodes) await node.use(jwt);
      await Promise.all([WAYS[way]!(one, other, cluster.node(1)), WAYS[way]!(other, one, cluster.node(2))]);
      pairs.push([one, other]);
    }
    // The bound, and as much again for the machine.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    // One pair after another: a thousand calls at once would be refused as a flood.
    const left: number[] = [];
    for (const pair of pairs) left.push(await administrating(pair));
    expect(left).toEqual(left.map(() => 1));
  });
});

describe('P35: an administrator does not count', () => {
  it('whose only token ends within the hour', async () => {
    const [one, other] = await twoAdministrators();
    await cluster.postgres.sql(
      `UPDATE latchkey.identity_access_tokens SET expires_at = now() + interval '50 minutes' WHERE id = $1`,
      [other.tokenId],
    );
    expect((await WAYS['demoting each other']!(other, one, cluster.node(1))).status).toBe(400);
    expect((await WAYS['revoking their own tokens']!(other, one, cluster.node(2))).status).toBe(200);
  });
});

describe('P36: what is removed is dead however many tokens there are', () => {
  /** Where the rows lie: one that is written moves. Those of the probes are, when their uses are counted. */
  const places = async (identityId: string, probes: { tokenId: string }[]) => {
    const [row] = await cluster.postgres.sql<{ sum: string }>(
      `SELECT count(*) || md5(string_agg(ctid::text || xmax::text, ',' ORDER BY id)) AS sum
         FROM latchkey.identity_access_tokens WHERE identity_id = $1 AND id <> ALL ($2::uuid[])`,
      [identityId, probes.map(({ tokenId }) => tokenId)],
    );
    return row!.sum;
  };

  it.each([
    ['a method', (identityId: string) => `${METHOD}/${identityId}`],
    ['an identity', (identityId: string) => `/api/v1/identities/${identityId}`],
  ])('removing %s writes none of them, and every node refuses them', async (_what, path) => {
    const token = await cluster.token();
    const many = await cluster.many(TOKENS, token);
    const probes = [token, many[0]!, many.at(-1)!];
    for (const probe of probes) await cluster.warm(probe);
    const before = await places(token.identityId, probes);
    await cluster.manage(path(token.identityId), undefined, 'DELETE', cluster.node(1));
    expect(await places(token.identityId, probes)).toBe(before);
    // The bound, and as much again for the machine.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    for (const { jwt } of probes) for (const node of cluster.nodes) expect((await node.use(jwt)).status).toBe(401);
  });
});
