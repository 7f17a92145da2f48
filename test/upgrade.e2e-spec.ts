import { createHmac, hkdfSync, randomUUID } from 'node:crypto';
import { sign } from 'jsonwebtoken';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { LATCHKEY_MIGRATIONS } from '../migrations';
import { checkpointsIn } from '../src/audit-log/chain/checkpoint-file';
import { ExportVerifier } from '../src/audit-log/chain/export-verifier';
import { latchkeyDataSourceOptions } from '../src/database/connections/data-source-options';
import { ensureSchema, migrateLatchkey } from '../src/database/migrator';
import { administrate } from './support/administrate';
import { done } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { onDatabase } from './support/urls';

/** Those of the first release that upgrades are promised from: `00bc3df`. */
const FIRST_PROMISED = 4;
const SECRET = 'Zk3q8vN1xR5tY7uB2mC4wE6hJ9pL0sD-aFgQiOzX';
const DETAILS = '/api/v1/identities/details';

const name = `latchkey_upgrade_${process.env.JEST_WORKER_ID}`;
/** The same installation, upgraded one release at a time. */
const walked = `${name}_walked`;
const url = onDatabase(process.env.LATCHKEY_TEST_SERVER!, name);

/** As that release signed it. */
function jwtOf({
  id,
  identityId,
  organizationId,
  exp,
}: Record<'id' | 'identityId' | 'organizationId', string> & { exp: number }) {
  const kid = createHmac('sha256', SECRET).update('latchkey key id').digest('base64url').slice(0, 12);
  const claims = {
    jti: id,
    identityAccessTokenId: id,
    iat: exp - 3_600,
    exp,
    authTokenType: 'identityAccessToken',
    identityId,
    identityName: 'deployer',
    authMethod: 'token-auth',
    identityAuth: {},
    orgId: organizationId,
    rootOrgId: organizationId,
    parentOrgId: organizationId,
    clientSecretId: '',
    ipRestrictionEnabled: false,
    accessTokenTTL: 3_600,
    accessTokenMaxTTL: 3_600,
    accessTokenPeriod: 0,
    creationEpoch: exp - 3_600,
  };
  return sign(claims, SECRET, { algorithm: 'HS256', header: { alg: 'HS256', typ: 'JWT', kid } });
}

function hashOf(clientSecret: string): Buffer {
  const pepper = Buffer.from(hkdfSync('sha256', SECRET, '', 'latchkey client secrets', 32));
  return createHmac('sha256', pepper).update(clientSecret).digest();
}

