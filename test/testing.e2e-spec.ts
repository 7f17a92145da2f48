import 'reflect-metadata';
import { AssertionError } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { Controller, Get, type INestApplication } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { Client } from 'pg';
import { Authorized, Clock, LatchkeyModule } from '../src';
import { LatchkeyTestKit, startTestDatabase, TestClock, type TestToken } from '../src/testing';

@Controller('reports')
class ReportsController {
  @Get()
  @Authorized('reports:read')
  list() {
    return ['a report'];
  }
}

describe('the test kit', () => {
  const clock = new TestClock();
  let app: INestApplication;
  let latchkey: LatchkeyTestKit;

  beforeAll(async () => {
    const module = LatchkeyModule.forRoot({
      database: { url: process.env.LATCHKEY_TEST_DATABASE! },
      authSecret: randomBytes(48).toString('base64'),
      migrate: 'never',
      permissions: { 'reports:read': ['member', 'admin'] },
    });
    const testing = await Test.createTestingModule({ imports: [module], controllers: [ReportsController] })
      .overrideProvider(Clock)
      .useValue(clock)
      .compile();
    app = testing.createNestApplication(new FastifyAdapter());
    await app.listen(0, '127.0.0.1');
    latchkey = new LatchkeyTestKit(app);
  });
  afterEach(() => clock.reset());
  afterAll(() => app.close());

  const ask = async ({ headers }: TestToken) => (await fetch(`${await app.getUrl()}/reports`, { headers })).status;

  it('makes a token with the permissions a test names, and one without any', async () => {
    expect(await ask(await latchkey.token({ permissions: ['reports:read'] }))).toBe(200);
    expect(await ask(await latchkey.token())).toBe(403);
    expect((await latchkey.assertGood(await latchkey.token({ permissions: ['reports:read'] }))).role).toBe('member');
    expect((await latchkey.assertGood(await latchkey.token({ role: 'admin' }))).role).toBe('admin');
    await expect(latchkey.token({ permissions: ['reports:burn'] })).rejects.toThrow(
      'No role holds all of reports:burn',
    );
  });

  it.each([
    ['expired', 'access_token_expired', 401],
    ['revoked', 'access_token_revoked', 401],
    ['used-up', 'access_token_uses_exhausted', 401],
  ] as const)('makes a token that is %s', async (state, code, status) => {
    const token = await latchkey.token({ state, role: 'admin' });
    expect(await ask(token)).toBe(status);
    await latchkey.assertRefused(token, code);
  });

  it('makes a token that is good from some addresses, or some times', async () => {
    const fromThere = await latchkey.token({ from: ['10.0.0.0/8', '2001:db8::/32'] });
    await latchkey.assertGood(fromThere, '10.4.7.11');
    await latchkey.assertRefused(fromThere, 'address_not_trusted');
    const twice = await latchkey.token({ uses: 2 });
    await latchkey.assertGood(twice);
    await latchkey.assertGood(twice);
    await latchkey.assertRefused(twice, 'access_token_uses_exhausted');
  });

  it('makes tokens of one organization, unless a test wants two', async () => {
    const [one, another] = [await latchkey.token(), await latchkey.token({ name: 'another' })];
    expect(another.organizationId).toBe(one.organizationId);
    const organizationId = await latchkey.organizationId('Another');
    const stranger = await latchkey.assertGood(await latchkey.token({ organizationId }));
    expect(stranger.organization.name).toBe('Another');
  });

  it('revokes, and sets the clock', async () => {
    const [revoked, old] = [await latchkey.token(), await latchkey.token()];
    await latchkey.revoke(revoked);
    await latchkey.assertRefused(revoked, 'access_token_revoked');
    clock.advance(31 * 86_400);
    await latchkey.assertRefused(old, 'access_token_expired');
    clock.set(new Date());
    await latchkey.assertGood(old);
  });

  it('says in an assertion that fails what the token is instead', async () => {
    const [good, revoked] = [await latchkey.token(), await latchkey.token({ state: 'revoked' })];
    const failure = (act: Promise<unknown>) =>
      act.then(
        () => 'held',
        (error: unknown) => error instanceof AssertionError && [error.actual, error.expected],
      );
    expect(await failure(latchkey.assertGood(revoked))).toEqual(['access_token_revoked', 'a good token']);
    expect(await failure(latchkey.assertRefused(good, 'access_token_expired'))).toEqual([
      'a good token',
      'access_token_expired',
    ]);
  });

  it('brings a PostgreSQL of its own, which is gone afterwards', async () => {
    const database = await startTestDatabase();
    const client = new Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    expect(Number(rows[0]!.server_version.split('.')[0])).toBeGreaterThanOrEqual(15);
    await client.end();
    await database.stop();
    await expect(new Client({ connectionString: database.url }).connect()).rejects.toThrow();
  });
});
