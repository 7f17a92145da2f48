import { Client } from 'pg';
import { AccessTokens } from '../src/host-api/access-tokens';
import { MachineIdentities } from '../src/host-api/machine-identities';
import { type Answer, type ApiClient, refused } from './support/api-client';
import { done, Given, type GivenToken } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { jwtAuth, signExample } from './support/methods/jwt-auth';
import { snapshot } from './support/snapshot';

const DETAILS = '/api/v1/identities/details';
const LAST = refused(
  400,
  'BadRequest',
  'An organization keeps at least one identity that holds admin and can obtain a token, and so does the instance. Give another identity the role and a credential first, or issue another token: one that lasts for more than an hour and ten uses. A method counts once a login through it has succeeded.',
);

let nodes: TestLatchkey[];
let latchkey: TestLatchkey;
beforeAll(async () => {
  latchkey = await startLatchkey();
  const others = { authSecret: latchkey.authSecret };
  nodes = [
    latchkey,
    await startLatchkey(others, { isBootstrapped: false }),
    await startLatchkey(others, { isBootstrapped: false }),
  ];
});
afterAll(() => Promise.all(nodes.map((node) => node.stop())));

/** An administrator whose only credential is one token, and what can be done to it. */
interface Sole {
  readonly token: GivenToken;
  /** With the rights to do it. */
  readonly by: ApiClient;
  readonly given: Given;
}

const identityPath = ({ token }: Sole) => `/api/v1/identities/${token.identityId}`;

/** Everything over HTTP that takes an administrator away. */
const WAYS: Record<string, (sole: Sole) => Promise<Answer>> = {
  'another role': (sole) => sole.by.patch(identityPath(sole), { role: 'member' }),
  'its deletion': (sole) => sole.by.delete(identityPath(sole)),
  'the removal of its method': ({ by, token }) => by.delete(`/api/v1/auth/token-auth/identities/${token.identityId}`),
  'a revocation by id': ({ by, token }) => by.post(`/api/v1/auth/token-auth/tokens/${token.tokenId}/revoke`),
  'a revocation by token': ({ token }) =>
    latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken: token.accessToken }),
};

/** What a host does in its own code. */
const HOST_WAYS: Record<string, (sole: Sole) => Promise<boolean>> = {
  'its deletion': ({ token }) => latchkey.app.get(MachineIdentities).delete(token.identityId),
  'the revocation of its token': ({ token }) => latchkey.app.get(AccessTokens).revoke(token.tokenId),
};

/** A new organization with one administrator. */
async function soleAdministrator(): Promise<Sole> {
  const { organizationId, admin: first, given } = await latchkey.given.organization();
  const token = await given.token({ role: 'admin' });
  const [{ id }] = await latchkey.dataSource.query<[{ id: string }]>(
    'SELECT id FROM latchkey.identities WHERE organization_id = $1 AND id <> $2',
    [organizationId, token.identityId],
  );
  done(await first.delete(`/api/v1/identities/${id}`));
  return {
    token,
    by: token.api,
    given: new Given(token.api, organizationId, (jwt) => latchkey.as(jwt)),
  };
}

const lifetime = (seconds: number) => ({ accessTokenTTL: seconds, accessTokenMaxTTL: seconds });

/** An administrator that has logged in with a signed token. */
async function loggedIn(given: Given): Promise<Pick<GivenToken, 'identityId' | 'api'>> {
  const identityId = await given.identity({ role: 'admin' });
  await given.method(jwtAuth, identityId);
  const credentials = { identityId, jwt: await signExample() };
  const { accessToken } = done(await latchkey.anonymous.post('/api/v1/auth/jwt-auth/login', credentials));
  return { identityId, api: latchkey.as(accessToken as string) };
}

