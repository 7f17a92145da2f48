import { execFileSync, spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { createServer, type Server } from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { pollUntil } from '../src/embedded-postgres/polling';
import { MAIN, ServerProcess, serverProcess } from './support/server-process';
import { onDatabase } from './support/urls';

jest.setTimeout(60_000);

const DETAILS = '/api/v1/identities/details';
const SECRET = 'Zk3q8vN1xR5tY7uB2mC4wE6hJ9pL0sD-aFgQiOzX';

interface BootstrapFile {
  organizationId: string;
  identityId: string;
  accessToken: string;
}

describe('the stand-alone server', () => {
  const started: ServerProcess[] = [];
  let dir: string;

  const start = (env: Record<string, string> = {}, args: string[] = [], prelude?: string) => {
    const server = new ServerProcess({ LATCHKEY_DATA_DIR: path.join(dir, 'data'), ...env }, args, prelude);
    started.push(server);
    return server;
  };
  const bootstrapFile = () => path.join(dir, 'data/bootstrap.json');
  const readBootstrap = () => JSON.parse(fs.readFileSync(bootstrapFile(), 'utf8')) as BootstrapFile;
  const details = async (url: string, token = readBootstrap().accessToken) =>
    (await fetch(`${url}${DETAILS}`, { headers: { authorization: `Bearer ${token}` } })).status;

  /** How often the token of the first start has been counted as used. */
  const usesOf = async (url: string): Promise<number> => {
    const { accessToken } = readBootstrap();
    const id = (JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString()) as { jti: string })
      .jti;
    const response = await fetch(`${url}/api/v1/auth/token-auth/tokens/${id}`, {
      headers: { authorization: `Bearer ${accessToken}` },
    });
    return ((await response.json()) as { token: { accessTokenNumUses: number } }).token.accessTokenNumUses;
  };

  beforeEach(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'latchkey-server-'));
    fs.chmodSync(dir, 0o755);
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((server) => server.signal('SIGTERM')));
    fs.rmSync(dir, { recursive: true, force: true });
  });

  it('prints where it is and, the first time only, an admin token that works; started again it finds its data', async () => {
    const first = start();
    const banner = await first.banner();
    const { accessToken, organizationId, identityId } = readBootstrap();
    for (const part of ['/api/docs', accessToken, organizationId, identityId]) expect(banner).toContain(part);
    expect(fs.statSync(bootstrapFile()).mode & 0o777).toBe(0o600);
    expect(await details(await first.url())).toBe(200);
    expect((await first.signal('SIGTERM')).code).toBe(0);

    const second = start();
    expect(await second.banner()).not.toContain(accessToken);
    expect(readBootstrap()).toEqual({ accessToken, organizationId, identityId });
    expect(await details(await second.url())).toBe(200);
  });

  // What the compiler emits of decorated signatures is not what these tests run with, and bodies are validated by it.
  it('takes bodies as built: a program is given a client secret and logs in, and a bad body is refused', async () => {
    const url = await start().url();
    const { accessToken, organizationId } = readBootstrap();
    const post = async (route: string, body: object) => {
      const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' };
      const answer = await fetch(`${url}/api/v1/${route}`, { method: 'POST', headers, body: JSON.stringify(body) });
      return { status: answer.status, body: (await answer.json()) as Record<string, Record<string, string>> };
    };
    const made = await post('identities', { name: 'program', organizationId, role: 'no-access' });
    const identity = `auth/universal-auth/identities/${made.body.identity!.id}`;
    expect((await post(identity, { lockoutThreshold: 31 })).status).toBe(422);
    const attached = await post(identity, { lockoutThreshold: 5, unknown: true });
    expect(attached.body.identityUniversalAuth).toMatchObject({ lockoutThreshold: 5 });
    const { clientSecret } = (await post(`${identity}/client-secrets`, {})).body;
    const { clientId } = attached.body.identityUniversalAuth!;
    expect((await post('auth/universal-auth/login', { clientId })).status).toBe(422);
    const login = await post('auth/universal-auth/login', { clientId, clientSecret });
    expect(await details(url, login.body.accessToken as unknown as string)).toBe(200);
  });

  it('comes up with its data after it was killed without warning', async () => {
    const first = start();
    await first.banner();
    await first.signal('SIGKILL');

    expect(await details(await start().url())).toBe(200);
  });

  it('shares one data directory between processes that start at once', async () => {
    const urls = await Promise.all([start(), start(), start()].map((server) => server.url()));

    expect(new Set(urls).size).toBe(3);
    for (const url of urls) expect(await details(url)).toBe(200);
  });

  it('loses no use of a token when it is asked to stop', async () => {
    const server = start();
    const url = await server.url();
    const statuses = await Promise.all(Array.from({ length: 50 }, () => details(url)));
    // A busy machine may not have a connection for everybody in time: a 503 is no use.
    const uses = statuses.filter((status) => status !== 503).length;
    expect((await server.signal('SIGTERM')).code).toBe(0);

    expect(await usesOf(await start().url())).toBe(uses);
  });

  describe('whose own PostgreSQL is killed', () => {
    const postgres = () => path.join(dir, 'data/postgres');
    const killPostgres = () => process.kill(serverProcess(postgres()) ?? 0, 'SIGKILL');
    const ask = (url: string) =>
      fetch(`${url}${DETAILS}`, { headers: { authorization: `Bearer ${readBootstrap().accessToken}` } });
    /** Asks until the answer has this status; every answer until then has one of the others. */
    const untilStatus = async (url: string, wanted: number, others: number[]): Promise<Response> => {
      const deadline = Date.now() + 30_000;
      for (;;) {
        const response = await ask(url);
        if (response.status === wanted || Date.now() > deadline) return response;
        expect(others).toContain(response.status);
      }
    };
    /** It is told to end with its last user, who waits for it only while it is plain that nobody else uses it. */
    const untilPostgresEnds = async () => {
      const isGone = () => (serverProcess(postgres()) === undefined ? true : undefined);
      expect(await pollUntil(Date.now() + 10_000, isGone)).toBe(true);
    };
    const events = (output: string) =>
      [...output.matchAll(/"event":"embedded_postgres\.(\w+)"/g)].map(([, event]) => event);

    it('answers 503 with Retry-After meanwhile, and has it back within seconds, as often as it happens', async () => {
      const server = start();
      const url = await server.url();
      for (let round = 0; round < 2; round += 1) {
        killPostgres();
        const meanwhile = await untilStatus(url, 503, [200]);
        expect({ status: meanwhile.status, retryAfter: meanwhile.headers.get('retry-after') }).toEqual({
          status: 503,
          retryAfter: '1',
        });
        expect(await meanwhile.json()).toMatchObject({ statusCode: 503, error: 'ServiceUnavailable' });
        expect((await fetch(`${url}/api/status`)).status).toBe(200);
        expect((await untilStatus(url, 200, [503])).status).toBe(200);
      }
      const { code, output } = await server.signal('SIGTERM');
      expect(code).toBe(0);
      expect(events(output)).toEqual(['died', 'revived', 'died', 'revived']);
      await untilPostgresEnds();
    });

    it('has it back for every process on the directory, and ends it with the last of them', async () => {
      const servers = [start(), start()];
      const urls = await Promise.all(servers.map((server) => server.url()));
      killPostgres();
      expect((await untilStatus(urls[0]!, 503, [200])).status).toBe(503);
      for (const url of urls) expect((await untilStatus(url, 200, [503])).status).toBe(200);

      await servers[0]!.signal('SIGTERM');
      expect((await untilStatus(urls[1]!, 200, [])).status).toBe(200);
      expect((await servers[1]!.signal('SIGTERM')).code).toBe(0);
      await untilPostgresEnds();
    });

    it('makes no new database in the place of one that is gone, says so once, and takes it back', async () => {
      const server = start();
      const url = await server.url();
      const data = path.join(postgres(), 'data');
      fs.renameSync(data, `${data}.moved`);
      killPostgres();
      expect((await untilStatus(url, 503, [200])).status).toBe(503);
      await server.says(/embedded_postgres\.not_revived/);
      expect(fs.existsSync(data)).toBe(false);
      fs.renameSync(`${data}.moved`, data);
      expect((await untilStatus(url, 200, [503])).status).toBe(200);
      expect(events((await server.signal('SIGTERM')).output)).toEqual(['died', 'not_revived', 'revived']);
    });

    /** The shells that watch over the server: its parent, and the one that reads the pipe. */
    const watchdogs = () => {
      const list = execFileSync('ps', ['-eww', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
      const found = list
        .filter((line) => line.includes('latchkey-postgres') && line.includes(` -D ${postgres()}/data `))
        .map((line) => line.trim().split(/\s+/).slice(0, 2).map(Number) as [number, number]);
      const main = found.find(([, parent]) => !found.some(([pid]) => pid === parent))?.[0];
      return { main: main!, reader: found.find(([pid]) => pid !== main)![0] };
    };
    const kill = (...pids: (number | undefined)[]) => pids.forEach((pid) => process.kill(pid!, 'SIGKILL'));

    // Seen red: the database never came back, and lived on after the server that had taken a minute to end.
    it.each([
      ['its watchdog', () => kill(watchdogs().main)],
      ['the reader of the pipe', () => kill(watchdogs().reader)],
      ['both of them', () => kill(watchdogs().main, watchdogs().reader)],
      ['its watchdog, and it', () => kill(watchdogs().main, serverProcess(postgres()))],
      ['all of them', () => kill(watchdogs().main, watchdogs().reader, serverProcess(postgres()))],
    ])(
      '%s killed: it is there again within seconds, and ends with the last process that uses it',
      async (_, strike) => {
        const server = start();
        const url = await server.url();
        strike();
        await pause(1_000);
        expect((await untilStatus(url, 200, [503])).status).toBe(200);
        const killed = serverProcess(postgres());
        kill(killed);
        // It may be back before anything that is remembered has to be asked about.
        const isBack = () => ([undefined, killed].includes(serverProcess(postgres())) ? undefined : true);
        expect(await pollUntil(Date.now() + 30_000, isBack)).toBe(true);
        expect((await untilStatus(url, 200, [503])).status).toBe(200);
        expect((await server.signal('SIGTERM')).code).toBe(0);
        await untilPostgresEnds();
      },
    );

    it.each([
      ['its watchdog', () => kill(watchdogs().main)],
      ['the reader of the pipe', () => kill(watchdogs().reader)],
      ['both of them', () => kill(watchdogs().main, watchdogs().reader)],
    ])(
      '%s killed, and the server right after: nothing of it is left, or in the way of the next start',
      async (_, strike) => {
        const server = start();
        await server.url();
        strike();
        await server.signal('SIGKILL');
        const next = start();
        expect(await details(await next.url())).toBe(200);
        expect((await next.signal('SIGTERM')).code).toBe(0);
        await untilPostgresEnds();
      },
    );

    it('frozen, it holds nobody up who asks the server to stop', async () => {
      const server = start({ LATCHKEY_SHUTDOWN_TIMEOUT_MS: '4000' });
      await server.url();
      const pid = serverProcess(postgres())!;
      process.kill(pid, 'SIGSTOP');
      const askedAt = performance.now();
      await server.signal('SIGTERM');
      expect(performance.now() - askedAt).toBeLessThan(15_000);
      process.kill(pid, 'SIGCONT');
      await untilPostgresEnds();
    });

    it('ends when it is asked to while the database is away', async () => {
      const server = start();
      const url = await server.url();
      killPostgres();
      expect((await untilStatus(url, 503, [200])).status).toBe(503);
      expect((await server.signal('SIGTERM')).code).toBe(0);
      await untilPostgresEnds();
    });
  });

  // Another account has to become root there first; root would lose the right to lend PostgreSQL another account.
  const inNamespace = [...(process.geteuid?.() === 0 ? [] : ['-r']), '-p', '-f', '--mount-proc'];
  const canUnshare = spawnSync('unshare', [...inNamespace, 'true']).status === 0;
  // Seen red: it waited for two minutes, and advised to wait longer.
  (canUnshare ? it : it.skip)(
    'in a second container on the same volume says soon that the first one is there',
    async () => {
      await start().banner();
      const second = new ServerProcess(
        { LATCHKEY_DATA_DIR: path.join(dir, 'data') },
        [],
        `set -- unshare ${inNamespace.join(' ')} "$@"`,
      );
      const begun = performance.now();
      const { code, stderr } = await second.ended;
      expect(code).toBe(1);
      expect(stderr).toMatch(/^The database in \S+ is in use by a Latchkey in another container, so stop that one/);
      expect(performance.now() - begun).toBeLessThan(30_000);
    },
  );

  // Seen red: npm ended, and the server was left.
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGKILL'] as const)(
    'run by npm, ends with it when that is ended by %s',
    async (name) => {
      const { PATH = '' } = process.env;
      const env = { PATH, PORT: '0', LATCHKEY_DATA_DIR: path.join(dir, 'data'), npm_config_ignore_scripts: 'true' };
      const npm = spawn('npm', ['start'], { env, cwd: path.join(MAIN, '../../..'), stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      npm.stdout.on('data', (chunk) => (output += String(chunk)));
      expect(await pollUntil(Date.now() + 40_000, () => /API\s+(\S+)/.exec(output)?.[1])).toBeDefined();
      npm.kill(name);
      const isGone = () => (serverProcess(path.join(dir, 'data/postgres')) === undefined ? true : undefined);
      expect(await pollUntil(Date.now() + 15_000, isGone)).toBe(true);
      expect(output).toContain('"event":"server.stopping"');
    },
  );

  const canRecord = spawnSync('script', ['--version']).status === 0;
  (canRecord ? it : it.skip)('in a terminal that is closed, ends in order', async () => {
    const { PATH = '' } = process.env;
    const log = path.join(dir, 'terminal');
    const env = {
      PATH,
      PORT: '0',
      LATCHKEY_DATA_DIR: path.join(dir, 'data'),
      LATCHKEY_USAGE_FLUSH_INTERVAL_MS: '60000',
    };
    const terminal = spawn('script', ['-qfc', `${process.execPath} ${MAIN}`, log], { env, stdio: 'ignore' });
    const said = () => (fs.existsSync(log) ? fs.readFileSync(log, 'utf8') : '');
    const url = await pollUntil(Date.now() + 40_000, () => /API\s+(http:\S+)\/api\s/.exec(said())?.[1]);
    expect(await details(url!)).toBe(200);
    terminal.kill('SIGKILL');
    const isGone = () => (serverProcess(path.join(dir, 'data/postgres')) === undefined ? true : undefined);
    expect(await pollUntil(Date.now() + 15_000, isGone)).toBe(true);
    expect(await usesOf(await start().url())).toBe(1);
  });

  it('refuses a port in use in one sentence that says what to do', async () => {
    const taken = await listening();
    const { port } = taken.address() as { port: number };

    const { code, output } = await start({ PORT: String(port) }).ended;
    taken.close();

    expect(code).toBe(1);
    expect(output).toBe(`Port ${port} is in use: stop what listens there, or set PORT to another.\n`);
    // The next start is the first: the token that is shown once has not been.
    expect(await start().banner()).toMatch(/Token {9}eyJ/);
  });

  it('refuses a HOST that is none in one sentence', async () => {
    const { code, output } = await start({ HOST: 'nowhere.invalid' }).ended;

    expect(code).toBe(1);
    expect(output).toMatch(/^HOST is a name that cannot be found \(\w+\): set it to an address of this machine\.\n$/);
  });

  it('leaves a data directory that was there the mode it had, and closes what it puts into it', async () => {
    const data = path.join(dir, 'shared');
    fs.mkdirSync(data);
    fs.chmodSync(data, 0o1777);
    // A first start, whatever an earlier release has left below /var/lib of this machine.
    fs.writeFileSync(path.join(data, 'database.json'), '{}');
    await start({ LATCHKEY_DATA_DIR: data }).banner();

    const modeOf = (file: string) => (fs.statSync(file).mode & 0o7777).toString(8);
    expect(modeOf(data)).toBe('1777');
    expect(modeOf(path.join(data, 'auth-secret'))).toBe('600');
    expect(modeOf(path.join(data, 'bootstrap.json'))).toBe('600');
    expect(modeOf(path.join(data, 'postgres'))).toMatch(/^7[01][01]$/);
  });

  it('refuses a data directory below one that makes none', async () => {
    const { code, output } = await start({ LATCHKEY_DATA_DIR: '/proc/latchkey/data' }).ended;

    expect(code).toBe(1);
    expect(output).toMatch(
      /^The data directory \/proc\/latchkey\/data cannot be written to \(\w+ at \/proc\/latchkey\): make it writable/,
    );
  });

  it('refuses a data directory it cannot make in one sentence that says what to do', async () => {
    fs.writeFileSync(path.join(dir, 'file'), '');
    const data = path.join(dir, 'file/data');

    const { code, stderr } = await start({ LATCHKEY_DATA_DIR: data }).ended;

    expect(code).toBe(1);
    expect(stderr).toBe(
      `The data directory ${data} cannot be written to (ENOTDIR): make it writable, or set LATCHKEY_DATA_DIR to another.\n`,
    );
  });

  it('names every setting at fault at once, and no value', async () => {
    const { code, stderr } = await start({
      PORT: 'no-port',
      LATCHKEY_MAX_TOKEN_AGE: '-5',
      LATCHKEY_LOG_LEVEL: 'loud',
      DATABASE_URL: 'mysql://root:hunter2@localhost/x',
    }).ended;

    expect(code).toBe(1);
    for (const name of [
      'PORT',
      'LATCHKEY_MAX_TOKEN_AGE',
      'LATCHKEY_LOG_LEVEL',
      'DATABASE_URL',
      'LATCHKEY_AUTH_SECRET',
    ]) {
      expect(stderr).toContain(name);
    }
    expect(stderr).not.toMatch(/hunter2|no-port|loud|-5|\n {4}at /);
  });

  it.each([
    ['short', 'a'.repeat(31), 'at least 32 bytes'],
    ['made of few characters', 'ab'.repeat(30), 'must be random'],
    ['a placeholder', 'change-me-to-a-long-random-secret-please', 'must be random'],
  ])('refuses an auth secret that is %s, without quoting it', async (_, secret, reason) => {
    const { code, stderr } = await start({ LATCHKEY_AUTH_SECRET: secret }).ended;

    expect(code).toBe(1);
    expect(stderr).toContain(reason);
    expect(stderr).not.toContain(secret);
  });

  it('says in one sentence that the database of DATABASE_URL does not answer', async () => {
    const env = { DATABASE_URL: 'postgres://latchkey:hunter2@127.0.0.1:1/latchkey', LATCHKEY_AUTH_SECRET: SECRET };

    const { code, stderr } = await start(env).ended;

    expect(code).toBe(1);
    expect(stderr).toBe(
      'The database of DATABASE_URL does not answer (ECONNREFUSED): check that it runs and can be reached.\n',
    );
  });

  it('refuses the bootstrap command without DATABASE_URL in one sentence, and makes nothing', async () => {
    const { code, stdout, stderr } = await start({}, ['bootstrap']).ended;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      'bootstrap needs DATABASE_URL: without it, Latchkey sets up its built-in database when it starts.\n',
    );
    expect(fs.readdirSync(dir)).toEqual([]);
  });

  describe('on a database of the operator', () => {
    const name = `latchkey_server_${process.env.JEST_WORKER_ID}`;
    const url = onDatabase(process.env.LATCHKEY_TEST_SERVER!, name);
    const administrate = async (statement: string) => {
      const client = new Client({ connectionString: process.env.LATCHKEY_TEST_SERVER });
      await client.connect();
      await client.query(statement);
      await client.end();
    };

    beforeEach(() => administrate(`CREATE DATABASE ${name}`));
    afterEach(() => administrate(`DROP DATABASE ${name} WITH (FORCE)`));

    it('migrates, sets nothing up by itself, and leaves no data directory', async () => {
      const server = start({ DATABASE_URL: url, LATCHKEY_AUTH_SECRET: SECRET });

      expect(await server.banner()).not.toContain('Token');
      expect(fs.existsSync(path.join(dir, 'data'))).toBe(false);
      const response = await fetch(`${await server.url()}/api/v1/admin/bootstrap`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: 'root@acme.test', password: 'p', organization: 'Acme' }),
      });
      expect(response.status).toBe(200);
      await server.signal('SIGTERM');
    });

    it('is set up by the bootstrap command, once', async () => {
      const env = { DATABASE_URL: url, LATCHKEY_AUTH_SECRET: SECRET };
      const first = await start(env, ['bootstrap']).ended;
      const second = await start(env, ['bootstrap']).ended;

      const token = /Token\s+(\S+)/.exec(first.stdout)?.[1];
      expect(second.stdout).toBe('This installation has been set up before.\n');
      const server = start(env);
      expect(await details(await server.url(), token)).toBe(200);
      await server.signal('SIGTERM');
    });

    it.each([
      ['has no room', 'exec >/dev/full', /\(ENOSPC\)/],
      ['is closed', 'exec >&-', /leads nowhere/],
    ])(
      'is not set up by the command where standard output %s, and is where it can be read',
      async (_what, prelude, reason) => {
        const env = { DATABASE_URL: url, LATCHKEY_AUTH_SECRET: SECRET };
        const { code, stderr } = await start(env, ['bootstrap'], prelude).ended;
        expect([code, stderr]).toEqual([1, expect.stringMatching(reason)]);
        expect(stderr).toMatch(/The database was not set up\.\n$/);
        const again = await start(env, ['bootstrap']).ended;
        expect([again.code, again.stdout]).toEqual([0, expect.stringMatching(/Token\s+\S+/)]);
      },
    );

    it.each(['2026-02-30T00:00:00Z', '2023-02-29T12:00:00.5+02:00', '2026-01-01T24:00:00Z'])(
      'takes %s, which no calendar has, for no other time',
      async (time) => {
        const env = { DATABASE_URL: url, LATCHKEY_AUTH_SECRET: SECRET };
        const { code, stderr } = await start(env, ['refuse-issued-before', time]).ended;
        expect([code, stderr]).toEqual([2, `There is no time ${time}. See refuse-issued-before --help.\n`]);
      },
    );

    it('refuses what was issued before a time by the command, on a server that runs, and says how it is asked', async () => {
      const env = { DATABASE_URL: url, LATCHKEY_AUTH_SECRET: SECRET };
      const token = /Token\s+(\S+)/.exec((await start(env, ['bootstrap']).ended).stdout)?.[1];
      const server = start(env);
      expect(await details(await server.url(), token)).toBe(200);
      for (const words of [
        [],
        ['yesterday'],
        ['2026-01-01'],
        ['2026-01-01T00:00:00Z', 'x'],
        ['2026-01-01T00:00:00Z', '-x'],
      ]) {
        const { code, stderr } = await start(env, ['refuse-issued-before', ...words]).ended;
        expect({ code, stderr }).toEqual({
          code: 2,
          stderr: expect.stringMatching(/ See refuse-issued-before --help\.\n$/),
        });
      }
      const now = new Date().toISOString();
      const { code, stdout } = await start(env, ['refuse-issued-before', now]).ended;
      expect({ code, stdout }).toEqual({ code: 0, stdout: `Tokens issued before ${now} are refused.\n` });
      expect(await details(await server.url(), token)).toBe(401);
      await server.signal('SIGTERM');
    });
  });
});

function listening(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
  });
}
