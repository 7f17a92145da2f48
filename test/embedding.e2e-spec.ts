import 'reflect-metadata';
import { randomBytes, randomUUID } from 'node:crypto';
import {
  All,
  Body,
  Controller,
  Get,
  type INestApplication,
  Module,
  Post,
  UseGuards,
  ValidationPipe,
} from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { DataSource, Entity, type EntityManager, PrimaryColumn } from 'typeorm';
import {
  AccessTokenGuard,
  AccessTokens,
  AccessTokenVerifier,
  Authorized,
  Caller,
  type LatchkeyExtras,
  LATCHKEY_MIGRATIONS,
  LatchkeyModule,
  type LatchkeyOptions,
  MachineIdentities,
  migrateLatchkey,
  type NewMachineIdentity,
  OptionalAccessToken,
  RequireMetadata,
  type VerifiedAccessToken,
  withLatchkeyDocument,
} from '../src';
import { LatchkeyTestKit } from '../src/testing';

@Controller('reports')
class ReportsController {
  @Get('mine')
  @UseGuards(AccessTokenGuard)
  mine(@Caller() { identityName, organization }: VerifiedAccessToken) {
    return { identityName, organization: organization.name };
  }

  @Get()
  @Authorized('reports:read')
  list() {
    return ['a report'];
  }

  @Post()
  @Authorized('reports:write')
  write(@Body() body: object) {
    return body;
  }
}

@Controller('admin')
@Authorized('reports:write')
class AdminController {
  @Get()
  look() {
    return 'looked';
  }
}

const PERMISSIONS = { 'reports:read': ['member', 'admin'], 'reports:write': ['admin'] };

function options(more: Partial<LatchkeyOptions & LatchkeyExtras> = {}): LatchkeyOptions & LatchkeyExtras {
  return {
    database: { url: process.env.LATCHKEY_TEST_DATABASE! },
    authSecret: randomBytes(48).toString('base64'),
    migrate: 'never',
    permissions: PERMISSIONS,
    ...more,
  };
}

type Controllers = NonNullable<Parameters<typeof Module>[0]['controllers']>;

async function start(
  more: Partial<LatchkeyOptions & LatchkeyExtras> = {},
  controllers: Controllers = [ReportsController, AdminController],
  prepare: (app: INestApplication) => void = () => undefined,
  adapter: AbstractHttpAdapter = new FastifyAdapter(),
): Promise<INestApplication> {
  @Module({ imports: [LatchkeyModule.forRoot(options(more))], controllers })
  class HostModule {}
  const app = await NestFactory.create(HostModule, adapter, { logger: false, abortOnError: false });
  try {
    prepare(app);
    await app.listen(0, '127.0.0.1');
    return app;
  } catch (error) {
    await app.close();
    throw error;
  }
}

