import { Controller, Get, type INestApplication, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AccessTokenGuard, AccessTokens, AccessTokenVerifier, LatchkeyModule, MachineIdentities } from '../src';
import { ChangeFeedService } from '../src/change-feed/change-feed.service';
import { VerificationPools } from '../src/database/connections/verification-pools';
import type { NewAccessToken } from '../src/host-api/key-types';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

const DETAILS = '/api/v1/identities/details';
const ADDRESS = '127.0.0.1';
const HOUR = 3_600;
/** The structured fields of draft-ietf-httpapi-ratelimit-headers-10. */
const POLICY = /^"\w+";q=\d+;w=\d+(?:, "\w+";q=\d+;w=\d+)*$/;
const STATE = /^"\w+";r=\d+;t=\d+(?:, "\w+";r=\d+;t=\d+)*$/;

@Controller('mine')
@UseGuards(AccessTokenGuard)
class MineController {
  @Get()
  mine() {
    return {};
  }
}

let nodes: TestLatchkey[];
let host: INestApplication;
let latchkey: TestLatchkey;
let tokens: AccessTokens;
let identityId: string;

beforeAll(async () => {
  const database = { url: process.env.LATCHKEY_TEST_DATABASE!, pushUrl: false as const };
  latchkey = await startLatchkey({ database });
  const { authSecret } = latchkey;
  nodes = [latchkey, await startLatchkey({ database, authSecret }, { isBootstrapped: false })];
  @Module({
    imports: [LatchkeyModule.forRoot({ database, authSecret, migrate: 'never', controllers: false })],
    controllers: [MineController],
  })
  class HostModule {}
  host = await NestFactory.create(HostModule, { logger: false, abortOnError: false });
  await host.listen(0, '127.0.0.1');
  tokens = latchkey.app.get(AccessTokens);
  const { organizationId } = latchkey.given;
  ({ identityId } = await latchkey.app.get(MachineIdentities).create({ organizationId, name: 'customer' }));
});
afterAll(() => Promise.all([host.close(), ...nodes.map((node) => node.stop())]));

const issue = (more: Partial<NewAccessToken> = {}) => tokens.issue({ identityId, ...more });
const perHour = (limit: number) => [{ limit, perSeconds: HOUR }];
const verify = (accessToken: string, node: { get: TestLatchkey['app']['get'] } = latchkey.app) =>
  node.get(AccessTokenVerifier).verify(accessToken, ADDRESS);
const codeOf = (act: Promise<unknown>) =>
  act.then(
    () => 'done',
    (error: { errorCode: string }) => error.errorCode,
  );
/** How many of so many simultaneous uses are admitted; every other is refused for the limit. */
async function admitted(uses: number, use: () => Promise<unknown>): Promise<number> {
  const codes = await Promise.all(Array.from({ length: uses }, () => codeOf(use())));
  expect(codes.filter((code) => code !== 'done' && code !== 'access_token_rate_limited')).toEqual([]);
  return codes.filter((code) => code === 'done').length;
}