describe('an installation of the first release that upgrades are promised from', () => {
  const ids = Object.fromEntries(
    [
      ...['organization', 'identity', 'tokenAuth', 'universalAuth', 'client', 'locked', 'lockedAuth', 'lockedClient'],
      ...[
        'good',
        'revoked',
        'expired',
        'spent',
        'methodGone',
        'secretGone',
        'goodSecret',
        'revokedSecret',
        'lockedSecret',
      ],
    ].map((key) => [key, randomUUID()]),
  );
  const everywhere = JSON.stringify([{ type: 'ipv4', prefix: 0, ipAddress: '0.0.0.0' }]);
  const config = JSON.stringify({
    clientSecretTrustedIps: JSON.parse(everywhere) as unknown,
    lockoutEnabled: true,
    lockoutThreshold: 3,
    lockoutDurationSeconds: 300,
    lockoutCounterResetSeconds: 30,
  });
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  const jwt = (id: string, until = exp) =>
    jwtOf({ id: ids[id]!, identityId: ids.identity!, organizationId: ids.organization!, exp: until });
  let latchkey: TestLatchkey;

  /** A row of every table there was. */
  const fill = async (old: DataSource) => {
    const run = (sql: string, parameters: unknown[] = []) => old.query<unknown>(sql, parameters);
    const { organization, identity, locked } = ids;
    await run(`INSERT INTO latchkey.organizations (id, name, slug) VALUES ($1, 'Acme', 'acme-1')`, [organization]);
    await run('UPDATE latchkey.instance SET initialized_at = now()');
    await run(
      `INSERT INTO latchkey.users (email, first_name, last_name, password_hash) VALUES ('a@b.test', 'A', 'B', 'x')`,
    );
    for (const id of [identity, locked]) {
      await run(`INSERT INTO latchkey.identities (id, organization_id, name) VALUES ($1, $2, 'deployer')`, [
        id,
        organization,
      ]);
      await run(
        `INSERT INTO latchkey.organization_memberships (organization_id, identity_id, role) VALUES ($1, $2, 'admin')`,
        [organization, id],
      );
    }
    // One key twice: nothing kept it out.
    for (const [position, [key, value]] of [
      ['team', 'old'],
      ['zone', 'eu'],
      ['team', 'infra'],
    ].entries()) {
      const label = [identity, key, value, position];
      await run(
        'INSERT INTO latchkey.identity_metadata (identity_id, key, value, position) VALUES ($1, $2, $3, $4)',
        label,
      );
    }
    const method = `INSERT INTO latchkey.identity_auth_methods (id, identity_id, method, access_token_ttl, access_token_max_ttl,
      access_token_num_uses_limit, access_token_trusted_ips, config, client_id) VALUES ($1, $2, $3, 3600, 3600, 0, $4, $5, $6)`;
    await run(method, [ids.tokenAuth, identity, 'token-auth', everywhere, '{}', null]);
    await run(method, [ids.universalAuth, identity, 'universal-auth', everywhere, config, ids.client]);
    await run(method, [ids.lockedAuth, locked, 'universal-auth', everywhere, config, ids.lockedClient]);
    const secret = `INSERT INTO latchkey.client_secrets (id, auth_method_id, identity_id, hash, prefix, description, ttl, num_uses_limit,
      revoked_at) VALUES ($1, $2, $3, $4, 'abcd', '', 0, 0, $5)`;
    await run(secret, [ids.goodSecret, ids.universalAuth, identity, hashOf('good'), null]);
    await run(secret, [ids.revokedSecret, ids.universalAuth, identity, hashOf('revoked'), new Date()]);
    await run(secret, [ids.lockedSecret, ids.lockedAuth, locked, hashOf('locked'), null]);
    await run(
      `INSERT INTO latchkey.auth_lockouts (subject_id, auth_method_id, failures, is_locked, expires_at)
       VALUES ($1, $1, 3, true, now() + interval '5 minutes')`,
      [ids.lockedAuth],
    );
    const token = `INSERT INTO latchkey.identity_access_tokens (id, identity_id, organization_id, auth_method_id, auth_method,
      access_token_ttl, access_token_max_ttl, num_uses_limit, num_uses, expires_at, revoked_at, client_secret_id)
      VALUES ($1, $2, $3, $4, $5, 3600, 3600, $6::integer, $6::integer, $7, $8, $9)`;
    const until = new Date(exp * 1_000);
    const of = (id: string) => [ids[id], identity, organization];
    await run(token, [...of('good'), ids.tokenAuth, 'token-auth', 0, until, null, null]);
    await run(token, [...of('revoked'), ids.tokenAuth, 'token-auth', 0, until, new Date(), null]);
    await run(token, [...of('expired'), ids.tokenAuth, 'token-auth', 0, new Date(Date.now() - 60_000), null, null]);
    await run(token, [...of('spent'), ids.tokenAuth, 'token-auth', 2, until, null, null]);
    await run(token, [...of('methodGone'), randomUUID(), 'token-auth', 0, until, null, null]);
    await run(token, [...of('secretGone'), ids.universalAuth, 'universal-auth', 0, until, null, ids.revokedSecret]);
    await run('INSERT INTO latchkey.use_batches (id) VALUES ($1)', [randomUUID()]);
    await run(
      `INSERT INTO latchkey.nodes (id, name, started_at, seen_at, confirmed, applied_revision)
       VALUES ($1, 'old', now(), now() - interval '1 hour', pg_current_snapshot(), 1)`,
      [randomUUID()],
    );
    await run('INSERT INTO latchkey.incarnations DEFAULT VALUES');
  };

  beforeAll(async () => {
    await administrate(`CREATE DATABASE ${name}`);
    const options = { ...latchkeyDataSourceOptions({ url }), migrations: LATCHKEY_MIGRATIONS.slice(0, FIRST_PROMISED) };
    const old = await new DataSource(options).initialize();
    await ensureSchema(old);
    await old.runMigrations();
    await fill(old);
    const tables = await old.query<{ name: string }[]>(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'latchkey'`,
    );
    const empty = [];
    for (const table of tables) {
      const rows = await old.query<unknown[]>(`SELECT FROM latchkey."${table.name}" LIMIT 1`);
      if (rows.length === 0) empty.push(table.name);
    }
    expect(empty).toEqual([]);
    await old.destroy();
    await administrate(`CREATE DATABASE ${walked} TEMPLATE ${name}`);
    latchkey = await startLatchkey(
      { database: { url }, authSecret: SECRET, migrate: 'on-start' },
      { isBootstrapped: false },
    );
  });
  afterAll(async () => {
    await latchkey.stop();
    await administrate(`DROP DATABASE ${name} WITH (FORCE)`, `DROP DATABASE ${walked} WITH (FORCE)`);
  });

  const status = async (token: string) => (await latchkey.as(token).get(DETAILS)).status;
  const login = (clientId: string, clientSecret: string) =>
    latchkey.anonymous.post('/api/v1/auth/universal-auth/login', { clientId: ids[clientId], clientSecret });

  it('has its good tokens, which are renewed and revoked as ever, and none that was dead', async () => {
    expect(await status(jwt('good'))).toBe(200);
    const dead = ['revoked', 'spent', 'methodGone', 'secretGone'];
    for (const id of dead) expect([id, await status(jwt(id))]).toEqual([id, 401]);
    expect(await status(jwt('expired', exp - 3_700))).toBe(401);
    for (const id of dead) {
      const renewed = await latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken: jwt(id) });
      expect([id, renewed.status]).toEqual([id, 401]);
    }
    const { accessToken } = done(
      await latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken: jwt('good') }),
    );
    expect(await status(accessToken as string)).toBe(200);
  });

  it('lets its clients log in, but not with a revoked secret, nor while they are locked out', async () => {
    const { accessToken } = done(await login('client', 'good'));
    expect(await status(accessToken as string)).toBe(200);
    expect((await login('client', 'revoked')).status).toBe(401);
    expect((await login('lockedClient', 'locked')).body.message).toMatch(/temporarily locked/);
  });

  it('has a log from the upgrade on: it tells of its old tokens, and proves itself', async () => {
    const api = latchkey.as(jwt('good'));
    const renewed = await latchkey.anonymous.post('/api/v1/auth/token/renew', { accessToken: jwt('good') });
    expect(renewed.status).toBe(200);
    const events = done(await api.get(`/api/v1/organization/audit-logs?tokenId=${ids.good}`)).auditLogs as object[];
    expect(events).toContainEqual(
      expect.objectContaining({
        event: expect.objectContaining({ type: 'renew-identity-access-token' }) as object,
        actor: expect.objectContaining({ type: 'identity' }) as object,
      }),
    );
    const proof = '/api/latchkey/v1/audit-logs';
    const headers = { authorization: `Bearer ${jwt('good')}` };
    const text = await (await fetch(`${latchkey.url}${proof}/export`, { headers })).text();
    const signed = checkpointsIn(JSON.stringify(done(await api.get(`${proof}/checkpoints`))));
    const verifier = new ExportVerifier();
    for (const line of text.split('\n')) verifier.take(line);
    expect(verifier.report(signed.checkpoints, signed.publicKeys)).toMatchObject({ verdict: 'proved', firstBatch: 1 });
  });

  // Seen red: a migration that deletes expired tokens.
  it('is the same, and has lost no row, if it was upgraded one release at a time, with rows in every table of each', async () => {
    const at = onDatabase(process.env.LATCHKEY_TEST_SERVER!, walked);
    const client = new Client({ connectionString: at });
    await client.connect();
    const before = (await client.query(TOKENS)).rows;
    for (let count = FIRST_PROMISED + 1; count <= LATCHKEY_MIGRATIONS.length; count += 1) {
      const migrations = LATCHKEY_MIGRATIONS.slice(0, count);
      const release = await new DataSource({ ...latchkeyDataSourceOptions({ url: at }), migrations }).initialize();
      const [run] = await release.runMigrations();
      await release.destroy();
      await client.query(ROWS_OF_STAGE[run!.name] ?? '');
    }
    expect((await client.query(TOKENS)).rows).toEqual(before);
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'latchkey'::regnamespace AND relkind = 'r'
          AND NOT relispartition ORDER BY 1`,
    );
    const empty = [];
    for (const { name: table } of tables)
      if ((await client.query(`SELECT FROM latchkey."${table}" LIMIT 1`)).rowCount === 0) empty.push(table);
    expect(empty).toEqual([]);
    const schema = (await client.query<{ part: string }>(SCHEMA)).rows.map(({ part }) => part);
    await client.end();
    expect(schema.length).toBeGreaterThan(200);
    const direct = await latchkey.dataSource.query<{ part: string }[]>(SCHEMA);
    expect(schema).toEqual(direct.map(({ part }) => part));
  });

  it('has its organization, and no second one; a label that was there twice is what verifications made of it', async () => {
    const api = latchkey.as(jwt('good'));
    const labels = done(await api.get(`/api/v1/identities/${ids.identity}`)).identity.metadata as Record<
      string,
      string
    >[];
    expect(labels.map(({ key, value }) => `${key}=${value}`)).toEqual(['zone=eu', 'team=infra']);
    const organizations = await latchkey.dataSource.query<unknown[]>('SELECT FROM latchkey.organizations');
    expect(organizations).toHaveLength(1);
    expect((await latchkey.anonymous.post('/api/v1/admin/bootstrap', PERSON)).status).toBe(400);
  });
});

