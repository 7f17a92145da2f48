import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import {
  type CallHandler,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  type INestApplication,
  Module,
  type ModuleMetadata,
  type NestInterceptor,
  Post,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { Client } from 'pg';
import { Observable } from 'rxjs';
import {
  AccessTokenGuard,
  AccessTokenVerifier,
  type AddressedRequest,
  Authorized,
  Caller,
  type LatchkeyExtras,
  LatchkeyModule,
  type LatchkeyOptions,
  OptionalAccessToken,
  Public,
  RequirePermission,
  type VerifiedAccessToken,
} from '../src';
import { LatchkeyTestKit } from '../src/testing';

async function start(
  options: Partial<LatchkeyOptions & LatchkeyExtras>,
  { controllers, providers }: Pick<ModuleMetadata, 'controllers' | 'providers'>,
): Promise<INestApplication> {
  const latchkey = LatchkeyModule.forRoot({
    database: { url: process.env.LATCHKEY_TEST_DATABASE! },
    authSecret: randomBytes(48).toString('base64'),
    migrate: 'never',
    permissions: { 'files:read': ['member', 'admin'], 'files:write': ['admin'] },
    ...options,
  });
  @Module({ imports: [latchkey], controllers: controllers!, providers: providers! })
  class HostModule {}
  const app = await NestFactory.create(HostModule, { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  return app;
}

async function statement(sql: string, parameters: unknown[]) {
  const database = new Client({ connectionString: process.env.LATCHKEY_TEST_DATABASE });
  await database.connect();
  await database.query(sql, parameters).finally(() => database.end());
}

type Headers = Readonly<Record<string, string>>;

async function ask(app: INestApplication, path: string, headers: Headers = {}, method = 'GET') {
  const answer = await fetch(`${await app.getUrl()}${path}`, { method, headers });
  return { status: answer.status, body: (await answer.json().catch(() => undefined)) as unknown, at: answer.headers };
}

const refused = (status: number, message: string) => ({
  status,
  body: expect.objectContaining({ message }) as unknown,
});

/** Reads the token from a cookie. */
@Injectable()
class CookieGuard extends AccessTokenGuard {
  protected override tokenOf({ headers }: AddressedRequest): string | undefined {
    return /(?:^|; )key=([^;]+)/.exec(String(headers.cookie))?.[1];
  }
}

@Controller('files')
class FilesController {
  @Get('mine')
  mine(@Caller() { identityName }: VerifiedAccessToken) {
    return { for: identityName };
  }

  @Get()
  @RequirePermission('read', 'files')
  list() {
    return ['a file'];
  }

  @Post()
  @RequirePermission('read', 'files')
  @Authorized('files:write')
  write() {
    return 'written';
  }

  @Get('rights')
  rights(@Caller() caller: VerifiedAccessToken) {
    return {
      read: caller.can('read', 'files'),
      write: caller.can('write', 'files'),
      all: caller.can('read', 'identity'),
    };
  }

  @Get('typo')
  typo(@Caller() caller: VerifiedAccessToken) {
    return caller.can('raed', 'files');
  }

  @Get('offers')
  @OptionalAccessToken()
  offers(@Caller('identityName') name?: string) {
    return { for: name ?? null };
  }

  @Get('open')
  @Public()
  open(@Caller() caller?: VerifiedAccessToken) {
    return { for: caller ?? null };
  }
}

@Controller('public')
@Public()
class PublicController {
  @Get()
  open() {
    return 'open';
  }

  @Get('files')
  @RequirePermission('read', 'files')
  files() {
    return ['a file'];
  }

  @Get('guarded')
  @UseGuards(AccessTokenGuard)
  guarded() {
    return 'guarded';
  }
}

describe('an application whose guard for all routes is AccessTokenGuard', () => {
  let app: INestApplication;
  let latchkey: LatchkeyTestKit;

  beforeAll(async () => {
    app = await start(
      { mountPath: 'latchkey', tokenHeader: 'X-Api-Key' },
      {
        controllers: [FilesController, PublicController],
        providers: [{ provide: APP_GUARD, useClass: AccessTokenGuard }],
      },
    );
    latchkey = new LatchkeyTestKit(app);
  });
  afterAll(() => app.close());

  it('lets only callers with a usable token in, and requires every permission that a route names', async () => {
    const member = await latchkey.token({ name: 'm', role: 'member' });
    const [admin, outsider] = [await latchkey.token({ role: 'admin' }), await latchkey.token()];
    expect(await ask(app, '/files/mine')).toMatchObject(refused(401, 'Token missing'));
    expect(await ask(app, '/files/mine', member.headers)).toMatchObject({ status: 200, body: { for: 'm' } });
    expect((await ask(app, '/files')).status).toBe(401);
    expect((await ask(app, '/files', member.headers)).status).toBe(200);
    const [noRead, noWrite] = ['read', 'write'].map((action) =>
      refused(403, `You are not allowed to ${action} on files`),
    );
    expect(await ask(app, '/files', outsider.headers)).toMatchObject(noRead!);
    expect(await ask(app, '/files', outsider.headers, 'POST')).toMatchObject(noWrite!);
    expect(await ask(app, '/files', member.headers, 'POST')).toMatchObject(noWrite!);
    expect((await ask(app, '/files', admin.headers, 'POST')).status).toBe(201);
  });

  it('goes by the permissions of a token where it has its own, which widen no role over Latchkey', async () => {
    const [scoped, member] = [await latchkey.token(), await latchkey.token({ role: 'member' })];
    const permissions = { files: ['write'], identity: ['read'] };
    await statement('UPDATE latchkey.identity_access_tokens SET permissions = $2 WHERE id = $1', [
      scoped.tokenId,
      JSON.stringify(permissions),
    ]);
    expect((await ask(app, '/files', scoped.headers)).status).toBe(403);
    expect((await ask(app, '/files', scoped.headers, 'POST')).status).toBe(403);
    const own = `/latchkey/api/v1/identities?orgId=${scoped.organizationId}`;
    expect((await ask(app, own, scoped.headers)).status).toBe(403);
    expect((await ask(app, '/files/rights', scoped.headers)).body).toEqual({ read: false, write: true, all: false });
    expect((await ask(app, '/files/rights', member.headers)).body).toEqual({ read: true, write: false, all: true });
    expect((await ask(app, '/files/typo', member.headers)).status).toBe(500);
  });

  it('leaves public routes to every request, but not the guarded routes of a public controller', async () => {
    const { headers } = await latchkey.token({ role: 'member', uses: 1 });
    for (const tried of [{}, { authorization: 'Bearer x' }, headers]) {
      expect(await ask(app, '/files/open', tried)).toMatchObject({ status: 200, body: { for: null } });
      expect((await ask(app, '/public', tried)).status).toBe(200);
    }
    expect((await ask(app, '/public/files')).status).toBe(401);
    expect((await ask(app, '/public/guarded')).status).toBe(401);
    expect((await ask(app, '/public/files', headers)).status).toBe(200);
    expect(await ask(app, '/public/files', headers)).toMatchObject({ status: 401 });
  });

  it("leaves Latchkey's own routes to their own guard, and counts one use there and here", async () => {
    expect((await ask(app, '/latchkey/api/status')).status).toBe(200);
    expect((await ask(app, '/latchkey/api/v1/auth/universal-auth/login', {}, 'POST')).status).toBe(422);
    const twice = await latchkey.token({ role: 'admin', uses: 2 });
    const own = `/latchkey/api/v1/identities?orgId=${twice.organizationId}`;
    expect((await ask(app, own)).status).toBe(401);
    expect((await ask(app, own, twice.headers)).status).toBe(200);
    expect((await ask(app, '/files', twice.headers)).status).toBe(200);
    expect(await ask(app, own, twice.headers)).toMatchObject(
      refused(401, 'Failed to authorize: token usage limit reached'),
    );
  });

  it('takes a token from the header of its choice or from Authorization, from no query, and never two of them', async () => {
    const [one, other] = [await latchkey.token({ name: 'one', uses: 4 }), await latchkey.token()];
    const key = { 'x-api-key': one.accessToken };
    const mine = { status: 200, body: { for: 'one' } };
    expect(await ask(app, '/files/mine', key)).toMatchObject(mine);
    expect(await ask(app, '/files/offers', key)).toMatchObject(mine);
    expect(await ask(app, '/files/mine', { ...key, ...one.headers })).toMatchObject(mine);
    expect(await ask(app, '/files/mine', { ...key, authorization: 'Basic eA==' })).toMatchObject(mine);
    for (const query of ['x-api-key', 'access_token'])
      expect((await ask(app, `/files/mine?${query}=${one.accessToken}`)).status).toBe(401);
    expect((await ask(app, '/files/mine', { 'x-api-key': '' })).status).toBe(401);
    expect((await ask(app, '/files/mine', { 'x-api-key': `Bearer ${other.accessToken}` })).status).toBe(401);
    expect((await ask(app, '/files/mine', { 'x-api-key': `${other.accessToken}, x` })).status).toBe(401);
    for (const path of ['/files/mine', '/files/offers']) {
      const both = await ask(app, path, { ...key, ...other.headers });
      expect(both).toMatchObject(refused(400, 'The request has two different access tokens: send one, in one place'));
      expect(both.at.get('www-authenticate')).toBe('Bearer error="invalid_request"');
    }
  });
});

@Injectable()
class PersonOrKeyGuard implements CanActivate {
  constructor(private readonly keys: AccessTokenGuard) {}

  canActivate(context: ExecutionContext) {
    const { headers } = context.switchToHttp().getRequest<{ headers: Headers }>();
    return headers['x-session'] === 'ann' || this.keys.canActivate(context);
  }
}

const calls = new AsyncLocalStorage<VerifiedAccessToken>();

/** Keeps the caller of a request for all code that it runs. */
@Injectable()
class CallerContext implements NestInterceptor {
  constructor(private readonly verifier: AccessTokenVerifier) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const caller = await this.verifier.verifyRequest(context.switchToHttp().getRequest<AddressedRequest>());
    return new Observable((subscriber) => calls.run(caller, () => next.handle().subscribe(subscriber)));
  }
}

@Controller('context')
@UseGuards(AccessTokenGuard)
@UseInterceptors(CallerContext)
class ContextController {
  @Get()
  async later() {
    await Promise.resolve();
    return { for: calls.getStore()?.identityName };
  }
}

@Controller()
class MixedController {
  @Get('mixed')
  @UseGuards(PersonOrKeyGuard)
  mixed(@Caller() caller?: VerifiedAccessToken) {
    return { for: caller?.identityName ?? null };
  }

  @Get('forgotten')
  forgotten(@Caller() caller?: VerifiedAccessToken) {
    return { for: caller ?? null };
  }

  @Get('cookie')
  @UseGuards(CookieGuard)
  @OptionalAccessToken()
  cookie(@Caller('identityName') name?: string) {
    return { for: name ?? null };
  }

  @Get('cookie/files')
  @RequirePermission('read', 'files')
  @UseGuards(CookieGuard)
  cookieFiles(@Caller('identityName') name: string) {
    return { for: name };
  }

  @Get('both')
  @UseGuards(AccessTokenGuard, CookieGuard)
  both() {
    return 'both';
  }
}

describe('a route with a guard of its own', () => {
  let app: INestApplication;
  let latchkey: LatchkeyTestKit;

  beforeAll(async () => {
    app = await start({ controllers: false }, { controllers: [MixedController, ContextController] });
    latchkey = new LatchkeyTestKit(app);
  });
  afterAll(() => app.close());

  it('has no caller for a person whom another guard let in, and says so when no guard is there at all', async () => {
    const { headers } = await latchkey.token({ name: 'key' });
    expect(await ask(app, '/mixed', headers)).toMatchObject({ status: 200, body: { for: 'key' } });
    expect(await ask(app, '/mixed', { 'x-session': 'ann' })).toMatchObject({ status: 200, body: { for: null } });
    expect((await ask(app, '/mixed')).status).toBe(401);
    expect((await ask(app, '/forgotten', headers)).status).toBe(500);
    expect((await ask(app, '/forgotten')).status).toBe(500);
  });

  it('may read the token from elsewhere: guards that follow accept it, and it is one use', async () => {
    const token = await latchkey.token({ name: 'c', role: 'member', uses: 2 });
    const cookie = { cookie: `a=b; key=${token.accessToken}` };
    expect(await ask(app, '/cookie')).toMatchObject({ status: 200, body: { for: null } });
    expect(await ask(app, '/cookie', cookie)).toMatchObject({ status: 200, body: { for: 'c' } });
    expect((await ask(app, '/cookie/files', token.headers)).status).toBe(401);
    expect(await ask(app, '/cookie/files', cookie)).toMatchObject({ status: 200, body: { for: 'c' } });
    expect((await ask(app, '/cookie/files', cookie)).status).toBe(401);
  });

  it('keeps the caller in an interceptor for all that runs after it, at the price of one use', async () => {
    const token = await latchkey.token({ name: 'c', uses: 1 });
    expect(await ask(app, '/context', token.headers)).toMatchObject({ status: 200, body: { for: 'c' } });
    expect((await ask(app, '/context', token.headers)).status).toBe(401);
    expect((await ask(app, '/context')).status).toBe(401);
  });

  it('refuses a request in which two guards find different tokens', async () => {
    const [one, other] = [await latchkey.token(), await latchkey.token()];
    const same = { ...one.headers, cookie: `key=${one.accessToken}` };
    expect((await ask(app, '/both', same)).status).toBe(200);
    expect((await ask(app, '/both', { ...same, ...other.headers })).status).toBe(400);
    expect((await ask(app, '/both', one.headers)).status).toBe(401);
  });

  it('stops the start where it requires what is not declared, or is public and requires something', async () => {
    @Controller()
    @Public()
    class WrongController {
      @Get('a')
      @RequirePermission('burn', 'files')
      burn() {
        return 'burnt';
      }

      @Get('b')
      @Public()
      @RequirePermission('read', 'identity')
      read() {
        return 'read';
      }
    }
    await expect(start({}, { controllers: [WrongController] })).rejects.toThrow(
      [
        'Latchkey cannot start:',
        "permissions must have 'files:burn', which WrongController.burn asks for",
        'WrongController.read must not be @Public() and ask for something of the caller: take one of the two away',
      ].join('\n  '),
    );
  });
});
