import { randomBytes } from 'node:crypto';
import { Client, defaults, types } from 'pg';
import { UsageLimiter } from '../src/access-tokens/usage/usage.limiter';
import { LockoutsService } from '../src/auth-methods/pipeline/lockouts.service';
import { DEFAULT_CONFIG } from '../src/auth-methods/universal-auth/universal-auth.config';
import { ChangeReceiptsService } from '../src/change-feed/change-receipts.service';
import { DatabaseUnavailableError } from '../src/common/errors/common.errors';
import { requireAllRows } from '../src/database/schema';
import { refused } from './support/api-client';
import { BadgeAuthModule } from './support/badge-auth';
import { done } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { signedLogin, StsPeer } from './support/sts-peer';
import { onDatabase } from './support/urls';

const DETAILS = '/api/v1/identities/details';
const LOGIN = '/api/v1/auth/universal-auth/login';
const UNAVAILABLE = refused(503, 'ServiceUnavailable', 'The database is not available. Please try again.');

/** What tells whether values are read for what they are: good stays good, and each way to be dead is dead. */
async function expectRightResults(latchkey: TestLatchkey): Promise<void> {
  const { given, anonymous, dataSource } = latchkey;
  const [good, revoked, expired] = [await given.token(), await given.token(), await given.token()];
  const client = await given.client();
  const stale = await given.client({ secret: { ttl: 60 } });
  const { accessToken } = done(await anonymous.post(LOGIN, client));
  done(await anonymous.post('/api/v1/auth/token/revoke', { accessToken: revoked.accessToken }));
  await dataSource.query(`UPDATE latchkey.client_secrets SET revoked_at = now() WHERE id = $1`, [
    client.clientSecretId,
  ]);
  await dataSource.query(`UPDATE latchkey.client_secrets SET created_at = now() - interval '61 s' WHERE id = $1`, [
    stale.clientSecretId,
  ]);
  await latchkey.change(
    `UPDATE latchkey.identity_access_tokens SET expires_at = now() - interval '1 s' WHERE id = $1`,
    [expired.tokenId],
  );
  expect((await good.api.get(DETAILS)).status).toBe(200);
  for (const api of [revoked.api, expired.api, latchkey.as(accessToken as string)]) {
    expect((await api.get(DETAILS)).status).toBe(401);
  }
  expect((await anonymous.post(LOGIN, client)).status).toBe(401);
  expect((await anonymous.post(LOGIN, stale)).status).toBe(401);
  const { tokens } = done(await latchkey.admin.get(`/api/v1/auth/token-auth/identities/${revoked.identityId}/tokens`));
  expect(tokens).toMatchObject([{ isAccessTokenRevoked: true, id: revoked.tokenId }]);
  expect((await anonymous.post('/api/v1/auth/token/renew', { accessToken: revoked.accessToken })).status).toBe(401);
}