const ANY = '00000000-0000-4000-8000-000000000001';
const HASH = `'\\x00'::bytea`;
/** Rows of the tables that a migration has made: those that follow meet no empty table. A migration that makes a table adds a row here. */
const ROWS_OF_STAGE: Readonly<Record<string, string>> = {
  WatchContents1765100050000: 'INSERT INTO latchkey.clock (reached) VALUES (now()) ON CONFLICT DO NOTHING',
  PartTokensFromIdentities1765500000000: `
    INSERT INTO latchkey.removed_auth_methods (id, identity_id, method) VALUES ('${ANY}', '${ANY}', 'token-auth')`,
  AddTokenEvents1766600000000: `
    INSERT INTO latchkey.token_events (id, type, subject, told) VALUES ('${ANY}', 'revoked', '${ANY}', '{}');
    INSERT INTO latchkey.token_event_mark (id, told_to) VALUES (1, now()) ON CONFLICT DO NOTHING`,
  AddUsedSignedRequests1766700000000: `
    INSERT INTO latchkey.used_signed_requests (digest, expires_at) VALUES (${HASH}, now())`,
  AddRoles1766800000000: `
    INSERT INTO latchkey.roles (organization_id, slug, name, permissions)
    SELECT id, 'auditor', 'Auditor', '[]' FROM latchkey.organizations`,
  AddAuditLog1766900000000: `
    INSERT INTO latchkey.audit_logs (id, created_at, organization_id, event_type, outcome, actor_type, actor_metadata, event_metadata)
    SELECT '${ANY}', now(), id, 'create-identity', 'success', 'operator', '{}', '{}' FROM latchkey.organizations;
    INSERT INTO latchkey.audit_unsealed (created_at, id, organization_id)
    SELECT created_at, id, organization_id FROM latchkey.audit_logs;
    INSERT INTO latchkey.audit_batches
    SELECT id, 1, now(), now(), now(), ARRAY['${ANY}'::uuid], ARRAY[${HASH}], ${HASH}, ${HASH} FROM latchkey.organizations;
    INSERT INTO latchkey.audit_checkpoints SELECT id, 1, now(), ${HASH}, 'key', ${HASH} FROM latchkey.organizations`,
  AddProjects1767000000000: `
    INSERT INTO latchkey.projects (id, organization_id, name, slug)
    SELECT '${ANY}', id, 'Shop', 'shop' FROM latchkey.organizations;
    INSERT INTO latchkey.project_roles (project_id, slug, name, permissions) VALUES ('${ANY}', 'reader', 'Reader', '[]');
    INSERT INTO latchkey.project_memberships (project_id, actor_id, identity_id)
    SELECT '${ANY}', id, id FROM latchkey.identities;
    INSERT INTO latchkey.project_membership_roles (membership_id, actor_id, position, role)
    SELECT id, actor_id, 0, 'member' FROM latchkey.project_memberships`,
  AddAuditStreams1767100000000: `
    INSERT INTO latchkey.audit_streams (id, organization_id, name, url, sealed_secret, batch)
    SELECT '${ANY}', id, 'siem', 'https://siem.test', ${HASH}, 1 FROM latchkey.organizations;
    INSERT INTO latchkey.audit_dead_letters (stream_id, batch, first, count, attempts, last_fault)
    VALUES ('${ANY}', 1, 0, 1, 16, 'timed_out')`,
  AddAuditFollowers1767120000000: `INSERT INTO latchkey.audit_followers (name, position) VALUES ('siem', 1)`,
};

