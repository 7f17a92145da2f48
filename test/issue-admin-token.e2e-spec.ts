import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { Client } from 'pg';
import { ServerProcess } from './support/server-process';
import { onDatabase } from './support/urls';

jest.setTimeout(180_000);

const SECRET = 'Zk3q8vN1xR5tY7uB2mC4wE6hJ9pL0sD-aFgQiOzX';
const COMMAND = 'issue-admin-token';

/** Where a token reaches nobody, as a shell makes it so. */
const UNREACHABLE: [what: string, prelude: string, reason: RegExp][] = [
  ['has no room', 'exec >/dev/full', /\(ENOSPC\)/],
  ['is closed', 'exec >&-', /leads nowhere/],
  ['is discarded', 'exec >/dev/null', /leads nowhere/],
];

const started: ServerProcess[] = [];
let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'latchkey-admin-'));
  fs.chmodSync(dir, 0o755);
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.signal('SIGTERM')));
  fs.rmSync(dir, { recursive: true, force: true });
});

const start = (env: Record<string, string>, ...args: string[]) => startAfter(':', env, ...args);
const startAfter = (prelude: string, env: Record<string, string>, ...args: string[]) => {
  const server = new ServerProcess(env, args, prelude);
  started.push(server);
  return server;
};
const tokenIn = (stdout: string) => /Token {2,}(\S+)/.exec(stdout)?.[1] ?? '';
/** Whether a token may do what an instance admin may. */
const isInstanceAdmin = async (url: string, token: string) =>
  (await fetch(`${url}/api/v1/organization`, { headers: { authorization: `Bearer ${token}` } })).status === 200;

// The server that runs beside these tests may remove tokens that have ended, so it is new ones that are looked for.
const TOKENS = 'SELECT id FROM latchkey.identity_access_tokens';

describe('a new token for whoever holds the data directory', () => {
  it('is issued while the server runs and while it does not, once every token has run out', async () => {
    const env = { LATCHKEY_DATA_DIR: path.join(dir, 'data'), LATCHKEY_MAX_TOKEN_AGE: '1' };
    const server = start(env);
    const url = await server.url();
    // Announced, since the token made at the first start lives for a second.
    await server.says(/administrator\.tokens_end/);
    const { accessToken } = JSON.parse(fs.readFileSync(path.join(dir, 'data/bootstrap.json'), 'utf8')) as Record<
      string,
      string
    >;
    while (await isInstanceAdmin(url, accessToken!)) await new Promise((resolve) => setTimeout(resolve, 100));

    const longer = { ...env, LATCHKEY_MAX_TOKEN_AGE: '3600' };
    const beside = await start(longer, COMMAND).ended;
    expect([beside.code, beside.stderr]).toEqual([0, expect.stringContaining('administrator.token_issued')]);
    expect(beside.stderr).not.toContain(tokenIn(beside.stdout));
    expect(await isInstanceAdmin(url, tokenIn(beside.stdout))).toBe(true);

    await server.signal('SIGTERM');
    const file = path.join(dir, 'token.json');
    const alone = await start(longer, COMMAND, '--ttl', '600', '--output', file).ended;
    expect(alone.code).toBe(0);
    const written = JSON.parse(fs.readFileSync(file, 'utf8')) as { accessToken: string; expiresIn: number };
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(written.expiresIn).toBe(600);
    expect(alone.output).not.toContain(written.accessToken);
    const again = start(longer);
    expect(await isInstanceAdmin(await again.url(), written.accessToken)).toBe(true);

    // Nothing is written over, and nothing is issued that could not be kept.
    const refused = await start(longer, COMMAND, '--output', file).ended;
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('is there already')]);
    expect(JSON.parse(fs.readFileSync(file, 'utf8'))).toEqual(written);
  });

  it('is refused where no server was ever started, and nothing is made there', async () => {
    const data = path.join(dir, 'mistyped');
    const { code, stderr } = await start({ LATCHKEY_DATA_DIR: data }, COMMAND).ended;
    expect([code, stderr]).toEqual([1, expect.stringContaining('No server has been started with the data directory')]);
    expect(fs.existsSync(data)).toBe(false);
  });

  it.each([[COMMAND], ['refuse-issued-before', '2026-01-01T00:00:00Z']])(
    'is not made an installation by %s because it holds an empty directory named postgres',
    async (...command) => {
      fs.mkdirSync(path.join(dir, 'mistyped/postgres'), { recursive: true });
      const { code, stderr } = await start({ LATCHKEY_DATA_DIR: path.join(dir, 'mistyped') }, ...command).ended;
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining('No server has been started with the data directory'),
      ]);
      expect(fs.readdirSync(path.join(dir, 'mistyped'), { recursive: true })).toEqual(['postgres']);
    },
  );
});

