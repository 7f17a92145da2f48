import 'reflect-metadata';
import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import * as path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type CanActivate,
  ConsoleLogger,
  type DynamicModule,
  HttpException,
  type INestApplication,
  Module,
  UnauthorizedException,
} from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Client, Pool } from 'pg';
import { DataSource } from 'typeorm';
import {
  AccessTokens,
  LatchkeyModule,
  type LatchkeyOptions,
  MachineIdentities,
  migrateLatchkey,
  type TransactionalManager,
  ValidationFailureError,
} from '../src';
import { pollUntil } from '../src/embedded-postgres/polling';
import { startTcpProxy } from './support/tcp-proxy';
import { onDatabase } from './support/urls';

const DATABASE = process.env.LATCHKEY_TEST_DATABASE!;
const SERVER = process.env.LATCHKEY_TEST_SERVER!;
const SECRET = randomBytes(48).toString('base64');

class MemoryLogger {
  readonly lines: string[] = [];
  log = () => undefined;
  warn = (message: unknown) => void this.lines.push(`warn ${JSON.stringify(message)}`);
  error = (...message: unknown[]) => void this.lines.push(`error ${message.map(String).join(' ')}`);
  fatal = this.error;
}

@Module({})
class HostModule {}

const OPTIONS = { database: { url: DATABASE }, authSecret: SECRET, migrate: 'never' } as const;

function latchkey(options: Partial<LatchkeyOptions> = {}): DynamicModule {
  return LatchkeyModule.forRoot({ ...OPTIONS, ...options });
}

const context = (options: Partial<LatchkeyOptions> = {}, logger = new MemoryLogger()) =>
  NestFactory.createApplicationContext(
    { module: HostModule, imports: [latchkey(options)] },
    { logger, abortOnError: false },
  );

/** Passes everything on but that the other side has closed. */
async function startLingering(databaseUrl: string): Promise<{ readonly url: string; stop(): void }> {
  const url = new URL(databaseUrl);
  const port = Number(url.port);
  const clients: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect(port, '127.0.0.1').on('error', () => undefined);
    clients.push(client.on('error', () => undefined));
    client.pipe(upstream).pipe(client, { end: false });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  url.port = String((server.address() as AddressInfo).port);
  const stop = () => {
    for (const client of clients) client.destroy();
    server.close();
  };
  return { url: url.href, stop };
}

describe('close()', () => {
  const SCRIPT = `
    require('reflect-metadata');
    const { NestFactory } = require('@nestjs/core');
    const { LatchkeyModule } = require(process.env.LATCHKEY);
    const database = { url: process.env.DATABASE, pushUrl: process.env.PUSH };
    const imports = [LatchkeyModule.forRoot({ database, authSecret: process.env.SECRET, migrate: 'never' })];
    NestFactory.createApplicationContext({ module: class {}, imports }, { logger: false }).then(async (app) => {
      await new Promise((resolve) => process.stdin.once('data', resolve).resume());
      process.stdin.destroy();
      await app.close();
      console.log('closed');
    });`;

  it('returns, though nothing else keeps the process alive, while the connection that listens is slow to end', async () => {
    const proxy = await startTcpProxy(DATABASE);
    const lingering = await startLingering(proxy.url);
    const env = {
      PATH: process.env.PATH,
      LATCHKEY: path.join(__dirname, '../dist/src'),
      DATABASE,
      PUSH: lingering.url,
      SECRET,
    };
    const child = spawn(process.execPath, ['-e', SCRIPT], { cwd: path.join(__dirname, '..'), env });
    let said = '';
    child.stdout.on('data', (chunk) => (said += String(chunk)));
    const ended = new Promise((resolve) => child.once('close', resolve));
    await pollUntil(Date.now() + 30_000, () => proxy.count('LISTEN') || undefined);
    child.stdin.write('close\n');
    await ended;
    lingering.stop();
    await proxy.stop();
    expect(said).toBe('closed\n');
  });

  it('may be called twice, and says nothing', async () => {
    const logger = new MemoryLogger();
    const app = await context({}, logger);
    logger.lines.length = 0;
    await app.close();
    await app.close();
    expect(logger.lines).toEqual([]);
  });
});