describe('a setting that changes how values are written', () => {
  const database = () => new URL(process.env.LATCHKEY_TEST_DATABASE!).pathname.slice(1);
  const SETTINGS = ['DateStyle', 'IntervalStyle', 'bytea_output', 'extra_float_digits', 'TimeZone'];
  let plain: TestLatchkey;

  beforeAll(async () => {
    plain = await startLatchkey();
  });
  afterEach(async () => {
    for (const setting of SETTINGS) await plain.dataSource.query(`ALTER DATABASE ${database()} RESET ${setting}`);
  });
  afterAll(() => plain.stop());

  // Seen red: node-postgres answered null for timestamps, and revoked tokens 200.
  it.each([
    ['DateStyle', 'German'],
    ['DateStyle', 'SQL, DMY'],
    ['DateStyle', 'Postgres'],
    ['IntervalStyle', 'sql_standard'],
    ['bytea_output', 'escape'],
    ['extra_float_digits', '-15'],
    ['TimeZone', 'Asia/Kathmandu'],
  ])('%s = %s brings back no token, and stops no node from starting', async (setting, value) => {
    await plain.dataSource.query(`ALTER DATABASE ${database()} SET ${setting} = '${value}'`);
    const latchkey = await startLatchkey();
    await expectRightResults(latchkey);
    await latchkey.stop();
  });

  it.each(['repeatable read', 'serializable'])('a default of %s spends limited uses exactly', async (level) => {
    await plain.dataSource.query(`ALTER DATABASE ${database()} SET default_transaction_isolation = '${level}'`);
    const latchkey = await startLatchkey();
    const token = await latchkey.given.token({ policy: { accessTokenNumUsesLimit: 5 } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => token.api.get(DETAILS)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    await expectRightResults(latchkey);
    await latchkey.stop();
    await plain.dataSource.query(`ALTER DATABASE ${database()} RESET default_transaction_isolation`);
  });
});

describe('a host that reads values in ways of its own', () => {
  const OIDS = [16, 17, 20, 21, 23, 25, 114, 700, 701, 1184, 1700, 2950, 2951, 3802];

  // Seen red: parsers of the whole process made good tokens 500 and 401.
  it.each([
    ['as text', (text: string) => text],
    ['not at all', () => null],
    ['as an object', (text: string) => ({ text })],
  ])('reads them %s, and changes no verification', async (_, parser) => {
    const before = OIDS.map((oid) => types.getTypeParser(oid as 16));
    for (const oid of OIDS) types.setTypeParser(oid, parser as never);
    const { binary } = defaults;
    defaults.binary = true;
    try {
      const latchkey = await startLatchkey();
      await expectRightResults(latchkey);
      await latchkey.stop();
    } finally {
      defaults.binary = binary;
      OIDS.forEach((oid, index) => types.setTypeParser(oid, before[index] as never));
    }
  });
});

describe('a value that a hand has left in a row', () => {
  let latchkey: TestLatchkey;

  beforeAll(async () => {
    latchkey = await startLatchkey();
  });
  afterAll(() => latchkey.stop());

  const setToken = (column: string, value: string, tokenId: string) =>
    latchkey.change(`UPDATE latchkey.identity_access_tokens SET ${column} = '${value}' WHERE id = $1`, [tokenId]);

  it.each([
    ['expires_at', '-infinity', 401],
    ['expires_at', '4000-01-01 BC', 401],
    ['expires_at', 'infinity', 200],
    ['expires_at', '294000-01-01', 200],
    ['revoked_at', 'infinity', 401],
    ['revoked_at', '-infinity', 401],
    ['revoked_at', '294000-01-01', 401],
    ['created_at', '-infinity', 200],
    ['created_at', 'infinity', 200],
    ['last_used_at', 'infinity', 200],
  ])('%s = %s is %i, and can be listed', async (column, value, status) => {
    const token = await latchkey.given.token();
    await setToken(column, value, token.tokenId);
    expect((await token.api.get(DETAILS)).status).toBe(status);
    const path = `/api/v1/auth/token-auth/identities/${token.identityId}/tokens`;
    expect(done(await latchkey.admin.get(path)).tokens).toHaveLength(1);
    expect(
      (await latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken: token.accessToken })).status,
    ).toBeLessThan(500);
  });

  const SHAPES = ['"0.0.0.0/0"', 'null', '1', 'true', '{}', '["0.0.0.0/0"]', '[null]', '[{"type":"ipv4"}]'];

  it.each([...SHAPES, '[{"type":"ipv4","ipAddress":"0.0.0.0","prefix":"0"}]', '[{"type":"ipv4","ipAddress":"x"}]'])(
    'trusted addresses that are %s are no permission, and no refusal of the caller',
    async (shape) => {
      const token = await latchkey.given.token();
      const client = await latchkey.given.client();
      const change = `UPDATE latchkey.identity_auth_methods SET access_token_trusted_ips = $2 WHERE identity_id = $1`;
      for (const { identityId } of [token, client]) await latchkey.change(change, [identityId, shape]);
      expect(await token.api.get(DETAILS)).toEqual(UNAVAILABLE);
      expect(await latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken: token.accessToken })).toEqual(
        UNAVAILABLE,
      );
      expect(await latchkey.anonymous.post(LOGIN, client)).toEqual(UNAVAILABLE);
    },
  );

  it.each([
    ...['null', '[]', '{}', '"x"', '{"lockoutEnabled":"false"}', '{"clientSecretTrustedIps":null}'],
    ...['{"lockoutThreshold":3000000000}', '{"lockoutThreshold":1e30}', '{"lockoutThreshold":-1}'],
    ...['{"lockoutThreshold":0}', '{"lockoutDurationSeconds":99999999999}', '{"lockoutDurationSeconds":0}'],
    ...['{"lockoutDurationSeconds":-300}', '{"lockoutCounterResetSeconds":-1}', '{"lockoutCounterResetSeconds":0}'],
  ])('settings of a login that are %s are no permission', async (shape) => {
    const client = await latchkey.given.client();
    const whole = shape.startsWith('{"') ? 'config || $2::jsonb' : '$2::jsonb';
    await latchkey.change(`UPDATE latchkey.identity_auth_methods SET config = ${whole} WHERE identity_id = $1`, [
      client.identityId,
      shape,
    ]);
    for (const clientSecret of [client.clientSecret, 'wrong']) {
      expect(await latchkey.anonymous.post(LOGIN, { ...client, clientSecret })).toEqual(UNAVAILABLE);
    }
  });

  // Seen red: a limit below 0 was none, and so was a count below 0.
  it.each([
    ['num_uses_limit', -1],
    ['num_uses_limit', -2147483648],
    ['num_uses', -5],
    ['num_uses', '9223372036854775807'],
    ['access_token_ttl', -1],
    ['access_token_max_ttl', -3600],
    ['access_token_period', -1],
  ])('a token whose %s is %s has no verification', async (column, value) => {
    const token = await latchkey.given.token({ policy: { accessTokenNumUsesLimit: 2 } });
    await setToken(column, String(value), token.tokenId);
    await latchkey.change('UPDATE latchkey.organizations SET name = name || name');
    expect(await token.api.get(DETAILS)).toEqual(UNAVAILABLE);
    expect(await latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken: token.accessToken })).toEqual(
      UNAVAILABLE,
    );
  });

  it('a count of uses that falls below 0 grants none, also of a token that is remembered', async () => {
    const token = await latchkey.given.token({ policy: { accessTokenNumUsesLimit: 2 } });
    expect((await token.api.get(DETAILS)).status).toBe(200);
    await setToken('num_uses', '-5', token.tokenId);
    expect(await token.api.get(DETAILS)).toEqual(UNAVAILABLE);
    expect(await token.api.get(DETAILS)).toEqual(UNAVAILABLE);
  });

  it.each(['access_token_ttl', 'access_token_max_ttl', 'access_token_period', 'access_token_num_uses_limit'])(
    'a method whose %s is below 0 makes no token, and those it has made have no verification',
    async (column) => {
      const token = await latchkey.given.token();
      const client = await latchkey.given.client();
      const change = `UPDATE latchkey.identity_auth_methods SET ${column} = -1 WHERE identity_id = $1`;
      for (const { identityId } of [token, client]) await latchkey.change(change, [identityId]);
      expect(await latchkey.anonymous.post(LOGIN, client)).toEqual(UNAVAILABLE);
      const path = `/api/v1/auth/token-auth/identities/${token.identityId}/tokens`;
      expect(await latchkey.admin.post(path, {})).toEqual(UNAVAILABLE);
      // The limit of uses has been written into the token.
      if (!column.endsWith('limit')) expect(await token.api.get(DETAILS)).toEqual(UNAVAILABLE);
    },
  );

  it.each([
    ['ttl', -5],
    ['num_uses_limit', -1],
    ['num_uses', -9],
    ['num_uses', '9223372036854775807'],
  ])('a client secret whose %s is %s logs nobody in', async (column, value) => {
    const client = await latchkey.given.client({ secret: { numUsesLimit: 1 } });
    await latchkey.change(`UPDATE latchkey.client_secrets SET ${column} = '${value}' WHERE id = $1`, [
      client.clientSecretId,
    ]);
    expect(await latchkey.anonymous.post(LOGIN, client)).toEqual(UNAVAILABLE);
  });

  it('a count of wrong guesses below 0 allows no more of them, until the lock-outs are cleared', async () => {
    const client = await latchkey.given.client();
    const wrong = { ...client, clientSecret: 'wrong' };
    expect((await latchkey.anonymous.post(LOGIN, wrong)).status).toBe(401);
    await latchkey.change('UPDATE latchkey.auth_lockouts SET failures = -3');
    for (const guess of [wrong, wrong, wrong, wrong, client]) {
      expect(await latchkey.anonymous.post(LOGIN, guess)).toEqual(UNAVAILABLE);
    }
    const path = `/api/v1/auth/universal-auth/identities/${client.identityId}/clear-lockouts`;
    done(await latchkey.admin.post(path));
    done(await latchkey.anonymous.post(LOGIN, client));
  });

  it('a count of wrong guesses that cannot grow locks', async () => {
    const client = await latchkey.given.client();
    const wrong = { ...client, clientSecret: 'wrong' };
    expect((await latchkey.anonymous.post(LOGIN, wrong)).status).toBe(401);
    await latchkey.change('UPDATE latchkey.auth_lockouts SET failures = 2147483647');
    expect((await latchkey.anonymous.post(LOGIN, wrong)).status).toBe(401);
    expect((await latchkey.anonymous.post(LOGIN, client)).status).toBe(401);
    await latchkey.change('DELETE FROM latchkey.auth_lockouts');
  });

  it('an identity that is gone while its tokens are there has none that are good', async () => {
    const token = await latchkey.given.token({ role: 'admin' });
    done(await token.api.get(DETAILS));
    await latchkey.dataSource.transaction(async (tx) => {
      await tx.query(`SET LOCAL session_replication_role = 'replica'`);
      await tx.query('DELETE FROM latchkey.identities WHERE id = $1', [token.identityId]);
    });
    await latchkey.change('SELECT 1');
    expect((await token.api.get(DETAILS)).status).toBe(401);
  });

  it('the row that says what is refused as too old cannot be missing', async () => {
    const token = await latchkey.given.token();
    await latchkey.change('UPDATE latchkey.instance SET id = id');
    const [row] = await latchkey.dataSource.query<[object]>('DELETE FROM latchkey.instance RETURNING *');
    await latchkey.change('SELECT 1');
    expect(row).toBeDefined();
    expect(await token.api.get(DETAILS)).toEqual(UNAVAILABLE);
    await latchkey.change('INSERT INTO latchkey.instance (id, initialized_at) VALUES (1, now())');
    expect((await token.api.get(DETAILS)).status).toBe(200);
  });
});

