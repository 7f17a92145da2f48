import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { Controller, Get, type INestApplication, Module, Req, UseGuards } from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Client } from 'pg';
import { AccessTokenGuard, Caller, LatchkeyModule, type VerifiedAccessToken } from '../src';
import { AccessTokenStrategy, LATCHKEY_STRATEGY } from '../src/passport';
import { InstallationService } from '../src/installation/installation.service';
import type { LatchkeyOptions } from '../src/latchkey.options';
import { administrate } from './support/administrate';
import { MALFORMED } from './support/forgeries';
import type { GivenToken } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { startTcpProxy } from './support/tcp-proxy';
import { onDatabase } from './support/urls';

@Controller()
class ReportsController {
  @Get('guarded')
  @UseGuards(AccessTokenGuard)
  guarded(@Caller() { identityId }: VerifiedAccessToken) {
    return { identityId };
  }

  @Get('passport')
  @UseGuards(AuthGuard(LATCHKEY_STRATEGY))
  passport(@Req() { user }: { user: VerifiedAccessToken }, @Caller('identityId') identityId: string) {
    return { identityId: user.identityId === identityId ? identityId : 'two callers' };
  }
}

/** An application that guards routes of its own, one in each way, and mounts none of Latchkey's. */
class Host {
  private constructor(
    readonly app: INestApplication,
    private readonly url: string,
  ) {}

  static async start(adapter: AbstractHttpAdapter, options: LatchkeyOptions, controllers = false): Promise<Host> {
    @Module({
      imports: [LatchkeyModule.forRoot({ migrate: 'never', ...options, controllers })],
      controllers: [ReportsController],
      providers: [AccessTokenStrategy],
    })
    class HostModule {}

    const app = await NestFactory.create(HostModule, adapter, { logger: false });
    await app.listen(0, '127.0.0.1');
    return new Host(app, await app.getUrl());
  }