describe('a new token for whoever holds the database address and the secret', () => {
  const name = `latchkey_admin_${process.env.JEST_WORKER_ID}`;
  const url = onDatabase(process.env.LATCHKEY_TEST_SERVER!, name);
  const env = { DATABASE_URL: url, LATCHKEY_AUTH_SECRET: SECRET };
  const query = async (text: string, connectionString = url) => {
    const client = new Client({ connectionString });
    await client.connect();
    const { rows } = await client.query<Record<string, string>>(text);
    await client.end();
    return rows;
  };
  const administrate = (text: string) => query(text, process.env.LATCHKEY_TEST_SERVER);
  let server: ServerProcess;
  let address: string;

  beforeAll(async () => {
    await administrate(`CREATE DATABASE ${name}`);
    expect((await start(env, 'bootstrap').ended).code).toBe(0);
    server = new ServerProcess(env);
    address = await server.url();
  });
  afterAll(async () => {
    await server.signal('SIGTERM');
    await administrate(`DROP DATABASE ${name} WITH (FORCE)`);
  });

  it.each([
    ['were deleted', 'DELETE FROM latchkey.identities'],
    ['were demoted', `UPDATE latchkey.organization_memberships SET role = 'member'`],
    ['have no method left', 'DELETE FROM latchkey.identity_auth_methods'],
    ['may not come in', 'UPDATE latchkey.organization_memberships SET is_active = false'],
    [
      'trust no address that there is',
      `UPDATE latchkey.identity_auth_methods SET access_token_trusted_ips = '[{"type":"ipv4","ipAddress":"192.0.2.1"}]'`,
    ],
  ])('is that of a new identity where all administrators %s', async (_what, loss) => {
    await query(loss);
    const { code, stdout } = await start(env, COMMAND).ended;
    expect([code, stdout]).toEqual([0, expect.stringContaining('for a new identity')]);
    expect(await isInstanceAdmin(address, tokenIn(stdout))).toBe(true);
    // And the next one is that of the same.
    expect((await start(env, COMMAND).ended).stdout).not.toContain('for a new identity');
  });

  it('is that of an organization where one is named, by id or slug', async () => {
    const [made] = await query(
      `INSERT INTO latchkey.organizations (name, slug) VALUES ('Other', 'other') RETURNING id, slug`,
    );
    for (const wanted of [made!.id!, made!.slug!]) {
      const { stdout } = await start(env, COMMAND, '--organization', wanted).ended;
      const headers = { authorization: `Bearer ${tokenIn(stdout)}` };
      const answer = await fetch(`${address}/api/v1/identities?orgId=${made!.id}`, { headers });
      expect(answer.status).toBe(200);
      expect(await isInstanceAdmin(address, tokenIn(stdout))).toBe(false);
    }
    const { code, stderr } = await start(env, COMMAND, '--organization', 'nobody').ended;
    expect([code, stderr]).toEqual([1, expect.stringContaining('There is no organization')]);
  });

  it.each([
    [['--nonsense'], 2],
    [['--ttl'], 2],
    [['--ttl', '1.5'], 2],
    [['--ttl', '0'], 2],
    [['--organization', ''], 2],
    [['superfluous'], 2],
    [['--ttl', '99999999'], 1],
  ])('is not issued for %j', async (args, code) => {
    const before = await query(TOKENS);
    const ended = await start(env, COMMAND, ...args).ended;
    expect([ended.code, ended.stdout]).toEqual([code, '']);
    expect(ended.stderr.trim().split('\n').at(-1)).toMatch(/--help|LATCHKEY_MAX_TOKEN_AGE/);
    expect(before).toEqual(expect.arrayContaining(await query(TOKENS)));
  });

  it.each(UNREACHABLE)('is not issued where standard output %s', async (_what, prelude, reason) => {
    const before = await query(TOKENS);
    const { code, stderr } = await startAfter(prelude, env, COMMAND).ended;
    expect([code, stderr]).toEqual([1, expect.stringMatching(reason)]);
    expect(stderr).toMatch(/--output\. No token was issued\.\n$/);
    expect(before).toEqual(expect.arrayContaining(await query(TOKENS)));
  });

  it('is not issued where the reader of standard output has gone', async () => {
    const before = await query(TOKENS);
    const command = start(env, COMMAND);
    command.stopListening();
    expect((await command.ended).code).toBe(1);
    expect(before).toEqual(expect.arrayContaining(await query(TOKENS)));
  });

  it('is not issued where the reader of standard output reads no more', async () => {
    const before = await query(TOKENS);
    // The process itself holds the other end open, and reads nothing.
    const pipe = `${dir}/pipe`;
    const fill = `dd if=/dev/zero of=${pipe} bs=1k count=2048 oflag=nonblock 2>/dev/null`;
    const full = `mkfifo ${pipe}; exec 9<>${pipe}; ${fill}; exec >${pipe} 2>${dir}/errors`;
    await startAfter(full, env, COMMAND).ended;
    expect(fs.readFileSync(path.join(dir, 'errors'), 'utf8')).toMatch(/EAGAIN.*--output\. No token was issued\.\n$/);
    expect(before).toEqual(expect.arrayContaining(await query(TOKENS)));
  });

  it('is said not to be good where it was shown and the commit failed', async () => {
    await query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$`);
    await query(
      `CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON latchkey.identity_access_tokens
       DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`,
    );
    try {
      const { code, stdout, stderr } = await start(env, COMMAND).ended;
      expect([code, tokenIn(stdout)]).toEqual([1, expect.stringMatching(/\./)]);
      expect(stdout).not.toContain('was issued');
      expect(stderr).toMatch(/^The token above may not be good/m);
    } finally {
      await query('DROP FUNCTION refuse CASCADE');
    }
  });

  it('is explained by --help; a command there is none of is refused, and no server started', async () => {
    expect((await start({}, COMMAND, '--help').ended).stdout).toContain('--organization');
    const { code, stderr } = await start(env, 'isue-admin-token').ended;
    expect([code, stderr]).toEqual([2, expect.stringContaining(COMMAND)]);
  });
});
