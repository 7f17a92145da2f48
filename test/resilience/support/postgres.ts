import { type ChildProcess, execFile, execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { pickAccount } from '../../../src/embedded-postgres/account';
import { locateBinaries } from '../../../src/embedded-postgres/binaries';
import { prepareLayout } from '../../../src/embedded-postgres/layout';
import { family, freePort, isGone, launch, signal, until } from './processes';

const account = pickAccount(undefined);
const as = account === undefined ? {} : { uid: account.uid, gid: account.gid };
const ENV = { PATH: process.env.PATH, LC_ALL: 'C' };

/** Debian's programs, of the newest version that is installed. */
export const debianBin = ((): string | undefined => {
  const root = '/usr/lib/postgresql';
  const versions = fs.existsSync(root)
    ? fs
        .readdirSync(root)
        .map(Number)
        .sort((a, b) => b - a)
    : [];
  return versions
    .map((version) => path.join(root, String(version), 'bin'))
    .find((bin) => fs.existsSync(`${bin}/initdb`));
})();

/** Why there can be no standby here, if there cannot. */
export const noStandby =
  debianBin === undefined
    ? "Debian's postgresql is not installed, and the embedded one has no pg_basebackup"
    : undefined;

async function programs(dir: string, isEmbedded: boolean): Promise<{ initdb: string; postgres: string }> {
  if (debianBin !== undefined && !isEmbedded)
    return { initdb: `${debianBin}/initdb`, postgres: `${debianBin}/postgres` };
  return locateBinaries(await prepareLayout(path.join(dir, 'embedded'), account), account);
}

/** Memory when there is plenty: kill -9 loses what a process had, not what the kernel has. */
function scratch(): string {
  try {
    const { bavail, bsize } = fs.statfsSync('/dev/shm');
    return bavail * bsize > 2 ** 31 ? '/dev/shm' : os.tmpdir();
  } catch {
    return os.tmpdir();
  }
}

function scratchDirectory(): string {
  const dir = fs.mkdtempSync(path.join(scratch(), 'latchkey-resilience-'));
  fs.chmodSync(dir, 0o711);
  giveToServer(dir);
  return dir;
}

/** Makes a directory the database's own: it runs under an account of its own when this process is root's. */
export function giveToServer(dir: string): void {
  if (account) fs.chownSync(dir, account.uid, account.gid);
}

interface Place {
  readonly dir: string;
  readonly postgres: string;
  readonly port: number;
  readonly settings: Record<string, string>;
  readonly env: Record<string, string>;
}

/** A real PostgreSQL on loopback, to be killed, frozen, brought back, copied and promoted. */
export class Postgres {
  private server: ChildProcess | undefined;

  private constructor(private readonly place: Place) {}

  /** `isEmbedded`: the newest PostgreSQL, which Latchkey brings, also where Debian's is installed. */
  static async start(
    settings: Record<string, string> = {},
    env: Record<string, string> = {},
    isEmbedded = false,
  ): Promise<Postgres> {
    const dir = scratchDirectory();
    const { initdb, postgres } = await programs(dir, isEmbedded);
    const flags = ['-U', 'latchkey', '-E', 'UTF8', '--no-locale', '--auth=trust', '--no-sync'];
    execFileSync(initdb, ['-D', path.join(dir, 'data'), ...flags], { ...as, env: ENV, cwd: '/', stdio: 'pipe' });
    const started = new Postgres({ dir, postgres, port: await freePort(), settings, env });
    await started.launch();
    return started;
  }

  get url(): string {
    return `postgres://latchkey@127.0.0.1:${this.place.port}/postgres`;
  }

  get port(): number {
    return this.place.port;
  }

  get log(): string {
    return fs.readFileSync(path.join(this.place.dir, 'log'), 'utf8');
  }

  /** Starts it, or starts it again, and waits until it can be asked. */
  async launch(): Promise<void> {
    this.run();
    await this.ready();
  }

  /** Starts it without waiting. */
  run(): void {
    const { dir, postgres, port, settings, env } = this.place;
    const all = {
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: '',
      max_connections: '150',
      shared_buffers: '32MB',
      // In the data directory: in /dev/shm it would outlive a kill -9.
      dynamic_shared_memory_type: 'mmap',
      // The machine does not lose its power here: what the kernel has been given is kept.
      fsync: 'off',
      log_min_messages: 'warning',
      ...settings,
    };
    const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const log = fs.openSync(path.join(dir, 'log'), 'a');
    const options = { ...as, env: { ...ENV, ...env }, cwd: '/', stdio: ['ignore', log, log] as ('ignore' | number)[] };
    this.server = launch(postgres, ['-D', path.join(dir, 'data'), ...flags], options);
    fs.closeSync(log);
  }

  async ready(): Promise<void> {
    const ask = async () => {
      // A process of the one before it may have outlived it for a moment, and hold the memory that this one wants.
      if (this.server!.exitCode !== null) this.run();
      return this.sql('SELECT 1').then(
        () => true,
        () => false,
      );
    };
    await until(ask, 'PostgreSQL starts', 30_000, 50).catch((error: Error) => {
      throw new Error(`${error.message}; its log ends with ${this.log.slice(-1_500)}`);
    });
  }

  /** As the database's superuser, on a connection of its own. */
  async sql<Row extends object>(text: string, parameters: unknown[] = []): Promise<Row[]> {
    return this.session(async (client) => (await client.query<Row>(text, parameters)).rows);
  }

  async session<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const client = await this.connect();
    try {
      return await work(client);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async connect(): Promise<Client> {
    const client = new Client({ connectionString: this.url, connectionTimeoutMillis: 10_000 });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  /** kill -9, every process of it. */
  async kill(): Promise<void> {
    // What it started after the others were looked up would live on, and hold the memory the next one wants.
    if (this.server?.pid !== undefined) signal(this.server.pid, 'SIGSTOP');
    const pids = this.pids();
    for (const pid of pids) signal(pid, 'SIGKILL');
    await until(() => pids.every(isGone), 'PostgreSQL is dead');
  }

  /** Asks it to end properly, as whoever takes a cold backup does. */
  async shutDown(): Promise<void> {
    const pid = this.server!.pid!;
    signal(pid, 'SIGINT');
    await until(() => isGone(pid), 'PostgreSQL has ended');
  }

  /** Copies its files, while it does not run. */
  keepCopy(): void {
    const { dir } = this.place;
    execFileSync('cp', ['-a', path.join(dir, 'data'), path.join(dir, 'copy')]);
  }

  /** Puts the copy where the files are. */
  putCopyBack(): void {
    const { dir } = this.place;
    fs.rmSync(path.join(dir, 'data'), { recursive: true });
    fs.renameSync(path.join(dir, 'copy'), path.join(dir, 'data'));
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.launch();
  }

  /** No process of it runs on, and every connection stays open. */
  freeze(): void {
    for (const pid of this.pids()) signal(pid, 'SIGSTOP');
  }

  thaw(): void {
    for (const pid of this.pids()) signal(pid, 'SIGCONT');
  }

  /** A streaming copy of it, by way of a proxy if one is given. */
  async standby(url = this.url): Promise<Postgres> {
    const dir = scratchDirectory();
    const args = ['-D', path.join(dir, 'data'), '-R', '-X', 'stream', '-c', 'fast', '-d', url, '--no-sync'];
    await promisify(execFile)(`${debianBin}/pg_basebackup`, args, { ...as, env: ENV, cwd: '/' });
    const copy = new Postgres({ ...this.place, dir, port: await freePort() });
    await copy.launch();
    return copy;
  }

  /** Makes a standby the primary. */
  async promote(): Promise<void> {
    await this.sql('SELECT pg_promote(true, 30)');
    await until(
      async () => (await this.sql<{ r: boolean }>('SELECT pg_is_in_recovery() AS r'))[0]?.r === false,
      'the standby is the primary',
    );
  }

  async stop(): Promise<void> {
    await this.kill();
    fs.rmSync(this.place.dir, { recursive: true, force: true });
  }

  private pids(): number[] {
    const pid = this.server?.pid;
    return pid === undefined ? [] : family(pid);
  }
}