describe('rows that row-level security hides', () => {
  const ROLE = `latchkey_rows_${process.env.JEST_WORKER_ID}`;
  const PASSWORD = randomBytes(24).toString('hex');
  let latchkey: TestLatchkey;
  let sts: StsPeer;

  /** As the one who owns the tables, who sees all rows. */
  async function administrate(...statements: string[]): Promise<void> {
    const database = new URL(process.env.LATCHKEY_TEST_DATABASE!).pathname.slice(1);
    const client = new Client({ connectionString: onDatabase(process.env.LATCHKEY_TEST_SERVER!, database) });
    await client.connect();
    for (const statement of statements) await client.query(statement);
    await client.end();
  }

  beforeAll(async () => {
    sts = await StsPeer.start();
    await administrate(
      `DROP ROLE IF EXISTS ${ROLE}`,
      `CREATE ROLE ${ROLE} LOGIN PASSWORD '${PASSWORD}'`,
      `GRANT ALL ON SCHEMA latchkey TO ${ROLE}`,
      `GRANT ALL ON ALL TABLES IN SCHEMA latchkey TO ${ROLE}`,
      `GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA latchkey TO ${ROLE}`,
      `GRANT ALL ON ALL SEQUENCES IN SCHEMA latchkey TO ${ROLE}`,
    );
    const url = Object.assign(new URL(process.env.LATCHKEY_TEST_DATABASE!), { username: ROLE, password: PASSWORD });
    latchkey = await startLatchkey({
      database: { url: url.href },
      revocationBoundMs: 100,
      awsStsUrl: sts.url,
      authMethods: [BadgeAuthModule],
    });
  });
  afterAll(async () => {
    await latchkey.stop();
    await sts.stop();
    await administrate(`DROP OWNED BY ${ROLE}`, `DROP ROLE ${ROLE}`);
  });

  async function whileHidden(table: string, act: () => Promise<void>): Promise<void> {
    await administrate(
      `CREATE POLICY hiding ON latchkey.${table} USING (false) WITH CHECK (true)`,
      `ALTER TABLE latchkey.${table} ENABLE ROW LEVEL SECURITY`,
    );
    try {
      await act();
    } finally {
      await administrate(
        `ALTER TABLE latchkey.${table} DISABLE ROW LEVEL SECURITY`,
        `DROP POLICY hiding ON latchkey.${table}`,
      );
    }
  }

  // Seen red: a client that was locked out logged in, and what is good was 401.
  it.each([
    'auth_lockouts',
    'identities',
    'organizations',
    'organization_memberships',
    'identity_auth_methods',
    'client_secrets',
    'instance',
  ])('%s: nobody logs in, and nobody is told that the credentials are wrong', async (table) => {
    const client = await latchkey.given.client();
    const locked = await latchkey.given.client({ policy: { lockoutThreshold: 1 } });
    const wrong = { ...locked, clientSecret: 'wrong' };
    expect((await latchkey.anonymous.post(LOGIN, wrong)).status).toBe(401);
    await whileHidden(table, async () => {
      for (const login of [client, locked, wrong]) {
        expect(await latchkey.anonymous.post(LOGIN, login)).toEqual(UNAVAILABLE);
      }
    });
    done(await latchkey.anonymous.post(LOGIN, client));
    expect((await latchkey.anonymous.post(LOGIN, locked)).status).toBe(401);
  });

  it.each([
    'identity_access_tokens',
    'identities',
    'identity_metadata',
    'organizations',
    'organization_memberships',
    'identity_auth_methods',
    'client_secrets',
    'instance',
  ])('%s: no token is verified or renewed, and none is said to be revoked that is not', async (table) => {
    const token = await latchkey.given.token({ role: 'admin' });
    const { accessToken } = token;
    await whileHidden(table, async () => {
      expect(await token.api.get(DETAILS)).toEqual(UNAVAILABLE);
      expect(await latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken })).toEqual(UNAVAILABLE);
      if (table !== 'identity_access_tokens') return;
      expect(await latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken })).toEqual(UNAVAILABLE);
    });
    expect((await token.api.get(DETAILS)).status).toBe(200);
    done(await latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken }));
    expect((await token.api.get(DETAILS)).status).toBe(401);
  });

  it('instance: nobody is told that it has been set up', async () => {
    const person = { email: 'a@example.com', password: 'correct horse battery', organization: 'x' };
    await whileHidden('instance', async () => {
      expect(await latchkey.anonymous.post('/api/v1/admin/bootstrap', person)).toEqual(UNAVAILABLE);
    });
  });

  it('nodes: a change is not said to be known to nodes that cannot be seen', async () => {
    await whileHidden('nodes', async () => {
      await expect(latchkey.app.get(ChangeReceiptsService).waitForNodes(null)).rejects.toThrow(
        DatabaseUnavailableError,
      );
    });
  });

  it('a statement that finds no row does not take that for an answer', async () => {
    const { tokenId } = await latchkey.given.token({ policy: { accessTokenNumUsesLimit: 2 } });
    const subject = { id: tokenId, authMethodId: null, policy: DEFAULT_CONFIG };
    const [lockouts, limiter] = [latchkey.app.get(LockoutsService), latchkey.app.get(UsageLimiter)];
    await whileHidden('auth_lockouts', async () => {
      await expect(lockouts.requireUnlocked(subject, new Date())).rejects.toMatchObject({ code: '42501' });
    });
    await whileHidden('identity_access_tokens', async () => {
      await expect(limiter.spend(tokenId, new Date())).rejects.toThrow(DatabaseUnavailableError);
      await expect(requireAllRows(latchkey.dataSource)).rejects.toMatchObject({ code: '42501' });
    });
    expect(await lockouts.requireUnlocked(subject, new Date())).toBe(false);
    expect(await limiter.spend(tokenId, new Date())).toBe(true);
  });

  it('used_signed_requests: a signed request is good for one login, and for none while it cannot be looked up', async () => {
    const key = { id: 'AKIAROWS000000000000', secret: 'the secret of a user' };
    sts.sts.know(key, { Account: '123456789012', Arn: 'arn:aws:iam::123456789012:user/jane', UserId: 'AIDAJANE' });
    const identityId = await latchkey.given.identity();
    const path = `/api/v1/auth/aws-auth/identities/${identityId}`;
    done(await latchkey.admin.post(path, { allowedAccountIds: '123456789012' }));
    const sent = { identityId, ...signedLogin(key) };
    const login = () => latchkey.anonymous.post('/api/v1/auth/aws-auth/login', sent);
    await whileHidden('used_signed_requests', async () => expect(await login()).toEqual(UNAVAILABLE));
    expect((await login()).status).toBe(200);
    const again = await login();
    expect([again.status, JSON.stringify(again.body)]).toEqual([401, expect.stringContaining('used already')]);
    await whileHidden('used_signed_requests', async () => expect(await login()).toEqual(UNAVAILABLE));
  });

  it('a method that cannot be seen is not said to be missing', async () => {
    const { identityId } = await latchkey.given.client();
    const login = { identityId, username: 'ada', password: 'x' };
    expect((await latchkey.anonymous.post('/api/v1/auth/badge-auth/login', login)).status).toBe(404);
    await whileHidden('identity_auth_methods', async () => {
      expect(await latchkey.anonymous.post('/api/v1/auth/badge-auth/login', login)).toEqual(UNAVAILABLE);
    });
  });
});
