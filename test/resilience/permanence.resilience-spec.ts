import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { Cluster, D, isLong, say, type Token } from './support/cluster';
import type { LatchkeyNode } from './support/node';
import { until } from './support/processes';

jest.setTimeout(isLong ? 3_600_000 : 120_000);

const METHOD = '/api/v1/auth/token-auth/identities';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ nodes: 2 });
});
afterAll(() => cluster.stop());

interface World {
  identityId: string;
  readonly tokens: Token[];
  readonly revoked: Set<Token>;
}

const call = (node: LatchkeyNode, method: string, path: string, body: unknown = {}) =>
  node.call(path, { method, body, token: cluster.admin });

/** What may happen to an identity and its tokens. Any of it may be refused; none may bring a revoked token back. */
const EVENTS: Record<string, (world: World, node: LatchkeyNode) => Promise<unknown>> = {
  create: async (world, node) => {
    const { status, body } = await call(node, 'POST', `${METHOD}/${world.identityId}/tokens`);
    const { identityId } = world;
    if (status === 200) world.tokens.push({ identityId, tokenId: body.tokenData.id, jwt: body.accessToken });
  },
  revokeByToken: async ({ tokens, revoked }, node) => {
    const token = tokens.at(-1);
    if (!token) return;
    const { status } = await node.post('/api/v1/auth/token/revoke', { accessToken: token.jwt });
    if (status === 200) revoked.add(token);
  },
  revokeById: async ({ tokens, revoked }, node) => {
    const [token] = tokens;
    if (!token) return;
    const { status } = await call(node, 'POST', `/api/v1/auth/token-auth/tokens/${token.tokenId}/revoke`);
    if (status === 200) revoked.add(token);
  },
  renew: async ({ tokens, identityId, revoked }, node) => {
    for (const token of [...tokens]) {
      const { status, body } = await node.post('/api/v1/auth/token/renew', { accessToken: token.jwt });
      if (status !== 200) continue;
      const renewed = { identityId, tokenId: token.tokenId, jwt: body.accessToken };
      tokens.push(renewed);
      // It is the same token: a renewal after a revocation would be the fault that is looked for.
      if ([...revoked].some(({ tokenId }) => tokenId === token.tokenId)) revoked.add(renewed);
    }
  },
  rename: ({ tokens }, node) =>
    Promise.all(
      tokens.map(({ tokenId }) => call(node, 'PATCH', `/api/v1/auth/token-auth/tokens/${tokenId}`, { name: 'x' })),
    ),
  detach: ({ identityId }, node) => call(node, 'DELETE', `${METHOD}/${identityId}`, undefined),
  attach: ({ identityId }, node) => call(node, 'POST', `${METHOD}/${identityId}`, { accessTokenTTL: 600 }),
  longer: ({ identityId }, node) =>
    call(node, 'PATCH', `${METHOD}/${identityId}`, { accessTokenTTL: 7_000, accessTokenMaxTTL: 70_000 }),
  tighten: ({ identityId }, node) =>
    call(node, 'PATCH', `${METHOD}/${identityId}`, { accessTokenTrustedIps: [{ ipAddress: '10.0.0.0/8' }] }),
  loosen: ({ identityId }, node) =>
    call(node, 'PATCH', `${METHOD}/${identityId}`, { accessTokenTrustedIps: [{ ipAddress: '0.0.0.0/0' }] }),
  demote: ({ identityId }, node) => call(node, 'PATCH', `/api/v1/identities/${identityId}`, { role: 'no-access' }),
  promote: ({ identityId }, node) => call(node, 'PATCH', `/api/v1/identities/${identityId}`, { role: 'member' }),
  disable: ({ identityId }) => membership(identityId, false),
  enable: ({ identityId }) => membership(identityId, true),
  use: ({ tokens }) => Promise.all(cluster.nodes.flatMap((node) => tokens.map(({ jwt }) => node.use(jwt)))),
  restartNode: async (_, node) => {
    await node.terminate();
    await node.launch();
  },
  crashDatabase: async () => {
    await cluster.postgres.restart();
    await pause(D);
  },
};

const membership = (identityId: string, isActive: boolean) =>
  cluster.postgres.sql('UPDATE latchkey.organization_memberships SET is_active = $2 WHERE identity_id = $1', [
    identityId,
    isActive,
  ]);

const RARE = isLong ? ['restartNode', 'crashDatabase'] : ['crashDatabase'];
const COMMON = Object.keys(EVENTS).filter((name) => !['restartNode', 'crashDatabase'].includes(name));

describe('P6: revoked is for ever', () => {
  // Seen red: renaming a token clears `revoked_at`.
  it('whatever happens to the identity, its method, its membership, the nodes and the database', async () => {
    let checks = 0;
    const event = fc.record({
      what: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom('create', 'revokeByToken', 'revokeById', 'attach') },
        { weight: 10, arbitrary: fc.constantFrom(...COMMON) },
        { weight: 1, arbitrary: fc.constantFrom(...RARE) },
      ),
      node: fc.nat(1),
    });
    const isRefused = async (world: World, node: LatchkeyNode) => {
      for (const { jwt } of world.revoked) {
        checks += 1;
        expect((await node.use(jwt)).status).not.toBe(200);
      }
    };
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 12, maxLength: 25 }), async (events) => {
        const world: World = { identityId: '', tokens: [], revoked: new Set() };
        const first = await cluster.token();
        world.identityId = first.identityId;
        world.tokens.push(first);
        for (const { what, node } of events) {
          await EVENTS[what]!(world, cluster.node(node));
          // On the node that did it at once.
          await isRefused(world, cluster.node(node));
        }
        await pause(D);
        for (const node of cluster.nodes) {
          await until(async () => (await node.use(cluster.admin)).status === 200, 'recovery');
          for (const { jwt } of world.revoked) expect([401, 403]).toContain((await node.use(jwt)).status);
        }
      }),
      { numRuns: isLong ? 300 : 5, endOnFailure: true, seed: isLong ? undefined : 4711 },
    );
    expect(checks).toBeGreaterThan(100);
    say(`P6: ${checks} uses of revoked tokens, none accepted`);
  });
});
