import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../src/embedded-postgres/embedded-postgres';
import { ServerProcess, serverProcess } from './support/server-process';

jest.setTimeout(120_000);

const ONE_SENTENCE = /^[A-Z/].*[^.]\.\n?$/;
const isRoot = process.getuid?.() === 0;
const itAsRoot = isRoot && process.platform === 'linux' ? it : it.skip;

describe('the directory of the embedded PostgreSQL', () => {
  let scratch: string;
  let template: string;
  let dir: string;
  const servers: EmbeddedPostgres[] = [];
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    template = path.join(makeScratch(), 'postgres');
    const server = await startEmbeddedPostgres({ dir: template });
    await query(server.url, 'CREATE TABLE note (text text)');
    await query(server.url, `INSERT INTO note VALUES ('kept')`);
    await server.stop();
  });
  afterAll(() => fs.rmSync(path.dirname(template), { recursive: true, force: true }));

  beforeEach(() => {
    scratch = makeScratch();
    dir = path.join(scratch, 'postgres');
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    for (const server of servers.splice(0)) await server.stop();
    fs.rmSync(scratch, { recursive: true, force: true });
  });

  const start = async (options: Partial<EmbeddedPostgresOptions> = {}) => {
    const server = await startEmbeddedPostgres({ dir, ...options });
    servers.push(server);
    return server;
  };
  const refusal = (options: Partial<EmbeddedPostgresOptions> = {}): Promise<string> =>
    start(options).then(
      () => 'it has started',
      (error: Error) => error.message,
    );
  const notes = async ({ url }: EmbeddedPostgres) =>
    (await query(url, 'SELECT text FROM note')).map(({ text }) => text);
  const copyDatabase = (to = dir) => execFileSync('cp', ['-a', template, to]);
  const account = () => fs.statSync(path.join(template, 'data'));
  /** As releases up to 0.1 left it when root had started them. */
  const copyDatabaseOfEarlierRelease = (to = dir) => {
    copyDatabase(to);
    fs.chmodSync(to, 0o700);
    fs.chownSync(to, account().uid, account().gid);
    fs.rmSync(path.join(to, 'alive'), { force: true });
    execFileSync('mkfifo', ['-m', '600', path.join(to, 'alive')]);
    fs.chownSync(path.join(to, 'alive'), account().uid, account().gid);
  };
  const formerDir = () =>
    `/var/lib/latchkey-${createHash('sha256').update(fs.realpathSync(scratch)).update('/postgres').digest('hex').slice(0, 10)}`;

  describe('when root has started it', () => {
    let victim: string;
    const stateOf = (file: string) => {
      const { uid, gid, mode, size } = fs.lstatSync(file);
      return { uid, gid, mode, size, content: fs.statSync(file).isFile() ? fs.readFileSync(file, 'utf8') : '' };
    };
    const asAccount = (script: string) =>
      spawn('/bin/sh', ['-c', script], { cwd: '/', uid: account().uid, gid: account().gid, stdio: 'ignore' });
    const ended = (child: ChildProcess) => new Promise<number | null>((resolve) => child.once('close', resolve));

    beforeEach(() => {
      victim = path.join(scratch, 'victim');
      fs.mkdirSync(path.join(victim, 'directory'), { recursive: true });
      fs.writeFileSync(path.join(victim, 'file'), 'of root', { mode: 0o644 });
    });

    itAsRoot('lends the account two directories, and keeps to itself what it writes', async () => {
      await start();
      const all = fs.readdirSync(dir).map((name) => ({ name, stats: fs.lstatSync(path.join(dir, name)) }));

      expect(all.filter(({ stats }) => stats.uid !== 0).map(({ name }) => name)).toEqual(['data', 'run']);
      for (const { stats } of all) expect(stats.mode & 0o077).toBe(0);
      expect(fs.statSync(dir)).toMatchObject({ uid: 0, gid: 0 });
      for (const write of [`: >${dir}/new`, `mv ${dir}/run ${dir}/other`, `echo >>${dir}/log`, `cat ${dir}/lock`]) {
        expect(await ended(asAccount(write))).not.toBe(0);
      }
    });

    itAsRoot('takes back the directory of an earlier release, with its data', async () => {
      copyDatabaseOfEarlierRelease();

      expect(await notes(await start())).toEqual(['kept']);
      expect(fs.statSync(dir)).toMatchObject({ uid: 0 });
    });

    itAsRoot.each([
      ['a link', 'log', 'file'],
      ['a second name', 'log', 'file'],
      ['a link', 'lock', 'file'],
      ['a link', 'alive', 'file'],
      ['a link', 'run', 'directory'],
      ['a link', 'init-1', 'directory'],
      ['a link', 'data/postmaster.pid', 'file'],
      ['a second name', 'data/postmaster.pid', 'file'],
    ])('follows no link: the account puts %s at %s', async (kind, name, target) => {
      copyDatabaseOfEarlierRelease();
      const goal = path.join(victim, target);
      const file = path.join(dir, name);
      const before = stateOf(goal);
      fs.rmSync(file, { recursive: true, force: true });
      if (kind === 'a link') fs.symlinkSync(goal, file);
      else fs.linkSync(goal, file);
      if (kind === 'a link') fs.lchownSync(file, account().uid, account().gid);
      fs.writeFileSync(path.join(victim, 'directory/inside'), 'of root');

      const message = await refusal();

      expect(stateOf(goal)).toEqual(before);
      expect(fs.readFileSync(path.join(victim, 'directory/inside'), 'utf8')).toBe('of root');
      // PostgreSQL itself will not have its lock file be anybody else's; all others are made as if nothing had been there.
      if (!name.startsWith('data/')) expect(message).toBe('it has started');
    });

    itAsRoot('follows no link to a directory or a database that another account has put in its place', async () => {
      fs.chmodSync(scratch, 0o1777);
      for (const name of ['postgres', 'postgres/data']) {
        fs.rmSync(dir, { recursive: true, force: true });
        if (name === 'postgres/data') copyDatabaseOfEarlierRelease();
        fs.rmSync(path.join(scratch, name), { recursive: true, force: true });
        fs.symlinkSync(path.join(victim, 'directory'), path.join(scratch, name));
        fs.lchownSync(path.join(scratch, name), account().uid, account().gid);

        expect(await refusal()).toMatch(/is a link that the user with id \d+ made|belongs to the user with id 0/);
        expect(fs.readdirSync(path.join(victim, 'directory'))).toEqual([]);
        expect(fs.statSync(path.join(victim, 'directory')).uid).toBe(0);
      }
    });

    itAsRoot('does not wait for the end of a pipe, nor repeats what a file of the account says', async () => {
      copyDatabase();
      const version = path.join(dir, 'data/PG_VERSION');
      fs.writeFileSync(version, 'root:$6$secret:19000\n');
      expect(await refusal()).toMatch(/PG_VERSION holds no version/);
      fs.rmSync(version);
      execFileSync('mkfifo', [version]);
      fs.chownSync(version, account().uid, account().gid);
      expect(await refusal()).toMatch(/is not empty and holds no PostgreSQL database/);
    });

    // Seen red: the owner of the database not looked at.
    itAsRoot('leaves the database of another account as it is, and says which setting names that account', async () => {
      copyDatabase();
      fs.rmSync(path.join(dir, 'lock'), { force: true });
      const dataDir = path.join(dir, 'data');
      execFileSync('chown', ['-R', '54321:54321', dataDir]);
      const stateOfAll = () => [dataDir, path.join(dataDir, 'PG_VERSION')].map(stateOf);
      const before = stateOfAll();

      const message = await refusal();

      expect(message).toContain(`The database in ${dataDir} belongs to the user with id 54321`);
      expect(message).toContain('set LATCHKEY_PG_USER to that user');
      expect(stateOfAll()).toEqual(before);
    });

    itAsRoot('ends no process of another account that the lock file names', async () => {
      copyDatabase();
      const dataDir = path.join(dir, 'data');
      const backup = spawn('/bin/sh', ['-c', 'sleep 600', 'backup', dataDir], { stdio: 'ignore' });
      children.push(backup);
      const pidFile = path.join(dataDir, 'postmaster.pid');
      fs.writeFileSync(pidFile, `${backup.pid}\n${dataDir}\n1\n5432\n\n\n0 0\nready   \n`, { mode: 0o600 });
      fs.chownSync(pidFile, account().uid, account().gid);

      expect(await notes(await start())).toEqual(['kept']);
      expect({ exitCode: backup.exitCode, signal: backup.signalCode }).toEqual({ exitCode: null, signal: null });
    });

    itAsRoot('keeps the database where it belongs although the account has no way there', async () => {
      fs.chmodSync(scratch, 0o700);
      const { dataDir, url } = await start();

      expect(dataDir).toBe(path.join(fs.realpathSync(scratch), 'postgres/data'));
      expect(fs.existsSync(path.join(dataDir, 'PG_VERSION'))).toBe(true);
      expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      expect(fs.existsSync(formerDir())).toBe(false);
    });

    describe('and an earlier release had put the database below /var/lib', () => {
      afterEach(() => fs.rmSync(formerDir(), { recursive: true, force: true }));

      itAsRoot('takes it to where it belongs, and leaves no place for an empty one', async () => {
        fs.chmodSync(scratch, 0o700);
        copyDatabaseOfEarlierRelease(formerDir());

        expect(await notes(await start())).toEqual(['kept']);
        expect(fs.existsSync(path.join(dir, 'data/PG_VERSION'))).toBe(true);
        expect(fs.readdirSync(path.join(formerDir(), 'data'))).toEqual(['MOVED']);
      });

      itAsRoot('takes it there from another file system', async () => {
        fs.rmSync(scratch, { recursive: true });
        scratch = fs.mkdtempSync('/dev/shm/latchkey-postgres-');
        dir = path.join(scratch, 'postgres');
        copyDatabaseOfEarlierRelease(formerDir());

        expect(await notes(await start())).toEqual(['kept']);
        expect(fs.readdirSync(path.join(formerDir(), 'data'))).toEqual(['MOVED']);
        expect(fs.existsSync(path.join(formerDir(), 'data.copied/PG_VERSION'))).toBe(true);
      });
    });
  });

  it.each(['a,b', 'a b', `a"b'c`, '#', '100%', 'bücher-日本', '$HOME', 'a\\b', '-D', '*', `long-${'x'.repeat(200)}`])(
    'may lie below a directory of any name: %s',
    async (name) => {
      dir = path.join(scratch, name, 'postgres');
      fs.mkdirSync(path.dirname(dir));
      copyDatabase();
      const server = await start();
      expect(await notes(server)).toEqual(['kept']);
      await server.stop();
      expect(await notes(await start())).toEqual(['kept']);
    },
  );

  itAsRoot('is closed to others and open to the account, whatever the umask is', async () => {
    const before = process.umask(0o077);
    try {
      dir = path.join(scratch, 'made/below/postgres');
      await start();
    } finally {
      process.umask(before);
    }
    expect(fs.statSync(path.join(scratch, 'made')).mode & 0o777).toBe(0o700);
  });
});