async function ask(app: INestApplication, path: string, token?: string, method = 'GET', json?: object) {
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(json === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const answer = await fetch(`${await app.getUrl()}${path}`, { method, headers, body: json && JSON.stringify(json) });
  return { status: answer.status, body: (await answer.json().catch(() => undefined)) as unknown };
}

describe('a host', () => {
  let app: INestApplication;
  let identities: MachineIdentities;
  let tokens: AccessTokens;
  let organizationId: string;

  beforeAll(async () => {
    app = await start();
    identities = app.get(MachineIdentities);
    tokens = app.get(AccessTokens);
    ({ organizationId } = await identities.createOrganization({ name: 'Acme' }));
  });
  afterAll(() => app.close());

  const tokenFor = async (identity: Partial<NewMachineIdentity> = {}) => {
    const { identityId } = await identities.create({ organizationId, name: 'billing', ...identity });
    return tokens.issue({ identityId, name: 'first' });
  };

  describe('makes tokens in its own code', () => {
    it('which its guarded routes know, down to who is calling', async () => {
      const { accessToken } = await tokenFor();
      const body = { identityName: 'billing', organization: 'Acme' };
      expect(await ask(app, '/reports/mine', accessToken)).toEqual({ status: 200, body });
      const refusal = { statusCode: 401, error: 'UnauthorizedError', message: 'Token missing' };
      expect(await ask(app, '/reports/mine')).toEqual({ status: 401, body: refusal });
    });

    it('with the lifetime, the use limit and the addresses it says', async () => {
      const short = await tokenFor({ tokenAuth: { accessTokenTTL: 60, accessTokenNumUsesLimit: 1 } });
      expect(Math.round((short.expiresAt!.getTime() - Date.now()) / 1000)).toBeLessThanOrEqual(60);
      expect((await ask(app, '/reports/mine', short.accessToken)).status).toBe(200);
      expect((await ask(app, '/reports/mine', short.accessToken)).status).toBe(401);
      const elsewhere = await tokenFor({ tokenAuth: { accessTokenTrustedIps: [{ ipAddress: '10.0.0.0/8' }] } });
      expect((await ask(app, '/reports/mine', elsewhere.accessToken)).status).toBe(403);
    });

    it('and revokes them, once', async () => {
      const { tokenId, accessToken } = await tokenFor();
      expect((await ask(app, '/reports/mine', accessToken)).status).toBe(200);
      expect(await tokens.revoke(tokenId)).toBe(true);
      expect((await ask(app, '/reports/mine', accessToken)).status).toBe(401);
      expect(await tokens.revoke(tokenId)).toBe(false);
      expect(await tokens.revoke(randomUUID())).toBe(false);
      expect(await tokens.revoke('no id')).toBe(false);
    });

    it('and deletes identities with all their tokens', async () => {
      const { identityId, accessToken } = await tokenFor();
      expect(await identities.delete(identityId)).toBe(true);
      expect((await ask(app, '/reports/mine', accessToken)).status).toBe(401);
      expect(await identities.delete(identityId)).toBe(false);
    });

    it('and touches nothing of another organization than the one it names', async () => {
      const { organizationId: other } = await identities.createOrganization({ name: 'Other' });
      const { identityId, tokenId, accessToken } = await tokenFor();
      for (const organizationId of [other, randomUUID(), 'acme', '']) {
        expect(await tokens.revoke(tokenId, { organizationId })).toBe(false);
        expect(await identities.delete(identityId, { organizationId })).toBe(false);
        await expect(tokens.issue({ identityId }, { organizationId })).rejects.toThrow('Failed to find identity');
      }
      expect((await ask(app, '/reports/mine', accessToken)).status).toBe(200);
      await tokens.issue({ identityId }, { organizationId });
      expect(await tokens.revoke(tokenId, { organizationId })).toBe(true);
      expect(await identities.delete(identityId, { organizationId })).toBe(true);
    });

    it('held to the rules of the REST API', async () => {
      const refusal = (act: Promise<unknown>) =>
        act.then(
          () => 'done',
          (error: Error) => error.constructor.name,
        );
      const create = (more: object) => refusal(identities.create({ organizationId, name: 'x', ...more }));
      expect(await create({ name: ' ' })).toBe('ValidationFailureError');
      expect(await create({ role: 'owner' })).toBe('UnknownRoleError');
      expect(await create({ organizationId: randomUUID() })).toBe('TypeError');
      expect(await create({ organizationId: 'acme' })).toBe('TypeError');
      expect(await create({ metadata: { team: 1 } })).toBe('ValidationFailureError');
      expect(await create({ tokenAuth: { accessTokenTTL: -1 } })).toBe('ValidationFailureError');
      expect(await create({ tokenAuth: { accessTokenTrustedIps: [{ ipAddress: 'x' }] } })).toBe('InvalidIpError');
      expect(await refusal(tokens.issue({ identityId: randomUUID() }))).toBe('IdentityNotFoundError');
      expect(await refusal(tokens.issue({ identityId: 'x' }))).toBe('IdentityNotFoundError');
      const { identityId } = await identities.create({ organizationId, name: 'x' });
      expect(await refusal(tokens.issue({ identityId, name: 'a\0b' }))).toBe('ValidationFailureError');
    });
  });

  describe('with a transaction of its own', () => {
    let host: DataSource;

    beforeAll(async () => {
      host = await new DataSource({ type: 'postgres', url: process.env.LATCHKEY_TEST_DATABASE! }).initialize();
      await host.query('CREATE TABLE orders (token_id uuid)');
    });
    afterAll(() => host.destroy());

    class Undone extends Error {}

    /** Runs something in a transaction of the host's that comes undone. */
    const undone = async (act: (manager: EntityManager) => Promise<unknown>) => {
      const attempt = host.transaction(async (manager) => {
        await act(manager);
        throw new Undone();
      });
      await expect(attempt).rejects.toThrow(Undone);
    };

    it('commits a token with its own row, and neither when it rolls back', async () => {
      const { identityId } = await identities.create({ organizationId, name: 'buyer' });
      const buy = async (manager: EntityManager) => {
        const token = await tokens.issue({ identityId }, { manager });
        await manager.query('INSERT INTO orders VALUES ($1)', [token.tokenId]);
        return token;
      };
      let lost = '';
      await undone(async (manager) => (lost = (await buy(manager)).accessToken));
      expect((await ask(app, '/reports/mine', lost)).status).toBe(401);
      const kept = await host.transaction(buy);
      expect((await ask(app, '/reports/mine', kept.accessToken)).status).toBe(200);
      expect(await host.query('SELECT * FROM orders')).toEqual([{ token_id: kept.tokenId }]);
    });

    it('revokes with its own change, and not when it rolls back', async () => {
      const { tokenId, accessToken } = await tokenFor();
      await undone(async (manager) => expect(await tokens.revoke(tokenId, { manager })).toBe(true));
      expect((await ask(app, '/reports/mine', accessToken)).status).toBe(200);
      expect(await host.transaction((manager) => tokens.revoke(tokenId, { manager }))).toBe(true);
      await tokens.applyChanges();
      expect((await ask(app, '/reports/mine', accessToken)).status).toBe(401);
    });

    it('knows a token that was used too early as soon as its transaction has settled', async () => {
      const { identityId } = await identities.create({ organizationId, name: 'hasty' });
      const token = await host.transaction(async (manager) => {
        const issued = await tokens.issue({ identityId }, { manager });
        expect((await ask(app, '/reports/mine', issued.accessToken)).status).toBe(401);
        return issued;
      });
      await tokens.applyChanges();
      expect((await ask(app, '/reports/mine', token.accessToken)).status).toBe(200);
    });

    it('is told when what it gives is none', async () => {
      const { identityId } = await identities.create({ organizationId, name: 'x' });
      const issueIn = (manager: unknown) => tokens.issue({ identityId }, { manager: manager as EntityManager });
      const running = new TypeError('manager must be the EntityManager of a transaction that is running');
      await expect(issueIn(host.manager)).rejects.toThrow(running);
      await expect(issueIn(host.createQueryRunner())).rejects.toThrow(running);
      for (const none of [null, {}, 'x', { query: 1 }]) {
        await expect(issueIn(none)).rejects.toThrow(
          new TypeError('manager must be the EntityManager of a transaction'),
        );
      }
    });

    it('makes organizations and identities in it', async () => {
      const found = async (manager: EntityManager) => {
        const { organizationId: id } = await identities.createOrganization({ name: 'Brought along' }, { manager });
        const { identityId } = await identities.create({ organizationId: id, name: 'x' }, { manager });
        return tokens.issue({ identityId }, { manager });
      };
      await undone(found);
      expect(await host.query(`SELECT FROM latchkey.organizations WHERE name = 'Brought along'`)).toEqual([]);
      const { accessToken } = await host.transaction(found);
      expect((await ask(app, '/reports/mine', accessToken)).body).toEqual({
        identityName: 'x',
        organization: 'Brought along',
      });
    });

    it('does not carry verification and use counts in it: a use is spent though the host rolls back', async () => {
      const { accessToken } = await tokenFor({ tokenAuth: { accessTokenNumUsesLimit: 1 } });
      const verifier = app.get(AccessTokenVerifier);
      await undone(() => verifier.verify(accessToken, '127.0.0.1'));
      await expect(verifier.verify(accessToken, '127.0.0.1')).rejects.toMatchObject({
        errorCode: 'access_token_uses_exhausted',
      });
    });
  });

  describe('asks for permissions of its own', () => {
    it.each([
      ['admin', 200, 200],
      ['member', 200, 403],
      ['no-access', 403, 403],
    ] as const)('which %s has as it was declared', async (role, read, write) => {
      const { accessToken } = await tokenFor({ role });
      expect((await ask(app, '/reports', accessToken)).status).toBe(read);
      expect((await ask(app, '/admin', accessToken)).status).toBe(write);
      const posted = await ask(app, '/reports', accessToken, 'POST');
      // A host's POST answers 201, as it does without Latchkey.
      expect(posted.status).toBe(write === 200 ? 201 : 403);
    });

    it('and says in a refusal what is missing', async () => {
      const { accessToken } = await tokenFor();
      const body = {
        statusCode: 403,
        error: 'PermissionDenied',
        message: 'You are not allowed to read on reports',
        details: [],
      };
      expect(await ask(app, '/reports', accessToken)).toEqual({ status: 403, body });
    });

    it('which nobody hands out who does not hold them', async () => {
      const lone = await start({ permissions: { 'vault:open': ['member'] } }, []);
      const { organizationId: own } = await lone.get(MachineIdentities).createOrganization({ name: 'Lone' });
      const { identityId: adminId } = await lone
        .get(MachineIdentities)
        .create({ organizationId: own, name: 'a', role: 'admin' });
      const { identityId } = await lone
        .get(MachineIdentities)
        .create({ organizationId: own, name: 'm', role: 'member' });
      const { accessToken } = await lone.get(AccessTokens).issue({ identityId: adminId });
      const path = `/api/v1/auth/token-auth/identities/${identityId}/tokens`;
      expect(await ask(lone, path, accessToken, 'POST')).toMatchObject({
        status: 403,
        body: {
          error: 'PermissionBoundaryError',
          details: { missingPermissions: [{ action: 'open', subject: 'vault' }] },
        },
      });
      await lone.close();
    }, 30_000);
  });
});

describe('a route of a host', () => {
  @Controller('offers')
  @UseGuards(AccessTokenGuard)
  class OffersController {
    @Get()
    @OptionalAccessToken()
    list(@Caller() caller?: VerifiedAccessToken) {
      return { for: caller?.identityName ?? 'anybody' };
    }

    @Get('gold')
    @RequireMetadata({ plan: 'gold' })
    gold(@Caller('metadata') metadata: VerifiedAccessToken['metadata']) {
      return metadata;
    }

    @Get('organization')
    organization(@Caller('organization') { name }: VerifiedAccessToken['organization']) {
      return { name };
    }

    @Get('both')
    @OptionalAccessToken()
    @Authorized('reports:read')
    both() {
      return 'both';
    }
  }

  let app: INestApplication;
  let latchkey: LatchkeyTestKit;

  beforeAll(async () => {
    app = await start({ controllers: false }, [OffersController]);
    latchkey = new LatchkeyTestKit(app);
  });
  afterAll(() => app.close());

  it('may be for anybody: without a token nobody is calling, while a bad one is still refused', async () => {
    expect(await ask(app, '/offers')).toEqual({ status: 200, body: { for: 'anybody' } });
    const { accessToken } = await latchkey.token({ name: 'shop' });
    expect(await ask(app, '/offers', accessToken)).toEqual({ status: 200, body: { for: 'shop' } });
    expect((await ask(app, '/offers', `${accessToken}x`)).status).toBe(401);
    const revoked = await latchkey.token({ state: 'revoked' });
    expect((await ask(app, '/offers', revoked.accessToken)).status).toBe(401);
  });

  it('may ask for metadata of the identity, which a change takes away at once', async () => {
    const gold = await latchkey.token({ metadata: { plan: 'gold', team: 'a' } });
    expect(await ask(app, '/offers/gold', gold.accessToken)).toEqual({
      status: 200,
      body: { plan: 'gold', team: 'a' },
    });
    for (const metadata of [{}, { plan: 'silver' }, { Plan: 'gold' }] as Record<string, string>[]) {
      const { accessToken } = await latchkey.token({ metadata });
      const message = 'The identity must have other metadata: plan';
      expect(await ask(app, '/offers/gold', accessToken)).toEqual({
        status: 403,
        body: { statusCode: 403, error: 'ForbiddenError', message },
      });
    }
    expect((await ask(app, '/offers/gold')).status).toBe(401);
    const host = await new DataSource({ type: 'postgres', url: process.env.LATCHKEY_TEST_DATABASE! }).initialize();
    await host.query('DELETE FROM latchkey.identity_metadata WHERE identity_id = $1', [gold.identityId]);
    await host.destroy();
    await app.get(AccessTokens).applyChanges();
    expect((await ask(app, '/offers/gold', gold.accessToken)).status).toBe(403);
  });

  it('is told one thing about the caller when that is all it asks', async () => {
    const { accessToken } = await latchkey.token();
    expect((await ask(app, '/offers/organization', accessToken)).body).toEqual({ name: 'Test Organization' });
  });

  it('that asks for a permission is for nobody without a token, whatever else it says', async () => {
    expect((await ask(app, '/offers/both')).status).toBe(401);
    const { accessToken } = await latchkey.token({ permissions: ['reports:read'] });
    expect((await ask(app, '/offers/both', accessToken)).status).toBe(200);
  });
});

describe.each([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
] as const)('a refusal on a route of a host on %s', (_, adapter) => {
  it('challenges as RFC 6750 says: with an error only where there was a token', async () => {
    const app = await start({ controllers: false }, [ReportsController], (host) => void host, adapter());
    const latchkey = new LatchkeyTestKit(app);
    const challenge = async (path: string, headers: Record<string, string>) => {
      const answer = await fetch(`${await app.getUrl()}${path}`, { headers });
      return [answer.status, answer.headers.get('www-authenticate')];
    };
    const good = await latchkey.token();
    expect(await challenge('/reports/mine', {})).toEqual([401, 'Bearer']);
    expect(await challenge('/reports', {})).toEqual([401, 'Bearer']);
    for (const state of ['revoked', 'expired', 'used-up'] as const) {
      const { headers } = await latchkey.token({ state });
      expect(await challenge('/reports/mine', { ...headers })).toEqual([401, 'Bearer error="invalid_token"']);
    }
    expect(await challenge('/reports', { ...good.headers })).toEqual([403, null]);
    expect(await challenge('/reports/mine', { ...good.headers })).toEqual([200, null]);
    await app.close();
  });
});

describe('the REST API', () => {
  it('is where mountPath says, behind the prefix of the host', async () => {
    const app = await start({ mountPath: '/latchkey' }, [ReportsController, AdminController], (host) =>
      host.setGlobalPrefix('v9'),
    );
    expect((await ask(app, '/v9/latchkey/api/status')).status).toBe(200);
    expect((await ask(app, '/api/status')).status).toBe(404);
    expect((await ask(app, '/v9/reports/mine')).status).toBe(401);
    await app.close();
  });

  it('keeps its place when the host excludes it from its prefix', async () => {
    const app = await start({ mountPath: 'latchkey' }, [ReportsController, AdminController], (host) =>
      host.setGlobalPrefix('v9', { exclude: ['latchkey/{*path}'] }),
    );
    expect((await ask(app, '/latchkey/api/status')).status).toBe(200);
    await app.close();
  });

  it('is not there with controllers: false, while guard and services are', async () => {
    const app = await start({ controllers: false });
    expect((await ask(app, '/api/status')).status).toBe(404);
    const { organizationId } = await app.get(MachineIdentities).createOrganization({ name: 'Quiet' });
    const { identityId } = await app.get(MachineIdentities).create({ organizationId, name: 'x' });
    const { accessToken } = await app.get(AccessTokens).issue({ identityId });
    expect((await ask(app, '/reports/mine', accessToken)).status).toBe(200);
    await app.close();
  });

  it('goes by its own rules under a pipe of the host, which sees none of its bodies', async () => {
    const strict = new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, disableErrorMessages: true });
    const app = await start({}, [], (host) => host.useGlobalPipes(strict));
    const latchkey = new LatchkeyTestKit(app);
    const { accessToken, organizationId } = await latchkey.token({ role: 'admin' });
    const create = (body: object) => ask(app, '/api/v1/identities', accessToken, 'POST', body);
    expect((await create({ name: 'x', organizationId, sentByAnOfficialClient: true })).status).toBe(200);
    expect(await create({ name: 1, organizationId })).toEqual({
      status: 422,
      body: {
        reqId: expect.any(String),
        statusCode: 422,
        error: 'ValidationFailure',
        message: [{ code: 'invalid_type', path: ['name'], message: 'Expected string, received number' }],
      },
    });
    expect((await ask(app, `/api/v1/identities?orgId=${organizationId}&limit=5&x=y`, accessToken)).status).toBe(200);
    await app.close();
  });

  it('is not to be bootstrapped by whoever comes first, unless the host says so', async () => {
    const app = await start();
    const person = { email: 'a@acme.test', password: 'correct horse', organization: 'Acme' };
    expect((await ask(app, '/api/v1/admin/bootstrap', undefined, 'POST', person)).status).toBe(404);
    await app.close();
  });

  it('stays out of the API documentation of the host, and joins it under names of its own when asked', async () => {
    const app = await start({ mountPath: 'latchkey' });
    const config = new DocumentBuilder().setTitle('Host').build();
    const document = SwaggerModule.createDocument(app, config);
    expect(Object.keys(document.paths)).toEqual(['/reports/mine', '/reports', '/admin']);
    expect(document.components).toEqual({ schemas: {} });

    const merged = withLatchkeyDocument(document, app);
    expect(Object.keys(merged.paths)).toEqual(expect.arrayContaining(['/admin', '/latchkey/api/v1/identities']));
    const { schemas = {}, securitySchemes = {} } = merged.components!;
    expect(Object.keys(schemas).filter((name) => !name.startsWith('Latchkey'))).toEqual([]);
    expect(Object.keys(securitySchemes)).toEqual(['Latchkeybearer']);
    const text = JSON.stringify(merged);
    for (const [, name] of text.matchAll(/#\/components\/schemas\/(\w+)/g)) expect(schemas).toHaveProperty(name!);
    expect(merged.tags!.every(({ name }) => name.startsWith('Latchkey: '))).toBe(true);
    expect(SwaggerModule.createDocument(app, config)).toEqual(document);
    await app.close();
  });
});

describe('the data source of a host', () => {
  @Entity('orders_of_host')
  class HostOrder {
    @PrimaryColumn('uuid')
    orderId!: string;
  }

  const dataSourceOf = (more: object = {}) =>
    new DataSource({
      type: 'postgres',
      url: process.env.LATCHKEY_TEST_DATABASE!,
      entities: [HostOrder],
      entityPrefix: 'shop_',
      poolSize: 1,
      ...more,
    });

  it('lends its address, though it is not initialised, and nothing else', async () => {
    const said: string[] = [];
    const note = (text: string) => said.push(text);
    const logger = {
      logQuery: note,
      logQueryError: note,
      logQuerySlow: note,
      logSchemaBuild: note,
      logMigration: note,
    };
    const dataSource = dataSourceOf({ logging: 'all', logger: { ...logger, log: note } });
    const before = { ...dataSource.options };
    const app = await start({ database: { dataSource } });
    const { organizationId } = await app.get(MachineIdentities).createOrganization({ name: 'Lent' });
    const { identityId } = await app.get(MachineIdentities).create({ organizationId, name: 'x' });
    const { accessToken } = await app.get(AccessTokens).issue({ identityId });
    expect((await ask(app, '/reports/mine', accessToken)).status).toBe(200);
    expect(dataSource.isInitialized).toBe(false);
    expect(dataSource.options).toEqual(before);
    expect(said).toEqual([]);
    await app.close();
  });

  it('is never waited for: its only connection is taken by a transaction, and tokens are verified all the same', async () => {
    const dataSource = await dataSourceOf().initialize();
    const app = await start({ database: { dataSource } });
    const tokens = app.get(AccessTokens);
    const { organizationId } = await app.get(MachineIdentities).createOrganization({ name: 'Busy' });
    const { identityId } = await app.get(MachineIdentities).create({ organizationId, name: 'x' });
    await dataSource.transaction('SERIALIZABLE', async (manager) => {
      const { accessToken } = await tokens.issue({ identityId });
      expect((await ask(app, '/reports/mine', accessToken)).status).toBe(200);
      const inside = await tokens.issue({ identityId }, { manager });
      // Not committed: nobody else may know of it yet.
      expect((await ask(app, '/reports/mine', inside.accessToken)).status).toBe(401);
    });
    await app.close();
    expect(dataSource.isInitialized).toBe(true);
    await dataSource.destroy();
  });

  it('may keep our tables in another schema than the default, made and migrated on start', async () => {
    // A word of SQL, which must be quoted.
    const schema = 'user';
    const dataSource = dataSourceOf();
    const app = await start({ database: { dataSource, schema }, migrate: 'on-start' });
    const { organizationId } = await app.get(MachineIdentities).createOrganization({ name: 'Elsewhere' });
    const { identityId } = await app.get(MachineIdentities).create({ organizationId, name: 'x' });
    const { accessToken, tokenId } = await app.get(AccessTokens).issue({ identityId });
    expect((await ask(app, '/reports/mine', accessToken)).status).toBe(200);
    await app.get(AccessTokens).revoke(tokenId);
    expect((await ask(app, '/reports/mine', accessToken)).status).toBe(401);
    await app.close();
  });
});

describe('a mistake in how Latchkey is set up stops the start', () => {
  const refusal = (...args: Parameters<typeof start>) =>
    start(...args).then(
      (app) => app.close().then(() => 'started'),
      (error: Error) => error.message,
    );

  @Controller('api/v1/:things')
  class ThingsController {
    @Get(':id')
    get() {
      return 'a thing';
    }
  }

  @Controller('identities')
  class VersionedController {
    @Post()
    post() {
      return 'posted';
    }
  }

  @Controller()
  class FallbackController {
    @Get('*')
    fallBack() {
      return 'a page';
    }
  }

  @Controller('vaults')
  class VaultsController {
    @Get()
    @Authorized('vault:open')
    open() {
      return 'open';
    }
  }

  it('a route of the host where the REST API is', async () => {
    expect(await refusal({}, [ThingsController])).toBe(
      'Latchkey cannot start:\n  mountPath must be another: GET /api/v1/:things/:id is a route of ThingsController.get already',
    );
    expect(await refusal({ mountPath: 'latchkey' }, [ThingsController])).toBe('started');
    expect(await refusal({ controllers: false }, [ThingsController])).toBe('started');
  }, 30_000);

  it('also when prefixes and exclusions make it so, but not a last resort for unknown paths', async () => {
    const exclude = (app: INestApplication) => app.setGlobalPrefix('api/v1', { exclude: ['api/{*path}'] });
    expect(await refusal({}, [VersionedController], exclude)).toBe(
      'Latchkey cannot start:\n  mountPath must be another: POST /api/v1/identities is a route of VersionedController.post already',
    );
    expect(await refusal({}, [FallbackController])).toBe('started');
  }, 30_000);

  @Controller()
  class LastResortController {
    @All('{*path}')
    fallBack() {
      return { page: 'of the host' };
    }
  }

  @Controller('latchkey')
  class PagesController {
    @Get('{*page}')
    page() {
      return { page: 'of the host' };
    }
  }

  it.each([
    ['ALL /{*path}', LastResortController, 'LastResortController.fallBack'],
    ['GET /latchkey/{*page}', PagesController, 'PagesController.page'],
  ])('on Express a wildcard of the host that answers first: %s', async (route, controller, handler) => {
    const mounted = { mountPath: '/latchkey' };
    expect(await refusal(mounted, [controller], undefined, new ExpressAdapter())).toBe(
      `Latchkey cannot start:\n  mountPath must be out of reach of ${route}, or ${handler} in a module that is imported after ` +
        'LatchkeyModule: on Express the first route that fits answers',
    );
    const other = { mountPath: '/keys', controllers: true };
    const isElsewhere = controller === PagesController;
    if (isElsewhere) expect(await refusal(other, [controller], undefined, new ExpressAdapter())).toBe('started');
  });

  it.each([
    ['Express', () => new ExpressAdapter(), '{*path}'],
    ['Fastify', () => new FastifyAdapter(), '*'],
  ])('but not one that gives way, which on %s it does', async (_, adapter, everything) => {
    @Controller()
    class LastController {
      @All(everything)
      fallBack() {
        return { page: 'of the host' };
      }
    }
    @Module({ controllers: [LastController] })
    class LastModule {}
    @Module({ imports: [LatchkeyModule.forRoot(options({ mountPath: '/latchkey' })), LastModule] })
    class HostModule {}
    const app = await NestFactory.create(HostModule, adapter(), { logger: false, abortOnError: false });
    await app.listen(0, '127.0.0.1');
    expect((await ask(app, '/latchkey/api/status')).body).toMatchObject({ message: 'Ok' });
    expect((await ask(app, '/anything')).body).toEqual({ page: 'of the host' });
    await app.close();
  });

  it('also where nothing is served over HTTP', async () => {
    @Module({ imports: [LatchkeyModule.forRoot(options())], providers: [VaultsController] })
    class ScriptModule {}
    const settings = { logger: false, abortOnError: false } as const;
    const undeclared = "permissions must have 'vault:open', which VaultsController.open asks for";
    await expect(NestFactory.createApplicationContext(ScriptModule, settings)).rejects.toThrow(undeclared);
    const microservice = await NestFactory.createMicroservice(ScriptModule, settings);
    await expect(microservice.init()).rejects.toThrow(undeclared);
    await microservice.close();
    @Module({ imports: [LatchkeyModule.forRoot(options()), LatchkeyModule.forRoot(options())] })
    class TwiceModule {}
    const twice = NestFactory.createApplicationContext(TwiceModule, settings);
    await expect(twice).rejects.toThrow('LatchkeyModule must be set up once');
  });

  it.each([
    ['/latch/:key', undefined, 'mountPath must be a path such as /latchkey, without parameters or wildcards'],
    ['a b', undefined, 'mountPath must be a path such as /latchkey, without parameters or wildcards'],
    ['/latchkey', false, 'mountPath must be left out with controllers: false, which mounts nothing'],
    ['/../x', undefined, 'mountPath must be a path such as /latchkey, without parameters or wildcards'],
    ['./a', undefined, 'mountPath must be a path such as /latchkey, without parameters or wildcards'],
    [5, undefined, 'mountPath must be a path such as /latchkey, without parameters or wildcards'],
    [null, undefined, 'mountPath must be a path such as /latchkey, without parameters or wildcards'],
    [undefined, 'false', 'controllers must be true or false'],
  ])('mountPath %j with controllers: %j', async (mountPath, controllers, message) => {
    expect(await refusal({ mountPath, controllers } as LatchkeyExtras)).toBe(`Latchkey cannot start:\n  ${message}`);
  });

  it('no options at all, or in the wrong place', async () => {
    const nothing = undefined as unknown as LatchkeyOptions;
    expect(() => LatchkeyModule.forRoot(nothing)).toThrow('forRoot must be given an object with the options');
    expect(() => LatchkeyModule.forRootAsync(nothing as object)).toThrow('forRootAsync must be given an object');
    const needed = 'Latchkey cannot start:\n  forRootAsync must be given useFactory, useClass or useExisting';
    expect(() => LatchkeyModule.forRootAsync({})).toThrow(needed);
    const mixed = { useFactory: () => options(), permissions: PERMISSIONS };
    expect(() => LatchkeyModule.forRootAsync(mixed)).toThrow('permissions is not an option of forRootAsync');
    const started = async (useFactory: () => LatchkeyOptions) => {
      @Module({ imports: [LatchkeyModule.forRootAsync({ useFactory })] })
      class AsyncModule {}
      await NestFactory.create(AsyncModule, new FastifyAdapter(), { logger: false, abortOnError: false });
    };
    const shaped = (): LatchkeyOptions & LatchkeyExtras => ({ ...options(), mountPath: '/x' });
    await expect(started(shaped)).rejects.toThrow('mountPath must stand beside useFactory');
    await expect(started(() => nothing)).rejects.toThrow('the options must be an object with database and authSecret');
  });

  it('a permission that is asked for and not declared', async () => {
    expect(await refusal({}, [VaultsController])).toBe(
      "Latchkey cannot start:\n  permissions must have 'vault:open', which VaultsController.open asks for",
    );
  });

  it("missing migrations with migrate: 'never'", async () => {
    const url = process.env.LATCHKEY_TEST_DATABASE!;
    const database = { url, schema: 'not_there_yet' };
    expect(await refusal({ database })).toBe(
      `Latchkey cannot start:\n  migrate must not be 'never' while the database lacks ${LATCHKEY_MIGRATIONS.length} migrations: ` +
        "run migrateLatchkey first, or say 'on-start'",
    );
    await migrateLatchkey(database);
    expect(await refusal({ database })).toBe('started');
  });

  it('Latchkey set up twice in one application', async () => {
    @Module({ imports: [LatchkeyModule.forRoot(options()), LatchkeyModule.forRoot(options())] })
    class TwiceModule {}
    const app = await NestFactory.create(TwiceModule, new FastifyAdapter(), { logger: false, abortOnError: false });
    await expect(app.init()).rejects.toThrow(
      'Latchkey cannot start:\n  LatchkeyModule must be set up once: its exports are global, import it nowhere else',
    );
    await app.close();
  });
});