  async get(path: string, token?: string, scheme = 'Bearer'): Promise<{ status: number; body: unknown }> {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `${scheme} ${token}` };
    const response = await fetch(`${this.url}${path}`, { headers });
    return { status: response.status, body: await response.json() };
  }

  async header(name: string, path: string, token: string): Promise<string | null> {
    const response = await fetch(`${this.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
    return response.headers.get(name);
  }

  /** A busy machine may not have a connection for everybody in time, and answers 503: asked again. */
  async insist(path: string, token: string): Promise<{ status: number; body: unknown }> {
    const answer = await this.get(path, token);
    return answer.status === 503 ? this.insist(path, token) : answer;
  }

  close(): Promise<void> {
    return this.app.close();
  }
}

const ADAPTERS: [name: string, adapter: () => AbstractHttpAdapter][] = [
  ['Fastify', () => new FastifyAdapter()],
  ['Express', () => new ExpressAdapter()],
];
const ROUTES = ['/guarded', '/passport'];
const answered = (identityId: string) => ({ status: 200, body: { identityId } });
/** What Nest itself makes of our errors: a host has a filter of its own, or none. */
const refused = (statusCode: number, error: string, message: string) => ({
  status: statusCode,
  body: { statusCode, error, message },
});
const UNAUTHORIZED = { status: 401, body: { statusCode: 401, message: 'Unauthorized' } };

let latchkey: TestLatchkey;
let options: LatchkeyOptions;
let token: GivenToken;

beforeAll(async () => {
  latchkey = await startLatchkey();
  options = { database: { url: process.env.LATCHKEY_TEST_DATABASE! }, authSecret: latchkey.authSecret };
  token = await latchkey.given.token();
});
afterAll(() => latchkey.stop());

describe.each(ADAPTERS)('a host on %s', (_, adapter) => {
  let host: Host;

  beforeAll(async () => {
    host = await Host.start(adapter(), options);
  });
  afterAll(() => host.close());

  it('answers each of forty concurrent callers with its own identity, by the guard and by passport', async () => {
    const callers: GivenToken[] = [];
    for (let i = 0; i < 40; i += 1) callers.push(await latchkey.given.token());
    const asks = callers.flatMap((caller) => ROUTES.map((path) => ({ path, caller })));
    for (let round = 0; round < 3; round += 1) {
      const answers = await Promise.all(asks.map(({ path, caller }) => host.insist(path, caller.accessToken)));
      expect(answers).toEqual(asks.map(({ caller }) => answered(caller.identityId)));
    }
  });

  it('refuses a request without a token', async () => {
    expect(await host.get('/guarded')).toEqual(refused(401, 'UnauthorizedError', 'Token missing'));
    expect(await host.get('/passport')).toEqual(UNAUTHORIZED);
    for (const path of ROUTES) {
      expect((await host.get(`${path}?access_token=${token.accessToken}`)).status).toBe(401);
      expect((await host.get(path, token.accessToken, 'Basic')).status).toBe(401);
    }
  });

  it('refuses a token that is none of ours', async () => {
    const [header, claims] = token.accessToken.split('.');
    for (const forged of ['x', 'a.b.c', `${token.accessToken}x`, `${header}.${claims}.`, `${header}.${claims}`]) {
      for (const path of ROUTES) expect((await host.get(path, forged)).status).toBe(401);
    }
    expect(await host.get('/guarded', 'x')).toEqual(refused(401, 'TokenError', MALFORMED));
    expect(await host.get('/passport', 'x')).toEqual(UNAUTHORIZED);
  });

  it('refuses a token for what its row says, and tells the same on both ways', async () => {
    const revoked = await latchkey.given.token();
    const elsewhere = await latchkey.given.token({ policy: { accessTokenTrustedIps: [{ ipAddress: '192.0.2.1' }] } });
    await latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken: revoked.accessToken });
    for (const path of ROUTES) {
      expect(await host.get(path, revoked.accessToken)).toEqual(
        refused(401, 'UnauthorizedError', 'Failed to authorize: token has been revoked'),
      );
      expect(await host.get(path, elsewhere.accessToken)).toEqual(
        refused(403, 'ForbiddenError', 'You are not allowed to access this resource from the current IP address'),
      );
    }
  });

  it('spends one use for a request, whichever way it is let in', async () => {
    for (const path of ROUTES) {
      const twice = await latchkey.given.token({ policy: { accessTokenNumUsesLimit: 2 } });
      const answers = await Promise.all([1, 2, 3, 4].map(() => host.insist(path, twice.accessToken)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 401, 401]);
    }
  });
});

/** What is remembered is answered with for as long as the bound. */
async function afterTheBound<Answer extends { status: number }>(ask: () => Promise<Answer>): Promise<Answer> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const answer = await ask();
    if (answer.status !== 200 || Date.now() > deadline) return answer;
  }
}

describe.each(ADAPTERS)('a host on %s whose database is away', (name, adapter) => {
  it('answers 503 too when the database is there, and its tables have another name', async () => {
    const host = await Host.start(adapter(), { ...options, revocationBoundMs: 100 });
    const database = new Client({ connectionString: process.env.LATCHKEY_TEST_DATABASE });
    await database.connect();
    await database.query('ALTER SCHEMA latchkey RENAME TO elsewhere');
    try {
      for (const path of ROUTES) {
        const answer = await afterTheBound(() => host.get(path, token.accessToken));
        expect(answer).toEqual(refused(503, 'ServiceUnavailable', 'The database is not available. Please try again.'));
      }
    } finally {
      await database.query('ALTER SCHEMA elsewhere RENAME TO latchkey');
      await database.end();
      await host.close();
    }
  });

  it('answers 503 and never 401 or 500, by the guard and by passport', async () => {
    const proxy = await startTcpProxy(process.env.LATCHKEY_TEST_DATABASE!);
    const host = await Host.start(adapter(), {
      ...options,
      database: { url: proxy.url },
      revocationBoundMs: 100,
    });
    try {
      for (const path of ROUTES) expect(await host.get(path, token.accessToken)).toEqual(answered(token.identityId));
      await proxy.cut();
      for (const path of ROUTES) {
        const answer = await afterTheBound(() => host.get(path, token.accessToken));
        expect(answer).toEqual(refused(503, 'ServiceUnavailable', 'The database is not available. Please try again.'));
      }
      expect(await host.header('retry-after', '/guarded', token.accessToken)).toBe('1');
      // Where a strategy can reach the response.
      if (name === 'Express') expect(await host.header('retry-after', '/passport', token.accessToken)).toBe('1');
    } finally {
      await host.close();
      await proxy.stop();
    }
  });
});

describe('two applications in one process, each with a database and a secret of its own', () => {
  const name = `latchkey_second_${process.env.JEST_WORKER_ID}`;
  const url = onDatabase(process.env.LATCHKEY_TEST_SERVER!, name);

  beforeAll(() => administrate(`CREATE DATABASE ${name} TEMPLATE latchkey_template`));
  afterAll(() => administrate(`DROP DATABASE ${name} WITH (FORCE)`));

  it('each guard knows its own identities, also while and after the other is there', async () => {
    const first = await Host.start(new FastifyAdapter(), options);
    const second = await Host.start(
      new ExpressAdapter(),
      { database: { url }, authSecret: randomBytes(48).toString('base64') },
      true,
    );
    const other = (await second.app.get(InstallationService).initializeOnce('Second'))!;

    const asks = Array.from({ length: 20 }, async () => {
      expect(await first.insist('/guarded', token.accessToken)).toEqual(answered(token.identityId));
      expect(await second.insist('/guarded', other.accessToken)).toEqual(answered(other.identity.id));
      expect((await first.get('/guarded', other.accessToken)).status).toBe(401);
      expect((await second.get('/guarded', token.accessToken)).status).toBe(401);
    });
    await Promise.all(asks);
    // The strategy is passport's, and its registry the process's: the application that started last answers for both.
    expect(await first.get('/passport', other.accessToken)).toEqual(answered(other.identity.id));
    expect(await first.get('/passport', token.accessToken)).toEqual(UNAUTHORIZED);

    await second.close();
    expect(await first.get('/guarded', token.accessToken)).toEqual(answered(token.identityId));
    await first.close();
  });
});
