import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../src/embedded-postgres/embedded-postgres';
import { serverProcess } from './support/server-process';

const ONE_SENTENCE = /^[A-Z].*[^.]\.$/;

describe('the embedded PostgreSQL', () => {
  let scratch: string;
  let dir: string;
  let servers: EmbeddedPostgres[];
  let children: ChildProcess[];

  let template: string;

  beforeAll(async () => {
    template = makeScratch();
    const server = await startEmbeddedPostgres({ dir: path.join(template, 'postgres') });
    await server.stop();
  });

  afterAll(() => fs.rmSync(template, { recursive: true, force: true }));

  beforeEach(() => {
    scratch = makeScratch();
    dir = path.join(scratch, 'postgres');
    servers = [];
    children = [];
  });

  afterEach(async () => {
    for (const child of children) await end(child, 'SIGKILL');
    for (const server of servers) await server.stop();
    await eventually(() => serverProcess(dir) === undefined);
    fs.rmSync(scratch, { recursive: true, force: true });
  });

  /** Copying a database takes a tenth of the time of making one, which most tests are not about. */
  function copyDatabase(): void {
    execFileSync('cp', ['-a', path.join(template, 'postgres'), dir]);
  }

  async function start(options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
    const server = await startEmbeddedPostgres({ dir, ...options });
    servers.push(server);
    return server;
  }

  async function startInAnotherProcess(): Promise<{ child: ChildProcess; url: string; started: boolean }> {
    const script = path.join(__dirname, 'support/embedded-postgres-owner.ts');
    const child = spawn(process.execPath, ['-r', '@swc-node/register', script, dir], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.push(child);
    const line = await Promise.race([
      once(createInterface(child.stdout), 'line').then(([text]) => text as string),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`The other process ended with ${code}.`))),
    ]);
    return { child, ...(JSON.parse(line) as { url: string; started: boolean }) };
  }

  async function refusal(options: Partial<EmbeddedPostgresOptions> = {}): Promise<string> {
    const error: unknown = await start(options).then(
      () => new Error('It has started.'),
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ name: 'EmbeddedPostgresError' });
    return (error as Error).message;
  }

  it('starts in an empty directory and answers queries', async () => {
    const { url, started, dataDir } = await start();

    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await query(url, 'SELECT current_user, current_database()')).toEqual([
      { current_user: 'latchkey', current_database: 'latchkey' },
    ]);
    expect({ started, dataDir }).toEqual({ started: true, dataDir: path.join(dir, 'data') });
  });

  it('syncs its commits to the disk, listens on no network and takes settings', async () => {
    copyDatabase();
    const { url } = await start({ settings: { work_mem: '5MB' } });

    expect(
      await query(
        url,
        `SELECT name, setting FROM pg_settings
         WHERE name IN ('fsync', 'synchronous_commit', 'listen_addresses', 'max_connections', 'work_mem')
         ORDER BY name`,
      ),
    ).toEqual([
      { name: 'fsync', setting: 'on' },
      { name: 'listen_addresses', setting: '' },
      { name: 'max_connections', setting: '120' },
      { name: 'synchronous_commit', setting: 'on' },
      { name: 'work_mem', setting: '5120' },
    ]);
  });

  it('keeps the values of failing statements out of its log, which only its owner may read', async () => {
    copyDatabase();
    const { url } = await start();
    await query(url, 'CREATE TABLE note (text text PRIMARY KEY)');
    const insert = (): Promise<unknown[]> => query(url, 'INSERT INTO note VALUES ($1)', ['a-secret-value']);
    await insert();
    await expect(insert()).rejects.toThrow('duplicate key');

    const log = path.join(dir, 'log');
    expect(fs.readFileSync(log, 'utf8')).toContain('duplicate key');
    expect(fs.readFileSync(log, 'utf8')).not.toContain('a-secret-value');
    expect(fs.statSync(log).mode & 0o777).toBe(0o600);
  });

  it('puts a log of more than 10 MB aside when it starts', async () => {
    copyDatabase();
    fs.writeFileSync(path.join(dir, 'log'), Buffer.alloc(10 * 1024 * 1024 + 1, 'x'));
    await start();

    expect(fs.statSync(path.join(dir, 'log.1')).size).toBe(10 * 1024 * 1024 + 1);
    expect(fs.statSync(path.join(dir, 'log')).size).toBeLessThan(100_000);
  });

  it('keeps its data over a restart', async () => {
    copyDatabase();
    const first = await start();
    await write(first.url, 'kept');
    await first.stop();
    expect(serverProcess(dir)).toBeUndefined();

    const second = await start();
    expect(second.started).toBe(true);
    expect(await read(second.url)).toEqual(['kept']);
  });

  it('is shared by all processes and lives until the last of them stops', async () => {
    copyDatabase();
    const first = await start();
    await write(first.url, 'shared');
    const second = await startInAnotherProcess();
    expect(second).toMatchObject({ started: false, url: first.url });

    await first.stop();
    expect(await read(second.url)).toEqual(['shared']);

    await end(second.child);
    expect(serverProcess(dir)).toBeUndefined();
  });

  it('has one server even when several processes start it at the same moment', async () => {
    const all = await Promise.all([start(), start(), start(), startInAnotherProcess()]);

    expect(all.filter(({ started }) => started)).toHaveLength(1);
    for (const { url } of all) expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('stops within a second of the kill -9 of its last process, and then recovers what was committed', async () => {
    copyDatabase();
    const { child, url } = await startInAnotherProcess();
    await write(url, 'committed');

    child.kill('SIGKILL');
    await eventually(() => serverProcess(dir) === undefined, 1_000);

    const revived = await start();
    expect(await read(revived.url)).toEqual(['committed']);
  });

  it('revives on the same url after the kill -9 of the server', async () => {
    copyDatabase();
    const first = await start();
    await write(first.url, 'committed');

    process.kill(serverProcess(dir) ?? 0, 'SIGKILL');
    const second = await start();

    expect(second).toMatchObject({ started: true, url: first.url });
    expect(await read(first.url)).toEqual(['committed']);
  });

  it('starts although a leftover lock file names the process of somebody else', async () => {
    copyDatabase();
    const first = await start();
    await write(first.url, 'kept');
    const pidFile = path.join(first.dataDir, 'postmaster.pid');
    const lockFile = path.join(dir, 'run', '.s.PGSQL.5432.lock');
    const locks = [pidFile, lockFile].map((file) => ({ file, content: fs.readFileSync(file, 'utf8') }));
    await first.stop();

    // PostgreSQL takes only processes of its own account for a rival.
    const { uid, gid } = fs.statSync(first.dataDir);
    const stranger = spawn('sleep', ['600'], { uid, gid, stdio: 'ignore' });
    children.push(stranger);
    for (const { file, content } of locks) {
      fs.writeFileSync(file, content.replace(/^\d+/, String(stranger.pid)), { mode: 0o600 });
      fs.chownSync(file, uid, gid);
    }

    const second = await start();
    expect(await read(second.url)).toEqual(['kept']);
    expect(stranger.exitCode).toBeNull();
  });

  it('starts under a path longer than a socket may have', async () => {
    dir = path.join(scratch, 'a'.repeat(150), 'postgres');
    fs.mkdirSync(path.dirname(dir), { mode: 0o711 });
    copyDatabase();
    const { url } = await start();
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('refuses a directory it cannot write to, naming it and the setting', async () => {
    const file = path.join(scratch, 'file');
    fs.writeFileSync(file, '');
    const message = await refusal({ dir: path.join(file, 'postgres') });

    expect(message).toMatch(ONE_SENTENCE);
    expect(message).toContain(path.join(file, 'postgres'));
    expect(message).toContain('LATCHKEY_DATA_DIR');
  });

  it('refuses data of another major version, naming both', async () => {
    const dataDir = path.join(dir, 'data');
    fs.mkdirSync(dataDir, { recursive: true });
    const { uid, gid } = fs.statSync(path.join(template, 'postgres', 'data'));
    fs.chownSync(dataDir, uid, gid);
    fs.writeFileSync(path.join(dataDir, 'PG_VERSION'), '9\n');
    const message = await refusal();

    expect(message).toMatch(ONE_SENTENCE);
    expect(message).toContain(`The database in ${dataDir} was made by PostgreSQL 9 and Latchkey brings`);
    expect(message).toContain('DATABASE_URL');
  });

  it('refuses settings the server does not take, with its reason and its log file', async () => {
    copyDatabase();
    const message = await refusal({ settings: { max_connections: 'many' } });

    expect(message).toMatch(ONE_SENTENCE);
    expect(message).toContain(path.join(dir, 'log'));
    expect(message).toContain('FATAL: invalid value for parameter "max_connections": "many"');
  });
});

function makeScratch(): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'latchkey-postgres-'));
  // As Latchkey does it for its own directory, so that the account that root lends can pass.
  fs.chmodSync(dir, 0o711);
  return dir;
}

async function query(url: string, sql: string, values: unknown[] = []): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  // A server that goes down ends its connections; the query in hand reports it.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

async function write(url: string, text: string): Promise<void> {
  await query(url, 'CREATE TABLE IF NOT EXISTS note (text text)');
  await query(url, 'INSERT INTO note VALUES ($1)', [text]);
}

async function read(url: string): Promise<unknown[]> {
  return (await query(url, 'SELECT text FROM note')).map((row) => (row as { text: string }).text);
}

async function eventually(isTrue: () => boolean, limitMs = 10_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`Not so within ${limitMs} ms: ${isTrue.toString()}`);
    await sleep(20);
  }
}

/** Ends a child by the end of its input, or by a signal. */
async function end(child: ChildProcess, signal?: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  if (signal === undefined) child.stdin?.end();
  else child.kill(signal);
  await exited;
}