describe('the last administrator of an organization', () => {
  it.each(Object.keys(WAYS))('is not taken away by %s, and everything stays as it is', async (way) => {
    const sole = await soleAdministrator();
    const before = await snapshot(latchkey.dataSource);
    expect(await WAYS[way]!(sole)).toEqual(LAST);
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
    expect((await sole.by.get(DETAILS)).status).toBe(200);
  });

  it.each(Object.keys(WAYS))('goes by %s once there is another', async (way) => {
    const sole = await soleAdministrator();
    await sole.given.token({ role: 'admin' });
    done(await WAYS[way]!(sole));
  });

  it.each(Object.keys(HOST_WAYS))(
    'is not taken away by %s in the code of a host, nor in its transaction',
    async (way) => {
      const sole = await soleAdministrator();
      await expect(HOST_WAYS[way]!(sole)).rejects.toMatchObject({ response: { statusCode: 400 } });
      await latchkey.dataSource.transaction(async (manager) => {
        const { identityId, tokenId } = sole.token;
        const options = { manager };
        const attempts = [
          () => latchkey.app.get(MachineIdentities).delete(identityId, options),
          () => latchkey.app.get(AccessTokens).revoke(tokenId, options),
        ];
        // The host goes on, and commits.
        for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ status: 400 });
      });
      expect((await sole.by.get(DETAILS)).status).toBe(200);
      await sole.given.token({ role: 'admin' });
      expect(await HOST_WAYS[way]!(sole)).toBe(true);
    },
  );

  it('keeps its last client secret, until it has another way to come by a token', async () => {
    const sole = await soleAdministrator();
    const { identityId, clientSecretId: id, ...credentials } = await sole.given.client({ role: 'admin' });
    const path = `/api/v1/auth/universal-auth/identities/${identityId}/client-secrets`;
    done(await WAYS['a revocation by id']!(sole));
    // Its token comes of the very secret.
    const login = done(await latchkey.anonymous.post('/api/v1/auth/universal-auth/login', credentials));
    const api = latchkey.as(login.accessToken as string);
    expect(await api.post(`${path}/${id}/revoke`)).toEqual(LAST);
    done(await api.post(path));
    expect((await api.post(`${path}/${id}/revoke`)).status).toBe(200);
  });

  it.each<[string, (given: Given) => Promise<unknown>]>([
    ['has no method', (given) => given.identity({ role: 'admin' })],
    ['has Token Auth and no token', async (given) => given.tokenAuth(await given.identity({ role: 'admin' }))],
    ['has Universal Auth and no secret', async (given) => given.universalAuth(await given.identity({ role: 'admin' }))],
    [
      'has a token that was revoked',
      async (given) => {
        const { accessToken } = await given.token({ role: 'admin' });
        done(await latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken }));
      },
    ],
    [
      'has a secret that has expired',
      async (given) => {
        const { clientSecretId } = await given.client({ role: 'admin', secret: { ttl: 60 } });
        await latchkey.change(
          `UPDATE latchkey.client_secrets SET created_at = now() - interval '1 day' WHERE id = $1`,
          [clientSecretId],
        );
      },
    ],
    [
      'has a secret that is used up',
      async (given) => {
        const { clientSecretId } = await given.client({ role: 'admin', secret: { numUsesLimit: 1 } });
        await latchkey.change('UPDATE latchkey.client_secrets SET num_uses = 1 WHERE id = $1', [clientSecretId]);
      },
    ],
    [
      'is inactive',
      async (given) => {
        const { identityId } = await given.token({ role: 'admin' });
        await latchkey.change('UPDATE latchkey.organization_memberships SET is_active = false WHERE identity_id = $1', [
          identityId,
        ]);
      },
    ],
    ['is a member', (given) => given.token({ role: 'member' })],
    ['has a token that ends within the hour', (given) => given.token({ role: 'admin', policy: lifetime(3_500) })],
    ['has a secret that ends within the hour', (given) => given.client({ role: 'admin', secret: { ttl: 3_500 } })],
    ['has a token with nine uses', (given) => given.token({ role: 'admin', policy: { accessTokenNumUsesLimit: 9 } })],
    ['has a secret with one use', (given) => given.client({ role: 'admin', secret: { numUsesLimit: 1 } })],
    ['has a method without a login', async (given) => given.method(jwtAuth, await given.identity({ role: 'admin' }))],
    [
      'has a token in whose place another one was issued and revoked',
      async (given) => {
        const { tokenId } = await given.token({ role: 'admin' });
        const { tokenId: next } = await latchkey.app.get(AccessTokens).rotate(tokenId, { graceSeconds: 86_400 });
        await latchkey.app.get(AccessTokens).revoke(next);
      },
    ],
    [
      'has a secret in whose place another one was made and revoked',
      async (given) => {
        const { clientSecretId } = await given.client({ role: 'admin' });
        const identities = latchkey.app.get(MachineIdentities);
        const { clientSecretId: next } = await identities.rotateClientSecret(clientSecretId, { graceSeconds: 86_400 });
        await latchkey.change('UPDATE latchkey.client_secrets SET revoked_at = now() WHERE id = $1', [next]);
      },
    ],
    [
      'has a secret that has ended',
      async (given) => {
        const { clientSecretId } = await given.client({ role: 'admin' });
        await latchkey.change('UPDATE latchkey.client_secrets SET ends_at = now() WHERE id = $1', [clientSecretId]);
      },
    ],
  ])('is not replaced by an identity that %s', async (_what, make) => {
    const sole = await soleAdministrator();
    await make(sole.given);
    for (const way of Object.values(WAYS)) expect(await way(sole)).toEqual(LAST);
  });

  it.each<[string, (given: Given) => Promise<unknown>]>([
    ['a token that lasts for hours', (given) => given.token({ role: 'admin', policy: lifetime(7_200) })],
    ['a secret with ten uses', (given) => given.client({ role: 'admin', secret: { numUsesLimit: 10 } })],
    ['a method through which it has logged in', loggedIn],
  ])('is replaced by an identity that has %s', async (_what, make) => {
    const sole = await soleAdministrator();
    await make(sole.given);
    done(await WAYS['another role']!(sole));
  });

  it('logs in with a method of its own until that is configured again', async () => {
    const sole = await soleAdministrator();
    const { identityId, api } = await loggedIn(sole.given);
    done(await WAYS['another role']!(sole));
    const path = `/api/v1/auth/jwt-auth/identities/${identityId}`;
    // With a token that lasts, it can undo what it has changed.
    done(await api.patch(path, { boundSubject: 'build:1' }));
    await latchkey.change(`UPDATE latchkey.identity_access_tokens SET expires_at = now() + interval '1 minute'
                            WHERE identity_id = '${identityId}'`);
    expect(await api.delete(path)).toEqual(LAST);
    done(await latchkey.anonymous.post('/api/v1/auth/jwt-auth/login', { identityId, jwt: await signExample() }));
    await latchkey.change(`UPDATE latchkey.identity_access_tokens SET expires_at = now() + interval '1 minute'
                            WHERE identity_id = '${identityId}'`);
    expect(await api.patch(path, { boundSubject: 'nobody' })).toEqual(LAST);
  });

  it('does not lock itself out by addresses that leave out its own', async () => {
    const { by, token, given } = await soleAdministrator();
    const path = `/api/v1/auth/token-auth/identities/${token.identityId}`;
    const only = (ipAddress: string) => ({ accessTokenTrustedIps: [{ ipAddress: '192.0.2.0/24' }, { ipAddress }] });
    expect(await by.patch(path, only('198.51.100.7'))).toEqual(LAST);
    done(await by.patch(path, only('127.0.0.0/8')));
    await given.token({ role: 'admin' });
    done(await by.patch(path, only('198.51.100.7')));
    expect((await by.get(DETAILS)).status).toBe(403);
  });

  it('keeps its last key as a host changes and rotates it', async () => {
    const { by, token } = await soleAdministrator();
    const tokens = latchkey.app.get(AccessTokens);
    const soon = new Date(latchkey.clock.now().getTime() + 2_000);
    for (const change of [{ expiresAt: soon }, { usesLimit: 1 }]) {
      await expect(tokens.update(token.tokenId, change)).rejects.toMatchObject({ status: 400 });
    }
    done(await by.patch(`/api/v1/auth/token-auth/identities/${token.identityId}`, lifetime(60)));
    await expect(tokens.rotate(token.tokenId, { graceSeconds: 0 })).rejects.toMatchObject({ status: 400 });
    expect(await by.post(`/api/latchkey/v1/access-tokens/${token.tokenId}/rotate`, {})).toEqual(LAST);
    expect((await by.get(DETAILS)).status).toBe(200);
  });

  it('does not keep anybody else from being changed, also where no administrator is left', async () => {
    const sole = await soleAdministrator();
    const other = await sole.given.token({ role: 'member' });
    await latchkey.change('UPDATE latchkey.identity_access_tokens SET expires_at = now() WHERE id = $1', [
      sole.token.tokenId,
    ]);
    done(await latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken: other.accessToken }));
    expect(await latchkey.app.get(MachineIdentities).delete(sole.token.identityId)).toBe(true);
  });
});

