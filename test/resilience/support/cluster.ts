import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { ResilienceHost } from './host';
import type { Reply } from './http';
import { LatchkeyNode, type NodeOptions } from './node';
import { Postgres } from './postgres';
import { until } from './processes';

/** The bound the nodes are run with: the default. */
export const D = 1_000;

/** The long form repeats more often; the short one is for every commit. */
export const isLong = process.env.RESILIENCE === 'long';

export interface Token {
  readonly identityId: string;
  readonly tokenId: string;
  readonly jwt: string;
  /** What it was made with. */
  readonly clientSecretId?: string;
  /** When it had been made, as `performance.now()` counts. */
  readonly madeAt?: number;
}

export interface ClusterOptions {
  readonly nodes?: number;
  readonly settings?: Record<string, string>;
  readonly env?: Record<string, string>;
  /** Of the database's processes. */
  readonly databaseEnv?: Record<string, string>;
  /** Where the nodes find the database, if not directly. */
  readonly url?: (postgres: Postgres) => Promise<string> | string;
  /** Or `off`. */
  readonly pushUrl?: string;
  /** On the newest PostgreSQL, which Latchkey brings. */
  readonly isEmbedded?: boolean;
}

/** Several nodes on one real PostgreSQL, and the means to set them up. */
export class Cluster {
  readonly nodes: LatchkeyNode[] = [];
  admin = '';
  organizationId = '';
  private readonly secret = randomBytes(48).toString('base64');

  private constructor(
    readonly postgres: Postgres,
    private readonly options: ClusterOptions,
  ) {}

  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = new Cluster(
      await Postgres.start(options.settings, options.databaseEnv, options.isEmbedded),
      options,
    );
    // The first migrates; the others would wait for it.
    await cluster.add();
    await Promise.all(Array.from({ length: (options.nodes ?? 3) - 1 }, () => cluster.add()));
    const account = { email: 'admin@latchkey.test', password: 'correct horse battery', organization: 'Resilience' };
    const { identity, organization } = good(await cluster.node(0).post('/api/v1/admin/bootstrap', account)).body;
    cluster.admin = identity.credentials.token;
    cluster.organizationId = organization.id;
    return cluster;
  }

  async add(options: Partial<NodeOptions> = {}): Promise<LatchkeyNode> {
    const { postgres, secret } = this;
    const { env, pushUrl } = this.options;
    const url = (await this.options.url?.(postgres)) ?? postgres.url;
    const node = await LatchkeyNode.start({ url, pushUrl: pushUrl ?? postgres.url, secret, env, ...options });
    this.nodes.push(node);
    return node;
  }

  /** An application that embeds Latchkey, on the same database. */
  host(): Promise<ResilienceHost> {
    return ResilienceHost.start(this.postgres.url, this.secret);
  }

  node(index: number): LatchkeyNode {
    return this.nodes[index % this.nodes.length]!;
  }

  async manage(path: string, body: unknown = {}, method = 'POST', node = this.node(0)): Promise<Reply> {
    return good(await node.call(path, { method, body, token: this.admin }));
  }

  async identity(role = 'member'): Promise<string> {
    const { organizationId } = this;
    return (await this.manage('/api/v1/identities', { name: 'program', organizationId, role })).body.identity.id;
  }

  /** A token, of a new identity unless one with token auth is given. */
  async token(policy: object = {}, identityId?: string): Promise<Token> {
    const owner = identityId ?? (await this.identity());
    const path = `/api/v1/auth/token-auth/identities/${owner}`;
    if (identityId === undefined) await this.manage(path, policy);
    const { accessToken, tokenData } = (await this.manage(`${path}/tokens`)).body;
    return { identityId: owner, tokenId: tokenData.id, jwt: accessToken, madeAt: performance.now() };
  }

  /** A token made by universal auth, of a new identity. */
  async login(): Promise<Token> {
    const identityId = await this.identity();
    const path = `/api/v1/auth/universal-auth/identities/${identityId}`;
    const { clientId } = (await this.manage(path)).body.identityUniversalAuth;
    const { clientSecret, clientSecretData } = (await this.manage(`${path}/client-secrets`)).body;
    const { accessToken } = (await this.manage('/api/v1/auth/universal-auth/login', { clientId, clientSecret })).body;
    const { jti } = JSON.parse(Buffer.from(accessToken.split('.')[1], 'base64url').toString()) as { jti: string };
    return { identityId, tokenId: jti, jwt: accessToken, clientSecretId: clientSecretData.id };
  }

  /** Tokens like one that is there, written by SQL and signed here: thousands in a moment. */
  async many(count: number, like: Token): Promise<Token[]> {
    const [header = '', payload = ''] = like.jwt.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const ids = Array.from({ length: count }, () => randomUUID());
    await this.postgres.sql(MANY, [like.tokenId, ids]);
    return ids.map((id) => {
      const body = `${header}.${encoded({ ...claims, jti: id, identityAccessTokenId: id })}`;
      return { ...like, tokenId: id, jwt: `${body}.${this.signed(body)}` };
    });
  }

  private signed(body: string): string {
    return createHmac('sha256', this.secret).update(body).digest('base64url');
  }

  /** Uses a token once on every node: all of them remember it afterwards. */
  async warm({ jwt, madeAt = -Infinity }: Token): Promise<void> {
    for (const node of this.nodes) {
      // What was changed to make it must be known before, or the first change that a node hears of would have it look again.
      await until(async () => (await node.confirmedAt()) > madeAt, 'the changes so far', 5_000);
      good(await node.use(jwt));
    }
  }

  async revoke({ tokenId }: Token, node = this.node(0)): Promise<Reply> {
    return this.manage(`/api/v1/auth/token-auth/tokens/${tokenId}/revoke`, {}, 'POST', node);
  }

  /** How often a database has counted a token as used. */
  async usesOf({ tokenId }: Token, database = this.postgres): Promise<number> {
    const rows = await database.sql<{ n: string }>(
      'SELECT num_uses AS n FROM latchkey.identity_access_tokens WHERE id = $1',
      [tokenId],
    );
    return Number(rows[0]?.n);
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await this.postgres.stop();
  }
}

const MANY = `
  INSERT INTO latchkey.identity_access_tokens
    (id, identity_id, organization_id, auth_method_id, auth_method, name, access_token_ttl, access_token_max_ttl,
     access_token_period, num_uses_limit, expires_at, created_at, updated_at)
  SELECT many.id, t.identity_id, t.organization_id, t.auth_method_id, t.auth_method, t.name, t.access_token_ttl,
         t.access_token_max_ttl, t.access_token_period, t.num_uses_limit, t.expires_at, t.created_at, t.updated_at
    FROM latchkey.identity_access_tokens t, unnest($2::uuid[]) AS many (id) WHERE t.id = $1`;

const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');

/** An answer that had to be a success. */
export function good(reply: Reply): Reply {
  if (reply.status !== 200) throw new Error(`Expected 200, got ${reply.status}: ${JSON.stringify(reply.body)}`);
  return reply;
}

/** What was measured, said once at the end of a test: p50, p99 and the largest. */
export function report(what: string, values: readonly number[], unit = 'ms'): void {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? NaN;
  const text = `p50 ${at(0.5).toFixed(1)}, p99 ${at(0.99).toFixed(1)}, max ${at(1).toFixed(1)} ${unit} (n ${sorted.length})`;
  process.stderr.write(`  measured: ${what}: ${text}\n`);
}

export function say(text: string): void {
  process.stderr.write(`  measured: ${text}\n`);
}