describe('the rate limits of a key', () => {
  // Seen red: without the check in the verifier.
  it('are exact on each node for simultaneous uses, and over all nodes at most as many times as there are nodes', async () => {
    const { accessToken } = await issue({ rateLimits: perHour(40) });
    expect(await admitted(100, () => verify(accessToken))).toBe(40);
    expect(await admitted(100, () => verify(accessToken, nodes[1]!.app))).toBe(40);
    expect(await admitted(100, () => verify(accessToken, host))).toBe(40);
  });

  it("are told with every answer, of Latchkey's routes on Fastify and of a host's on Express, and a refusal is 429", async () => {
    const rateLimits = [{ limit: 2, perSeconds: HOUR }, { limit: 10, perSeconds: 60 }]; // prettier-ignore
    const { accessToken } = await issue({ rateLimits });
    const own = () => latchkey.as(accessToken).get(DETAILS);
    const ofHost = () =>
      host.getUrl().then((url) => fetch(`${url}/mine`, { headers: { authorization: `Bearer ${accessToken}` } }));
    for (const ask of [own, ofHost]) {
      for (const left of [1, 0]) {
        const { status, headers } = await ask();
        expect([status, headers.get('ratelimit-policy')]).toEqual([200, '"3600s";q=2;w=3600, "60s";q=10;w=60']);
        expect(headers.get('ratelimit')).toMatch(new RegExp(`^"3600s";r=${left};t=\\d+, "60s";r=${left + 8};t=\\d+$`));
      }
      const { status, headers } = await ask();
      expect(status).toBe(429);
      expect(headers.get('ratelimit-policy')).toMatch(POLICY);
      expect(headers.get('ratelimit')).toMatch(STATE);
      const wait = Number(headers.get('retry-after'));
      expect(wait).toBeGreaterThan(HOUR - 60);
      expect(wait).toBeLessThanOrEqual(HOUR + HOUR / 32);
    }
    const seconds = expect.stringMatching(/^Rate limit exceeded\. Please try again in \d+ seconds$/) as string;
    expect((await own()).body).toMatchObject({ statusCode: 429, error: 'RateLimitExceeded', message: seconds });
    const free = await issue();
    const answer = await latchkey.as(free.accessToken).get(DETAILS);
    expect([answer.status, answer.headers.get('ratelimit')]).toEqual([200, null]);
  });

  // Seen red: the check after the use was spent.
  it('spend no use where they refuse, and what is revoked or has a wrong address is refused for that', async () => {
    const { tokenId, accessToken } = await issue({ rateLimits: perHour(2), usesLimit: 5 });
    expect(await admitted(20, () => verify(accessToken))).toBe(2);
    expect(await tokens.get(tokenId)).toMatchObject({ uses: 2, usesLeft: 3 });
    await tokens.update(tokenId, { trustedIps: ['10.0.0.1'] });
    expect(await codeOf(verify(accessToken))).toBe('address_not_trusted');
    await tokens.revoke(tokenId);
    expect(await codeOf(verify(accessToken))).toBe('access_token_revoked');
  });

  // Seen red: without the trigger that notes the change.
  it('can be changed and taken away, on every node, are listed, and go on with a rotated key', async () => {
    const { tokenId, accessToken } = await issue({ rateLimits: perHour(1) });
    const answers = () => Promise.all(nodes.map(({ app }) => codeOf(verify(accessToken, app))));
    const settled = () => Promise.all(nodes.map(({ app }) => app.get(ChangeFeedService).catchUp()));
    expect([await answers(), await answers()]).toEqual([nodes.map(() => 'done'), nodes.map(() => RATE_LIMITED)]);
    await tokens.update(tokenId, { rateLimits: perHour(2) });
    await settled();
    expect([await answers(), await answers()]).toEqual([nodes.map(() => 'done'), nodes.map(() => RATE_LIMITED)]);
    expect(await tokens.get(tokenId)).toMatchObject({ rateLimits: perHour(2) });
    expect((await tokens.list({ identityId, limit: 1 })).tokens).toMatchObject([{ rateLimits: perHour(2) }]);
    const rotated = await tokens.rotate(tokenId, { graceSeconds: 60 });
    expect(await tokens.get(rotated.tokenId)).toMatchObject({ rateLimits: perHour(2) });
    await tokens.update(rotated.tokenId, { rateLimits: null });
    expect(await tokens.get(rotated.tokenId)).toMatchObject({ rateLimits: null });
    expect(await admitted(5, () => verify(rotated.accessToken))).toBe(5);
  });

  // Seen red: counted by the id of the key alone.
  it('are shared by a key and those that take its place, and no rotation begins a new count', async () => {
    const { tokenId, accessToken } = await issue({ rateLimits: perHour(6) });
    expect(await admitted(2, () => verify(accessToken))).toBe(2);
    const next = await tokens.rotate(tokenId, { graceSeconds: 60, endsOldOnFirstUse: false });
    const both = [accessToken, next.accessToken, accessToken, next.accessToken];
    for (const token of both) expect(await codeOf(verify(token))).toBe('done');
    expect([await codeOf(verify(accessToken)), await codeOf(verify(next.accessToken))]).toEqual([
      RATE_LIMITED,
      RATE_LIMITED,
    ]);
    const last = await tokens.rotate(next.tokenId, { graceSeconds: 0 });
    expect(await codeOf(verify(last.accessToken))).toBe(RATE_LIMITED);
  });

  // Seen red: what cannot be read taken for none.
  it('that cannot be read are 503, for the caller and for the host, and never no limit', async () => {
    const { tokenId, accessToken } = await issue({ rateLimits: perHour(1) });
    for (const unreadable of ['[]', '{}', '"100"', '[{"limit":0,"perSeconds":1}]', '[{"limit":1}]']) {
      await latchkey.change('UPDATE latchkey.identity_access_tokens SET rate_limits = $2::jsonb WHERE id = $1', [
        tokenId,
        unreadable,
      ]);
      expect([unreadable, await codeOf(verify(accessToken))]).toEqual([unreadable, 'database_unavailable']);
      expect([unreadable, await codeOf(tokens.get(tokenId))]).toEqual([unreadable, 'database_unavailable']);
    }
  });

  // Seen red: periods by the time of the clock.
  it('follow no clock that is set', async () => {
    const { accessToken } = await issue({ rateLimits: perHour(1), expiresAt: null });
    expect(await codeOf(verify(accessToken))).toBe('done');
    for (const hours of [2, -2]) {
      latchkey.clock.set(new Date(Date.now() + hours * HOUR * 1_000));
      expect([hours, await codeOf(verify(accessToken))]).toEqual([hours, RATE_LIMITED]);
    }
    latchkey.clock.reset();
  });

  it('that make no sense are refused with a sentence', async () => {
    const wrong = [[], {}, 5, [{ limit: 0, perSeconds: 1 }], [{ limit: 1, perSeconds: 86_401 }], [{ limit: 1 }]];
    const twice = [...perHour(1), ...perHour(2)];
    const unknown = [{ limit: 1, perSeconds: 1, burst: 2 }];
    const many = [1, 2, 3, 4, 5, 6].map((perSeconds) => ({ limit: 1, perSeconds }));
    for (const rateLimits of [...wrong, twice, unknown, many] as unknown as (typeof twice)[]) {
      await expect(issue({ rateLimits })).rejects.toThrow('rateLimits: Expected 1 to 5 limits { limit, perSeconds }');
    }
  });

  // Seen red: facts that are not remembered.
  it('cost no query and no write once the key is in memory', async () => {
    const { accessToken } = await issue({ rateLimits: perHour(10_000) });
    await verify(accessToken);
    const pools = latchkey.app.get(VerificationPools);
    const [query, write] = [jest.spyOn(pools, 'query'), jest.spyOn(pools, 'write')];
    for (let use = 0; use < 50; use += 1) await verify(accessToken);
    expect([query.mock.calls, write.mock.calls]).toEqual([[], []]);
    jest.restoreAllMocks();
  });
});

const RATE_LIMITED = 'access_token_rate_limited';