describe('the only administrator of the instance', () => {
  it.each(Object.keys(WAYS))(
    'is not taken away by %s, however many administrators its organization has',
    async (way) => {
      await latchkey.given.token({ role: 'admin' });
      const [row] = await latchkey.dataSource.query<[{ id: string; token: string }]>(
        `SELECT i.id, t.id AS token FROM latchkey.identities i JOIN latchkey.identity_access_tokens t ON t.identity_id = i.id
        WHERE i.is_instance_admin AND i.organization_id = $1`,
        [latchkey.given.organizationId],
      );
      const token = { identityId: row.id, tokenId: row.token, accessToken: latchkey.admin.token!, api: latchkey.admin };
      // Those of other suites' installations in this database.
      await latchkey.change('UPDATE latchkey.identities SET is_instance_admin = false WHERE id <> $1', [row.id]);
      expect(await WAYS[way]!({ token, by: latchkey.admin, given: latchkey.given })).toEqual(LAST);
      expect((await latchkey.admin.get(DETAILS)).status).toBe(200);
    },
  );
});

describe('two administrators on three nodes', () => {
  const ROUNDS = 12;

  it.each(Object.keys(WAYS))('never both lose by %s at once', async (way) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const one = await soleAdministrator();
      const other = await one.given.token({ role: 'admin' });
      const on = (node: number, token: GivenToken) => nodes[node]!.as(token.accessToken);
      const answers = await Promise.all([
        WAYS[way]!({ token: other, by: on(1, one.token), given: one.given }),
        WAYS[way]!({ token: one.token, by: on(2, other), given: one.given }),
      ]);
      // The slower may also find that it may no longer.
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      const statuses = await Promise.all([one.token, other].map(able));
      expect(statuses.filter(Boolean)).toHaveLength(1);
    }
  });
});