/** Everything that a schema is made of, as PostgreSQL writes it down. */
const SCHEMA = `
  SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull
         || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS part
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE c.relnamespace = 'latchkey'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'latchkey'
  UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'latchkey'::regnamespace
  UNION ALL SELECT pg_get_triggerdef(t.oid) || t.tgenabled::text
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
   WHERE c.relnamespace = 'latchkey'::regnamespace AND NOT t.tgisinternal
  UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'latchkey'::regnamespace
  ORDER BY 1`;

const TOKENS = `
  SELECT id, expires_at, revoked_at, num_uses, num_uses_limit FROM latchkey.identity_access_tokens ORDER BY id`;

const PERSON = { email: 'root@acme.test', password: 'correct horse', organization: 'Second' };

describe('an installation of a release before', () => {
  const older = `${name}_older`;
  afterEach(() => administrate(`DROP DATABASE ${older} WITH (FORCE)`));

  it('is refused with a sentence, and nothing is made beside it', async () => {
    await administrate(`CREATE DATABASE ${older}`);
    const client = new Client({ connectionString: onDatabase(process.env.LATCHKEY_TEST_SERVER!, older) });
    await client.connect();
    // It had its tables where everybody's are.
    await client.query('CREATE TABLE latchkey_migrations (name text); CREATE TABLE identity_access_tokens (id uuid)');
    const start = migrateLatchkey({ url: onDatabase(process.env.LATCHKEY_TEST_SERVER!, older) });
    await expect(start).rejects.toThrow(/from which no upgrade leads/);
    const { rows } = await client.query(`SELECT FROM pg_namespace WHERE nspname = 'latchkey'`);
    await client.end();
    expect(rows).toEqual([]);
  });
});
