import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { Client } from 'pg';
import { pickAccount } from '../../../src/embedded-postgres/account';
import { freePort, isGone, launch, signal, until } from './processes';

const PROGRAM = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find((file) => fs.existsSync(file));

/** Why there can be no pooler here, if there cannot. */
export const noPooler = PROGRAM === undefined ? "Debian's pgbouncer is not installed" : undefined;

/** PgBouncer in transaction mode, in front of one PostgreSQL. */
export class PgBouncer {
  private constructor(
    readonly url: string,
    private pid: number,
    private readonly dir: string,
  ) {}

  static async start(port: number): Promise<PgBouncer> {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'latchkey-pgbouncer-'));
    const own = await freePort();
    fs.writeFileSync(path.join(dir, 'users'), '"latchkey" ""\n');
    // The settings of docs/scaling.md.
    fs.writeFileSync(
      path.join(dir, 'ini'),
      `[databases]
* = host=127.0.0.1 port=${port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${own}
unix_socket_dir =
auth_type = trust
auth_file = ${path.join(dir, 'users')}
pool_mode = transaction
ignore_startup_parameters = statement_timeout
default_pool_size = 40
max_client_conn = 500
server_connect_timeout = 1
server_login_retry = 1
`,
    );
    fs.chmodSync(dir, 0o755);
    const bouncer = new PgBouncer(`postgres://latchkey@127.0.0.1:${own}/postgres`, run(dir), dir);
    await until(() => bouncer.answers(), 'PgBouncer starts');
    return bouncer;
  }

  async kill(): Promise<void> {
    signal(this.pid, 'SIGKILL');
    await until(() => isGone(this.pid), 'PgBouncer is dead');
  }

  /** Where it was before. */
  async launch(): Promise<void> {
    this.pid = run(this.dir);
    await until(() => this.answers(), 'PgBouncer starts');
  }

  async stop(): Promise<void> {
    await this.kill();
    fs.rmSync(this.dir, { recursive: true, force: true });
  }

  private async answers(): Promise<boolean> {
    const client = new Client({ connectionString: this.url, connectionTimeoutMillis: 1_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('SELECT 1');
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

function run(dir: string): number {
  const account = pickAccount(undefined);
  const as = account === undefined ? {} : { uid: account.uid, gid: account.gid };
  const log = fs.openSync(path.join(dir, 'log'), 'a');
  const child = launch(PROGRAM!, [path.join(dir, 'ini')], { ...as, cwd: '/', stdio: ['ignore', log, log] });
  fs.closeSync(log);
  return child.pid!;
}
