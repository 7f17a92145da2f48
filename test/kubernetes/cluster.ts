import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import * as https from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { TestAuthority } from '../support/certificates';

/** Which `npm run test:kubernetes` says. */
const BINARIES = process.env.KUBERNETES_BINARIES!;
export const ISSUER = 'https://kubernetes.default.svc';
const ADMIN = 'admin-token';
const START_MS = 120_000;

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** A real kube-apiserver with an etcd of its own, and nothing else of a cluster. */
export class Cluster {
  private readonly processes: ChildProcess[] = [];
  readonly authority = new TestAuthority();
  private port = 0;

  private constructor(private readonly directory: string) {}

  static async start(): Promise<Cluster> {
    const cluster = new Cluster(await mkdtemp(join(tmpdir(), 'latchkey-cluster-')));
    const [store, peers] = [await freePort(), await freePort()].map((port) => `http://127.0.0.1:${port}`) as [
      string,
      string,
    ];
    cluster.run('etcd', {
      'data-dir': join(cluster.directory, 'etcd'),
      'listen-client-urls': store,
      'advertise-client-urls': store,
      'listen-peer-urls': peers,
      'initial-advertise-peer-urls': peers,
      'initial-cluster': `default=${peers}`,
    });
    await cluster.startServer(store);
    return cluster;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  private async startServer(store: string): Promise<void> {
    this.port = await freePort();
    const { cert, key } = this.authority.issue(['127.0.0.1']);
    const accounts = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey;
    const pem = accounts.export({ type: 'pkcs1', format: 'pem' }) as string;
    const signing = await this.file('accounts.pem', pem);
    this.run('kube-apiserver', {
      'etcd-servers': store,
      'bind-address': '127.0.0.1',
      'secure-port': String(this.port),
      'cert-dir': this.directory,
      'tls-cert-file': await this.file('server.crt', cert),
      'tls-private-key-file': await this.file('server.key', key),
      'service-account-issuer': ISSUER,
      'service-account-signing-key-file': signing,
      'service-account-key-file': signing,
      'api-audiences': ISSUER,
      'authorization-mode': 'RBAC',
      'token-auth-file': await this.file('tokens.csv', `${ADMIN},admin,admin,"system:masters"\n`),
      'disable-admission-plugins': 'ServiceAccount',
      'service-cluster-ip-range': '10.0.0.0/24',
    });
    await this.ready();
  }

  /** Until the roles that every cluster has are there. */
  private async ready(): Promise<void> {
    const role = '/apis/rbac.authorization.k8s.io/v1/clusterroles/system:auth-delegator';
    const end = Date.now() + START_MS;
    while (Date.now() < end) {
      const status = await this.ask('GET', role).then(
        (answer) => answer.status,
        () => 0,
      );
      if (status === 200) return;
      await pause(250);
    }
    throw new Error('kube-apiserver does not start');
  }

  private async file(name: string, text: string): Promise<string> {
    const path = join(this.directory, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  }

  private run(name: string, flags: Record<string, string>): void {
    const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    this.processes.push(spawn(join(BINARIES, name), args, { stdio: 'ignore' }));
  }

  /** A request of the administrator of the cluster. */
  ask(method: string, path: string, body?: object): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
      const options = { method, headers, ca: this.authority.cert, agent: false as const };
      const request = https.request(this.url + path, options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode!, body: JSON.parse(text) as Answer['body'] });
        });
      });
      request.on('error', reject).end(body && JSON.stringify(body));
    });
  }

  private async make(path: string, body: object): Promise<Answer['body']> {
    const { status, body: made } = await this.ask('POST', path, body);
    if (status !== 201) throw new Error(`kube-apiserver answers ${status} to ${path}: ${JSON.stringify(made)}`);
    return made;
  }

  async namespace(name: string): Promise<void> {
    await this.make('/api/v1/namespaces', { metadata: { name } });
  }

  async account(namespace: string, name: string): Promise<void> {
    await this.make(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
  }

  async letReview(namespace: string, name: string): Promise<void> {
    await this.make('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: `${namespace}-${name}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:auth-delegator' },
      subjects: [{ kind: 'ServiceAccount', namespace, name }],
    });
  }

  async token(namespace: string, name: string, audiences?: string[]): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    const { status } = await this.make(path, { spec: { audiences, expirationSeconds: 3_600 } });
    return (status as { token: string }).token;
  }

  async stop(): Promise<void> {
    for (const child of this.processes.reverse()) {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}