describe.each([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
] as const)('what a global guard of a host on %s throws on a route of Latchkey', (_, adapter) => {
  let app: INestApplication;
  let thrown: Error | undefined;

  beforeAll(async () => {
    class Guard implements CanActivate {
      canActivate(): boolean {
        if (thrown) throw thrown;
        return false;
      }
    }
    const root = { module: HostModule, imports: [latchkey()] };
    app = await NestFactory.create(root, adapter() as AbstractHttpAdapter, { logger: false, abortOnError: false });
    app.useGlobalGuards(new Guard());
    await app.listen(0, '127.0.0.1');
  });
  afterAll(() => app.close());

  const ask = async () => {
    const answer = await fetch(`${await app.getUrl()}/api/v1/identities/details`);
    const { reqId, ...body } = (await answer.json()) as Record<string, unknown>;
    return { status: answer.status, body, hasRequestId: reqId === answer.headers.get('x-request-id') };
  };

  it.each([
    [401, new UnauthorizedException('Sign in first'), { error: 'Unauthorized', message: 'Sign in first' }],
    [402, new HttpException('Pay first', 402), { error: 'HttpException', message: 'Pay first' }],
    [403, undefined, { error: 'Forbidden', message: 'Forbidden resource' }],
    [429, new HttpException({ message: 'Slow down', quota: 5 }, 429), { message: 'Slow down', quota: 5 }],
    [503, new HttpException('Back at noon', 503), { message: 'Back at noon' }],
  ])('as a %d is answered in its own words', async (status, error, body) => {
    thrown = error;
    expect(await ask()).toMatchObject({ status, body: { statusCode: status, ...body }, hasRequestId: true });
  });

  it('as no HttpException is a fault whose text stays inside', async () => {
    thrown = new Error('secret');
    const body = { statusCode: 500, error: 'InternalServerError', message: 'Something went wrong' };
    expect(await ask()).toEqual({ status: 500, body, hasRequestId: true });
  });
});

describe('a host that calls in its own code', () => {
  let app: Awaited<ReturnType<typeof context>>;
  let identities: MachineIdentities;
  let tokens: AccessTokens;
  let organizationId: string;

  beforeAll(async () => {
    app = await context();
    [identities, tokens] = [app.get(MachineIdentities), app.get(AccessTokens)];
    ({ organizationId } = await identities.createOrganization({ name: 'Acme' }));
  });
  afterAll(() => app.close());

  const unknown = (names: string) =>
    expect.objectContaining({ name: 'TypeError', message: expect.stringMatching(names) });

  it('is told of options that do not exist, wherever it gives them', async () => {
    const { identityId } = await identities.create({ organizationId, name: 'x' });
    const issue = (...given: unknown[]) => tokens.issue(...(given as Parameters<AccessTokens['issue']>));
    const create = (more: object) => identities.create({ organizationId, name: 'x', ...more });
    await expect(issue({ identityId, expires: null })).rejects.toThrow(
      /^issue knows no expires: it takes .*identityId, name, .*expiresAt/,
    );
    await expect(issue({ identityId }, { organisationId: organizationId })).rejects.toEqual(unknown('organisationId'));
    await expect(issue({ identityId }, 'x')).rejects.toEqual(unknown('manager, client, query, organizationId'));
    await expect(issue(undefined)).rejects.toEqual(unknown('issue must be'));
    await expect(create({ permissions: {} })).rejects.toEqual(unknown('create knows no permissions'));
    await expect(create({ tokenAuth: { ttl: 1 } })).rejects.toEqual(unknown('tokenAuth knows no ttl'));
    await expect(identities.createOrganization({ name: 'x', slug: 'x' } as never)).rejects.toEqual(unknown('slug'));
    await expect(tokens.revoke(randomUUID(), { all: true } as never)).rejects.toEqual(unknown('all'));
    await expect(identities.delete(randomUUID(), { all: true } as never)).rejects.toEqual(unknown('all'));
    await expect(issue({ identityId, name: undefined, more: undefined })).resolves.toMatchObject({ identityId });
  });

  it('reads in the message of a refusal what is wrong, of everything that is', async () => {
    const attempt = identities.create({ organizationId, name: '', metadata: { team: ' ' } });
    const refusal: unknown = await attempt.catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ValidationFailureError);
    const { message } = refusal as ValidationFailureError;
    expect(message).toMatch(/^name: .+; metadata\.0\.value: .+/);
  });

  it('is told when a manager is a data source or a pool, on which each statement would commit by itself', async () => {
    const dataSource = await new DataSource({ type: 'postgres', url: DATABASE }).initialize();
    const pool = new Pool({ connectionString: DATABASE });
    const { identityId } = await identities.create({ organizationId, name: 'x' });
    for (const manager of [dataSource, dataSource.manager, pool] as unknown as TransactionalManager[])
      await expect(tokens.issue({ identityId }, { manager })).rejects.toThrow(
        new TypeError('manager must be the EntityManager of a transaction that is running'),
      );
    await dataSource.destroy();
    await pool.end();
  });

  it('is told when a manager answers otherwise than one of TypeORM', async () => {
    const client = new Client({ connectionString: DATABASE });
    await client.connect();
    const { identityId } = await identities.create({ organizationId, name: 'x' });
    await client.query('BEGIN');
    await expect(tokens.issue({ identityId }, { manager: client })).rejects.toThrow(
      'manager must answer with rows, as the query of an EntityManager does',
    );
    await client.end();
  });
});

