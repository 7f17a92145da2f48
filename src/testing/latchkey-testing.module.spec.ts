import 'reflect-metadata';
import { Controller, Get, type INestApplication, Injectable, Module, UseGuards } from '@nestjs/common';
import { type ModulesContainer, NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  AccessTokenGuard,
  AccessTokens,
  Audited,
  Caller,
  LatchkeyModule,
  OptionalAccessToken,
  RequireMetadata,
  RequirePermission,
  type VerifiedAccessToken,
} from '../index';
import { asCaller, LatchkeyTestingModule, TestGate, type TokenRefusalCode } from './index';

@Injectable()
class KeysService {
  constructor(private readonly tokens: AccessTokens) {}

  revoke() {
    return this.tokens.revoke('x');
  }
}

@Controller('reports')
class ReportsController {
  constructor(readonly keys: KeysService) {}

  @Get()
  @RequirePermission('read', 'reports')
  @Audited('reports.list')
  list(@Caller() caller: VerifiedAccessToken) {
    return { for: caller.identityName, write: caller.can('write', 'reports') };
  }

  @Get('gold')
  @UseGuards(AccessTokenGuard)
  @RequireMetadata({ plan: 'gold' })
  gold() {
    return 'gold';
  }

  @Get('offers')
  @UseGuards(AccessTokenGuard)
  @OptionalAccessToken()
  offers(@Caller('identityName') name?: string) {
    return { for: name ?? null };
  }
}

const CONTROLLER = { controllers: [ReportsController], providers: [KeysService] };
const PERMISSIONS = { 'reports:read': ['member'], 'reports:write': ['admin'] };

describe('a unit test without a database', () => {
  let app: INestApplication;
  let gate: TestGate;

  beforeAll(async () => {
    const module = LatchkeyTestingModule.with({ permissions: PERMISSIONS });
    const testing = await Test.createTestingModule({ imports: [module], ...CONTROLLER }).compile();
    app = testing.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    gate = app.get(TestGate);
  });
  afterEach(() => gate.refuse('access_token_missing'));
  afterAll(() => app.close());

  const ask = async (path = '', headers: { authorization?: string } = {}) => {
    const answer = await fetch(`${await app.getUrl()}/reports${path}`, { headers: { ...headers } });
    return { status: answer.status, body: (await answer.json().catch(() => undefined)) as unknown };
  };

  it('needs one import for a controller that nest generate made', async () => {
    const testing = await Test.createTestingModule({ imports: [LatchkeyTestingModule], ...CONTROLLER }).compile();
    const controller = testing.get(ReportsController);
    expect(controller).toBeDefined();
    const caller = asCaller({ identityName: 'a', permissions: { reports: ['read'] } });
    expect(controller.list(caller)).toEqual({ for: 'a', write: false });
    await expect(controller.keys.revoke()).rejects.toThrow('AccessTokens.revoke needs a database');
    await testing.close();
  });

  it('is told who calls: by role, by permissions of the token, by label', async () => {
    expect((await ask()).status).toBe(401);
    gate.admit(asCaller({ role: 'member', identityName: 'm' }));
    expect(await ask()).toEqual({ status: 200, body: { for: 'm', write: false } });
    gate.admit(asCaller({ permissions: { reports: ['read', 'write'] } }));
    expect(await ask()).toMatchObject({ status: 200, body: { write: true } });
    gate.admit(asCaller({ role: 'admin' }));
    expect((await ask()).status).toBe(403);
    expect((await ask('/gold')).status).toBe(403);
    gate.admit(asCaller({ metadata: { plan: 'gold' } }));
    expect((await ask('/gold')).status).toBe(200);
    expect((await ask('/offers')).body).toEqual({ for: 'test identity' });
    gate.refuse('access_token_missing');
    expect((await ask('/offers')).body).toEqual({ for: null });
  });

  it.each<[TokenRefusalCode, number]>([
    ['access_token_missing', 401],
    ['access_token_conflict', 400],
    ['access_token_revoked', 401],
    ['access_token_expired', 401],
    ['address_not_trusted', 403],
    ['database_unavailable', 503],
  ])('is told that a token is refused: %s', async (code, status) => {
    gate.refuse(code);
    expect((await ask()).status).toBe(status);
  });

  it('has several callers at once, each with headers', async () => {
    const one = gate.headersFor(asCaller({ role: 'member', identityName: 'one' }));
    const revoked = gate.headersFor('access_token_revoked');
    expect(await ask('', one)).toMatchObject({ status: 200, body: { for: 'one' } });
    expect(await ask('', revoked)).toMatchObject({
      status: 401,
      body: { message: 'Failed to authorize: token has been revoked' },
    });
    expect((await ask('', { authorization: 'Bearer unknown' })).status).toBe(401);
  });

  it('starts in no application but that of a test, and never beside the module that judges tokens', async () => {
    @Module({ imports: [LatchkeyTestingModule] })
    class ProductionModule {}
    const production = NestFactory.create(ProductionModule, { logger: false, abortOnError: false });
    await expect(production).rejects.toThrow('import it in Test.createTestingModule only');
    const modules = [class RootTestModule {}, LatchkeyModule].map((metatype) => [metatype.name, { metatype }] as const);
    const both = new Map(modules) as unknown as ModulesContainer;
    expect(() => new LatchkeyTestingModule(both)).toThrow('import one of the two');
  });

  it('says what a role is without the permissions that the application declares', () => {
    expect(asCaller({ role: 'member' }, PERMISSIONS).can('read', 'reports')).toBe(true);
    expect(() => asCaller({ role: 'member' }).can('read', 'reports')).toThrow('asCaller must be given permissions');
    expect(asCaller({ role: 'member' }).can('read', 'identity')).toBe(true);
    expect({ ...asCaller() }).not.toHaveProperty('can');
  });
});