describe('a data directory that has been used', () => {
  let scratch: string;
  let template: string;
  let data: string;
  const started: ServerProcess[] = [];

  const start = (env: Record<string, string> = {}, args: string[] = [], prelude = ':') => {
    const server = new ServerProcess({ LATCHKEY_DATA_DIR: data, ...env }, args, prelude);
    started.push(server);
    return server;
  };
  const inData = (name: string) => path.join(data, name);
  const remove = (name: string) => fs.rmSync(inData(name), { recursive: true });
  const bootstrapOf = (dir: string) => fs.readFileSync(path.join(dir, 'bootstrap.json'), 'utf8');
  const statusOf = async (url: string, bootstrap: string) => {
    const { accessToken } = JSON.parse(bootstrap) as { accessToken: string };
    const headers = { authorization: `Bearer ${accessToken}` };
    return (await fetch(`${url}/api/v1/identities/details`, { headers })).status;
  };
  const refusal = async (env: Record<string, string> = {}) => {
    const { code, output } = await start(env).ended;
    expect(code).toBe(1);
    expect(output).toMatch(ONE_SENTENCE);
    return output;
  };

  beforeAll(async () => {
    template = path.join(makeScratch(), 'data');
    data = template;
    const server = start();
    await server.banner();
    await server.signal('SIGTERM');
  });
  afterAll(() => fs.rmSync(path.dirname(template), { recursive: true, force: true }));

  beforeEach(() => {
    scratch = makeScratch();
    data = path.join(scratch, 'data');
    execFileSync('cp', ['-a', template, data]);
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((server) => server.signal('SIGTERM')));
    fs.rmSync(scratch, { recursive: true, force: true });
  });

  const ofEarlierRelease = () => remove('database.json');

  describe.each([
    ['of this release', () => undefined],
    ['of a release that kept no record', ofEarlierRelease],
  ])('%s', (_, prepare) => {
    it.each(['postgres', 'postgres/data'])(
      'makes no empty database where %s is gone, and takes it back',
      async (name) => {
        prepare();
        const aside = path.join(scratch, 'aside');
        fs.renameSync(inData(name), aside);
        const before = fs.readdirSync(data);

        const sentence = await refusal();

        expect(sentence).toContain(inData('postgres/data'));
        expect(sentence).toContain(`to begin with an empty one on purpose, move ${data} away`);
        expect(fs.readdirSync(data)).toEqual(before);
        expect(bootstrapOf(data)).toBe(bootstrapOf(template));
        fs.renameSync(aside, inData(name));
        const server = start();
        expect(await server.banner()).not.toContain('Token');
        expect(await statusOf(await server.url(), bootstrapOf(template))).toBe(200);
      },
    );

    it('sets up no second time where the contents of the database are gone', async () => {
      prepare();
      const server = await startEmbeddedPostgres({ dir: inData('postgres') });
      await query(server.url, 'DROP SCHEMA latchkey CASCADE');
      await server.stop();

      expect(await refusal()).toContain('is empty, although it was set up before');
      expect(bootstrapOf(data)).toBe(bootstrapOf(template));
    });

    it('makes no other secret where the secret is gone', async () => {
      prepare();
      const secret = fs.readFileSync(inData('auth-secret'));
      remove('auth-secret');

      expect(await refusal()).toContain(`${inData('auth-secret')} is not there`);
      expect(fs.existsSync(inData('auth-secret'))).toBe(false);
      const server = start({ LATCHKEY_AUTH_SECRET: secret.toString() });
      expect(await statusOf(await server.url(), bootstrapOf(template))).toBe(200);
    });

    itAsRoot('is found when a directory above is opened, closed and moved', async () => {
      prepare();
      for (const mode of [0o700, 0o755]) {
        fs.chmodSync(scratch, mode);
        const server = start();
        expect(await statusOf(await server.url(), bootstrapOf(template))).toBe(200);
        await server.signal('SIGTERM');
        const moved = `${scratch}-moved`;
        fs.renameSync(scratch, moved);
        scratch = moved;
        data = path.join(scratch, 'data');
      }
    });
  });

  it('is used with no other database than its own', async () => {
    remove('postgres');
    const other = await startEmbeddedPostgres({ dir: inData('postgres') });
    await other.stop();

    const sentence = await refusal();

    const { systemIdentifier } = JSON.parse(fs.readFileSync(inData('database.json'), 'utf8')) as Record<string, string>;
    expect(sentence).toContain(`(${systemIdentifier})`);
    expect(sentence).toContain(`remove ${inData('database.json')}`);
  });

  it('is refused with a record that is cut off', async () => {
    fs.writeFileSync(inData('database.json'), '{"systemId');
    expect(await refusal()).toContain('database.json cannot be understood');
  });

  describe('by a first start that was broken off', () => {
    const comesUp = async () => {
      const server = start();
      expect(await server.banner()).toContain('Token');
      expect(await statusOf(await server.url(), bootstrapOf(data))).toBe(200);
    };

    it('before the database was there', async () => {
      remove('bootstrap.json');
      fs.writeFileSync(inData('database.json'), '{}\n');
      fs.renameSync(inData('postgres/data'), inData('postgres/init-1'));
      await comesUp();
      expect(fs.readdirSync(inData('postgres')).filter((name) => name.startsWith('init-'))).toEqual([]);
    });

    it.each([true, false])('before the set-up was committed; its file was there: %s', async (hasFile) => {
      const own = await startEmbeddedPostgres({ dir: inData('postgres') });
      await query(own.url, 'DROP SCHEMA latchkey CASCADE');
      await own.stop();
      const { systemIdentifier } = JSON.parse(fs.readFileSync(inData('database.json'), 'utf8')) as object & {
        systemIdentifier: string;
      };
      fs.writeFileSync(inData('database.json'), JSON.stringify({ systemIdentifier }));
      if (!hasFile) remove('bootstrap.json');
      await comesUp();
      expect(fs.existsSync(inData('bootstrap.json.1'))).toBe(hasFile);
      if (hasFile) expect(fs.readFileSync(inData('bootstrap.json.1'), 'utf8')).toBe(bootstrapOf(template));
    });

    it('with kill -9, at any moment, is gone on with', async () => {
      const moments = [50, 300, 500, 700, 900, 1_200, 1_600, 2_200];
      // Each costs two starts. The short form takes every other one.
      const isLong = process.env.RESILIENCE === 'long';
      for (const after of moments.filter((_, index) => isLong || index % 2 === 1)) {
        fs.rmSync(data, { recursive: true });
        const first = start();
        await Promise.race([first.ended, sleep(after)]);
        await first.signal('SIGKILL');
        const server = start();
        expect(await statusOf(await server.url(), bootstrapOf(data))).toBe(200);
        expect((await server.signal('SIGTERM')).code).toBe(0);
      }
    });
  });

  itAsRoot('has root follow no link that the account put there while it owned the directory', async () => {
    const { uid, gid } = fs.statSync(inData('postgres/data'));
    const victim = path.join(scratch, 'victim');
    fs.mkdirSync(victim);
    fs.writeFileSync(path.join(victim, 'file'), 'of root', { mode: 0o644 });
    fs.chownSync(inData('postgres'), uid, gid);
    for (const [name, goal] of Object.entries({ run: victim, log: `${victim}/file`, lock: `${victim}/file` })) {
      remove(`postgres/${name}`);
      fs.symlinkSync(goal, inData(`postgres/${name}`));
      fs.lchownSync(inData(`postgres/${name}`), uid, gid);
    }

    const server = start();
    expect(await statusOf(await server.url(), bootstrapOf(data))).toBe(200);

    expect({ uid: fs.statSync(victim).uid, names: fs.readdirSync(victim) }).toEqual({ uid: 0, names: ['file'] });
    expect(fs.readFileSync(path.join(victim, 'file'), 'utf8')).toBe('of root');
    expect(fs.statSync(path.join(victim, 'file'))).toMatchObject({ uid: 0, mode: 0o100644 });
    expect(fs.statSync(inData('postgres')).uid).toBe(0);
  });

  describe('by another user than root', () => {
    const postgresAccount = () => fs.statSync(path.join(template, 'postgres/data'));
    const nobody = () => ({ uid: 65_534, gid: 65_534 });
    const giveTo = ({ uid, gid }: { uid: number; gid: number }) =>
      execFileSync('chown', ['-hR', `${uid}:${gid}`, data]);
    /** But for what a running PostgreSQL writes. */
    const everything = () => {
      const format = ['-path', '*/postgres/data/*', '-prune', '-o', '-printf', '%p %i %u:%g %m %s %l\\n'];
      return execFileSync('find', [data, ...format], { encoding: 'utf8' })
        .split('\n')
        .sort();
    };
    const byRoot = async (args: string[], env: Record<string, string> = {}) => {
      const before = everything();
      const { code, stdout, stderr } = await start(env, args).ended;
      expect(everything()).toEqual(before);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(ONE_SENTENCE);
      return stderr;
    };
    const removeNothing = () => undefined;
    const removeTraces = () => {
      remove('database.json');
      remove('bootstrap.json');
    };

    for (const args of [[], ['issue-admin-token'], ['refuse-issued-before', '2020-01-01T00:00:00Z']]) {
      itAsRoot.each([
        ['whose account root would lend', postgresAccount, removeNothing],
        ['whose account root would lend, of a release that kept no record', postgresAccount, ofEarlierRelease],
        ['of any other', nobody, removeNothing],
        ['of any other, of a release that kept no record', nobody, ofEarlierRelease],
        ['of any other, its credentials put away', nobody, removeTraces],
      ])(`is left as it is by root: ${args[0] ?? 'a start'}, %s`, async (_, user, prepare) => {
        prepare();
        giveTo(user());
        const sentence = await byRoot(args);
        expect(sentence).toContain(`belongs to the user with id ${user().uid}`);
        expect(sentence).toContain(`setpriv --reuid=${user().uid} --regid=${user().gid}`);
        expect(sentence).not.toContain('LATCHKEY_PG_USER');
      });
    }

    itAsRoot.each([
      ['whose account root would lend', postgresAccount],
      ['of any other', nobody],
    ])("is left as it is by root where the directory itself is root's, %s", async (_, user) => {
      ofEarlierRelease();
      giveTo(user());
      fs.chownSync(data, 0, user().gid);
      fs.chmodSync(data, 0o2775);
      expect(await byRoot([])).toContain(`user with id ${user().uid}`);
      const LATCHKEY_AUTH_SECRET = fs.readFileSync(inData('auth-secret'), 'utf8');
      const sentence = await byRoot([], { LATCHKEY_AUTH_SECRET });
      expect(sentence).toContain(`The user with id ${user().uid} runs Latchkey on`);
      expect(sentence).not.toContain('LATCHKEY_PG_USER');
    });

    itAsRoot('is not begun by root in a directory of that user', async () => {
      fs.rmSync(data, { recursive: true });
      fs.mkdirSync(data);
      giveTo(nobody());
      expect(await byRoot([])).toContain(`or set LATCHKEY_DATA_DIR to a directory of root's`);
      data = path.join(data, 'of-root');
      const server = start();
      expect(await statusOf(await server.url(), bootstrapOf(data))).toBe(200);
    });

    itAsRoot.each([
      ['of this release', removeNothing],
      ['of a release that kept no record', ofEarlierRelease],
    ])('goes on where root has run it in a directory of that user, %s', async (_, prepare) => {
      prepare();
      fs.chownSync(data, 65_534, 65_534);
      const server = start();
      expect(await statusOf(await server.url(), bootstrapOf(template))).toBe(200);
    });

    // Seen red: the owner of the directory left out of those whose files are trusted.
    itAsRoot('goes on where root has run it in a directory of that user, who put the secret there', async () => {
      for (const name of ['', 'auth-secret']) fs.chownSync(inData(name), 65_534, 65_534);
      const server = start();
      expect(await statusOf(await server.url(), bootstrapOf(template))).toBe(200);
    });

    itAsRoot('serves that user on after a command of root, a crash of the database and a restart', async () => {
      const { uid, gid } = postgresAccount();
      const asUser = `set -- setpriv --reuid=${uid} --regid=${gid} --clear-groups "$@"`;
      giveTo(postgresAccount());
      fs.chmodSync(scratch, 0o755);
      const server = start({}, [], asUser);
      const url = await server.url();

      await byRoot(['issue-admin-token']);
      process.kill(serverProcess(inData('postgres'))!, 'SIGKILL');
      await server.says(/embedded_postgres\.revived/);
      expect(await statusOf(url, bootstrapOf(template))).toBe(200);
      expect((await server.signal('SIGTERM')).code).toBe(0);

      const next = start({}, [], asUser);
      expect(await statusOf(await next.url(), bootstrapOf(template))).toBe(200);
    });
  });

  describe('of an earlier release of root, which kept its database below /var/lib', () => {
    const LATCHKEY_AUTH_SECRET = 'a secret that comes with the environment, of some length';
    let former: string;

    beforeEach(() => {
      former = `/var/lib/latchkey-${createHash('sha256').update(scratch).digest('hex').slice(0, 10)}`;
      fs.mkdirSync(former, { mode: 0o700 });
      fs.renameSync(inData('postgres/data'), path.join(former, 'data'));
      for (const name of ['auth-secret', 'bootstrap.json', 'database.json', 'postgres']) remove(name);
    });
    afterEach(() => fs.rmSync(former, { recursive: true, force: true }));

    // Seen red: it came up with a new organization.
    itAsRoot('makes no empty one in a directory that was moved, and takes it back', async () => {
      const sentence = await refusal({ LATCHKEY_AUTH_SECRET });

      expect(sentence).toContain(path.join(former, 'data'));
      expect(sentence).toContain(`move that to ${inData('postgres/data')}`);
      expect(fs.readdirSync(data)).toEqual([]);
      fs.mkdirSync(inData('postgres'));
      fs.renameSync(path.join(former, 'data'), inData('postgres/data'));
      expect(await start({ LATCHKEY_AUTH_SECRET }).banner()).not.toContain('Token');
    });

    itAsRoot('makes an empty one when it is told to', async () => {
      fs.writeFileSync(inData('database.json'), '{}');
      expect(await start({ LATCHKEY_AUTH_SECRET }).banner()).toContain('Token');
    });

    itAsRoot('makes no other secret for one that it finds', async () => {
      const own = `/var/lib/latchkey-${createHash('sha256').update(inData('postgres')).digest('hex').slice(0, 10)}`;
      fs.renameSync(former, own);
      former = own;

      expect(await refusal()).toContain(`${inData('auth-secret')} is not there`);
      expect(await start({ LATCHKEY_AUTH_SECRET }).banner()).not.toContain('Token');
    });
  });

  it('is not taken for a used one without a way on, where only the secret was put there', async () => {
    for (const name of ['bootstrap.json', 'database.json', 'postgres']) remove(name);
    const sentence = await refusal();
    expect(sentence).toContain(`if this is the first start, move ${inData('auth-secret')} out of it`);

    const LATCHKEY_AUTH_SECRET_FILE = path.join(scratch, 'secret');
    fs.renameSync(inData('auth-secret'), LATCHKEY_AUTH_SECRET_FILE);
    // Not to depend on what an earlier release has left below /var/lib of this machine.
    fs.rmdirSync(data);
    expect(await start({ LATCHKEY_AUTH_SECRET_FILE }).banner()).toContain('Token');
  });

  it('moved while it is in use, is said to be in use where it is now', async () => {
    await start().banner();
    data = path.join(scratch, 'moved');
    fs.renameSync(path.join(scratch, 'data'), data);
    expect(await refusal()).toContain('where the directory was moved while a Latchkey ran on it, that Latchkey');
  });

  itAsRoot('takes no secret, record or credentials that somebody else has put there', async () => {
    fs.chmodSync(data, 0o1777);
    for (const name of ['auth-secret', 'database.json']) {
      fs.chownSync(inData(name), 65_534, 65_534);
      expect(await refusal()).toContain(`${inData(name)} belongs to the user with id 65534`);
      fs.chownSync(inData(name), 0, 0);
    }
  });
});

function makeScratch(): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'latchkey-data-'));
  fs.chmodSync(dir, 0o711);
  return dir;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