describe('a database user without the rights it needs', () => {
  const name = `latchkey_rights_${process.env.JEST_WORKER_ID}`;
  const [owner, role] = [onDatabase(SERVER, name), `${name}_user`];
  const url = `${owner}${owner.includes('?') ? '&' : '?'}options=-c%20role%3D${role}`;
  const run = async (at: string, ...statements: string[]) => {
    const client = new Client({ connectionString: at });
    await client.connect();
    for (const statement of statements) await client.query(statement);
    await client.end();
  };
  const start = (migrate: 'never' | 'on-start') => context({ database: { url }, migrate });
  const usage = `GRANT USAGE ON SCHEMA "latchkey" TO "${role}";`;
  const rows =
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "latchkey" TO "${role}"; ` +
    `GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA "latchkey" TO "${role}";`;

  beforeAll(() => run(SERVER, `CREATE DATABASE ${name}`, `CREATE ROLE ${role} NOLOGIN`));
  afterAll(() => run(SERVER, `DROP DATABASE ${name} WITH (FORCE)`, `DROP ROLE ${role}`));

  it('is told the grants, and how to do without that of migrating', async () => {
    await expect(start('on-start')).rejects.toThrow(
      `GRANT CREATE ON DATABASE "${name}" TO "${role}", or migrate with another user (migrateLatchkey) and say migrate: 'never' here`,
    );
    await run(owner, 'CREATE SCHEMA latchkey');
    const refusal = await start('on-start').then(String, String);
    for (const text of ['may not migrate the schema "latchkey"', "migrate: 'never'", usage, rows])
      expect(refusal).toContain(text);
    await migrateLatchkey({ url: owner });
    await expect(start('never')).rejects.toThrow(`(USAGE, `);
    await expect(start('never')).rejects.toThrow(`${usage} ${rows}`);
    await run(owner, usage, rows, `REVOKE DELETE ON latchkey.identities FROM ${role}`);
    await expect(start('never')).rejects.toThrow('(identities)');
  });

  it('serves with those, and without those to migrate', async () => {
    await run(owner, rows, `REVOKE INSERT, UPDATE, DELETE ON latchkey.latchkey_migrations FROM ${role}`);
    for (const migrate of ['never', 'on-start'] as const) {
      const app = await start(migrate);
      const { organizationId } = await app.get(MachineIdentities).createOrganization({ name: 'x' });
      const { identityId } = await app.get(MachineIdentities).create({ organizationId, name: 'x' });
      const { tokenId } = await app.get(AccessTokens).issue({ identityId });
      expect(await app.get(AccessTokens).revoke(tokenId)).toBe(true);
      await app.close();
    }
  });
});

describe('a missing secret', () => {
  it.each([undefined, ''])('(%j) is called missing, and not short', async (authSecret) => {
    await expect(context({ authSecret })).rejects.toThrow('authSecret must be given: make one with `openssl');
  });
});

describe('the log of a host', () => {
  it('has no line of Nest about a route of Latchkey with the logger of docs/embedding.md', async () => {
    const said: unknown[] = [];
    class Saying extends ConsoleLogger {
      override log(message: unknown): void {
        said.push(message);
      }
    }
    class QuietLogger extends Saying {
      override log(message: unknown, context?: string): void {
        const isRoute = context === 'RouterExplorer' || context === 'RoutesResolver';
        if (!isRoute || !String(message).includes('/latchkey/')) super.log(message);
      }
    }
    for (const [logger, isSaid] of [[new Saying(), true] as const, [new QuietLogger(), false] as const]) {
      said.length = 0;
      const imports = [LatchkeyModule.forRoot({ ...OPTIONS, mountPath: '/latchkey' })];
      const app = await NestFactory.create({ module: HostModule, imports }, { logger, abortOnError: false });
      await app.init();
      await app.close();
      expect(said.some((line) => String(line).includes('/latchkey/api/v1'))).toBe(isSaid);
      expect(said).toContain('Nest application successfully started');
    }
  });

  it('has no warning because the host was busy, and one when the database is away', async () => {
    const proxy = await startTcpProxy(DATABASE);
    const logger = new MemoryLogger();
    const app = await context({ database: { url: proxy.url } }, logger);
    for (let round = 0; round < 8; round += 1) {
      const until = performance.now() + 600;
      while (performance.now() < until);
      await pause(5);
    }
    expect(logger.lines).toEqual([]);
    proxy.stall();
    const said = () => logger.lines.find((line) => line.includes('change_feed.unconfirmed'));
    expect(await pollUntil(Date.now() + 20_000, said)).toContain('warn');
    await proxy.restore();
    await app.close();
    await proxy.stop();
  });
});
