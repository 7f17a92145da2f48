import * as http from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { ServerProcess } from '../../support/server-process';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy';
import { type Call, call, keepAlive, type Reply } from './http';
import { forget, freePort, remember, signal, until } from './processes';

export const DETAILS = '/api/v1/identities/details';

export interface NodeOptions {
  /** Where its queries go, and where it listens. */
  readonly url: string;
  /** Or `off`. */
  readonly pushUrl?: string;
  readonly secret: string;
  /** Does something to the way to the database before the process starts. */
  readonly before?: (queries: TcpProxy) => void;
  readonly env?: Record<string, string>;
  /** What the shell does before it becomes the node. */
  readonly prelude?: string;
}

/** A node: the built server as a process of its own, with a proxy for its queries and one for its push. */
export class LatchkeyNode {
  private process!: ServerProcess;
  private agent = keepAlive();
  private isMeantToEnd = false;

  private constructor(
    readonly queries: TcpProxy,
    readonly push: TcpProxy,
    private readonly port: number,
    private readonly options: NodeOptions,
  ) {}

  static async start(options: NodeOptions): Promise<LatchkeyNode> {
    const { url, pushUrl = url } = options;
    const queries = await startTcpProxy(url);
    const push = await startTcpProxy(pushUrl === 'off' ? url : pushUrl);
    options.before?.(queries);
    const node = new LatchkeyNode(queries, push, await freePort(), options);
    await node.launch();
    return node;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What reads its output. */
  get reader(): Pick<ServerProcess, 'stopReading' | 'readOn' | 'stopListening'> {
    return this.process;
  }

  get pid(): number {
    return this.process.pid;
  }

  /** Everything it has printed. */
  get output(): string {
    return this.process.output;
  }

  async launch(): Promise<void> {
    const env = {
      PORT: String(this.port),
      DATABASE_URL: this.queries.url,
      LATCHKEY_AUTH_SECRET: this.options.secret,
      // Tests ask for its readiness, and would wait for themselves.
      LATCHKEY_DRAIN_MS: '0',
      LATCHKEY_PUSH_URL: this.options.pushUrl === 'off' ? 'off' : this.push.url,
      ...this.options.env,
    };
    this.process = new ServerProcess(env, [], this.options.prelude);
    const { pid } = this.process;
    remember(pid);
    void this.process.ended.then(({ code }) => {
      forget(pid);
      if (!this.isMeantToEnd)
        process.stderr.write(`  a node ended by itself with ${code}: ${this.output.slice(-2_000)}\n`);
    });
    this.isMeantToEnd = false;
    await this.ready();
  }

  /** Asked, because what it prints may go somewhere else. */
  private async ready(): Promise<void> {
    const isReady = async () => (await call(`${this.url}/api/status`)).status === 200;
    const isDown = this.process.ended.then(({ output }) =>
      Promise.reject(new Error(`a node does not start: ${output}`)),
    );
    await Promise.race([until(isReady, 'a node is up', 60_000), isDown]);
  }

  call(path: string, options: Call = {}): Promise<Reply> {
    return call(`${this.url}${path}`, { agent: this.agent, ...options });
  }

  /** Up to when this node knows every change, as `performance.now()` counts; NaN while it does not know. */
  async confirmedAt(): Promise<number> {
    const askedAt = performance.now();
    const { status, body } = await this.call('/api/health');
    return status === 200 ? askedAt - (body as { confirmedAgeMs: number }).confirmedAgeMs : NaN;
  }

  /** Uses a token. */
  use(token: string, options: Call = {}): Promise<Reply> {
    return this.call(DETAILS, { token, ...options });
  }

  post(path: string, body: unknown = {}, token?: string): Promise<Reply> {
    return this.call(path, { method: 'POST', body, token });
  }

  freeze(): void {
    signal(this.pid, 'SIGSTOP');
  }

  thaw(): void {
    signal(this.pid, 'SIGCONT');
  }

  async kill(): Promise<void> {
    this.isMeantToEnd = true;
    await this.process.signal('SIGKILL');
    this.forgetConnections();
  }

  async terminate(name: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.isMeantToEnd = true;
    const { code } = await this.process.signal(name);
    this.forgetConnections();
    return code;
  }

  async stop(): Promise<void> {
    this.thaw();
    await this.kill();
    await Promise.all([this.queries.stop(), this.push.stop()]);
  }

  private forgetConnections(): void {
    this.agent.destroy();
    this.agent = keepAlive();
  }
}

/** Uses a token on a node again and again, one request after the other on one connection, until told to stop. */
export function hammer(node: LatchkeyNode, token: string, everyMs = 2): { replies: Reply[]; stop(): Promise<Reply[]> } {
  const replies: Reply[] = [];
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  let isStopped = false;
  const work = (async () => {
    while (!isStopped) {
      replies.push(await node.use(token, { agent }));
      if (everyMs > 0) await pause(everyMs);
    }
    agent.destroy();
    return replies;
  })();
  return {
    replies,
    stop: () => {
      isStopped = true;
      return work;
    },
  };
}
