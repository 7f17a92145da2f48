import { defaults, types } from 'pg';
import { refused } from './support/api-client';
import { done } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

const DETAILS = '/api/v1/identities/details';
const LOGIN = '/api/v1/auth/universal-auth/login';
const UNAVAILABLE = refused(503, 'ServiceUnavailable', 'The database is not available. Please try again.');

/** What tells whether values are read for what they are: good stays good, and each way to be dead is dead. */
async function expectRightVerdicts(latchkey: TestLatchkey): Promise<void> {
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
    await expectRightVerdicts(latchkey);
    await latchkey.stop();
  });

  it.each(['repeatable read', 'serializable'])('a default of %s spends limited uses exactly', async (level) => {
    await plain.dataSource.query(`ALTER DATABASE ${database()} SET default_transaction_isolation = '${level}'`);
    const latchkey = await startLatchkey();
    const token = await latchkey.given.token({ policy: { accessTokenNumUsesLimit: 5 } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => token.api.get(DETAILS)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    await expectRightVerdicts(latchkey);
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
  ])('reads them %s, and changes no verdict', async (_, parser) => {
    const before = OIDS.map((oid) => types.getTypeParser(oid as 16));
    for (const oid of OIDS) types.setTypeParser(oid, parser as never);
    const { binary } = defaults;
    defaults.binary = true;
    try {
      const latchkey = await startLatchkey();
      await expectRightVerdicts(latchkey);
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

  it.each(['null', '[]', '{}', '"x"', '{"lockoutEnabled":"false"}', '{"clientSecretTrustedIps":null}'])(
    'settings of a login that are %s are no permission',
    async (shape) => {
      const client = await latchkey.given.client();
      const whole = shape.startsWith('{"') ? 'config || $2::jsonb' : '$2::jsonb';
      await latchkey.change(`UPDATE latchkey.identity_auth_methods SET config = ${whole} WHERE identity_id = $1`, [
        client.identityId,
        shape,
      ]);
      expect(await latchkey.anonymous.post(LOGIN, client)).toEqual(UNAVAILABLE);
    },
  );

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