describe('a token that is revoked by presenting it', () => {
  let hand: Client;
  beforeEach(async () => {
    hand = new Client({ connectionString: process.env.LATCHKEY_TEST_DATABASE });
    await hand.connect();
    await hand.query('BEGIN');
  });
  afterEach(() => hand.end());

  const revocation = ({ accessToken }: GivenToken) =>
    latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken });
  const isWaiting = async () => {
    const [row] = await latchkey.dataSource.query<[{ n: number }]>(
      `SELECT count(*)::integer AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return row.n;
  };

  // Seen red: the membership not locked.
  it('is never the only one of somebody who is made an administrator at that moment, for another to be demoted', async () => {
    const sole = await soleAdministrator();
    const other = await sole.given.token({ role: 'member' });
    // The revocation has begun, and is held up.
    await hand.query('SELECT FROM latchkey.identity_access_tokens WHERE id = $1 FOR UPDATE', [other.tokenId]);
    const revoking = revocation(other);
    await until(async () => (await isWaiting()) > 0);
    let isChanged = false;
    const changes = (async () => {
      done(await sole.by.patch(`/api/v1/identities/${other.identityId}`, { role: 'admin' }));
      return sole.by.patch(identityPath(sole), { role: 'member' });
    })().finally(() => (isChanged = true));
    await until(async () => isChanged || (await isWaiting()) > 1);
    await hand.query('ROLLBACK');
    await revoking;
    await changes;
    const statuses = await Promise.all([sole.token, other].map(able));
    expect(statuses.filter(Boolean)).toHaveLength(1);
  });

  it('does not wait for whoever holds its identity, be it a manager or a transaction of a host', async () => {
    const { given } = await soleAdministrator();
    const token = await given.token({ role: 'member' });
    await hand.query('SELECT FROM latchkey.organization_memberships WHERE identity_id = $1 FOR NO KEY UPDATE', [
      token.identityId,
    ]);
    done(await revocation(token));
    const second = await given.token({ role: 'member' });
    await latchkey.dataSource.transaction(async (manager) => {
      const { identityId } = second;
      const made = await latchkey.app.get(AccessTokens).issue({ identityId }, { manager });
      done(await revocation(second));
      expect(made.identityId).toBe(identityId);
    });
    await hand.query('ROLLBACK');
  });
});

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; !(await isSo());) {
    if (Date.now() > end) throw new Error('It did not happen');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether a token is good, and an administrator's. */
async function able({ identityId, accessToken }: GivenToken): Promise<boolean> {
  const { status } = await latchkey.as(accessToken).patch(`/api/v1/identities/${identityId}`, { role: 'admin' });
  return status === 200;
}
