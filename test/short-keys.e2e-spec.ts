import 'reflect-metadata';
import { createHash, randomBytes } from 'node:crypto';
import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ShortKeyring } from '../src/access-tokens/issuing/short-key.keyring';
import { AccessTokens, AccessTokenVerifier, LatchkeyError, LatchkeyModule } from '../src';
import { AccessTokenStrategy, LATCHKEY_STRATEGY } from '../src/passport';
import { Caller } from '../src/access-tokens/guarding/caller.decorator';
import { VerificationPools } from '../src/database/connections/verification-pools';
import { LatchkeySettings } from '../src/latchkey.options';
import { startLatchkey, type TestLatchkey } from './support/latchkey';

const DETAILS = '/api/v1/identities/details';
const RENEW = '/api/v1/auth/token/renew';
const REVOKE = '/api/v1/auth/token/revoke';
const KEYS = { prefix: 'acme_live_', imported: ['sk_old_'] };
const HERE = '127.0.0.1';

let latchkey: TestLatchkey;

beforeAll(async () => {
  latchkey = await startLatchkey({ keys: KEYS });
});
afterAll(() => latchkey.stop());

interface GivenKey {
  readonly key: string;
  readonly tokenId: string;
  readonly identityId: string;
}

/** An identity and its short key. */
async function givenKey(policy: object = {}): Promise<GivenKey> {
  const identityId = await latchkey.given.identity();
  await latchkey.given.tokenAuth(identityId, policy);
  const { accessToken: key, tokenId } = await latchkey.app.get(AccessTokens).issue({ identityId, name: 'a key' });
  return { key, tokenId, identityId };
}

/** The error code with which a node refuses a text, or the id of the identity that it stands for. */
async function verdictOf(text: string, app: TestLatchkey['app'] = latchkey.app): Promise<string> {
  try {
    return (await app.get(AccessTokenVerifier).verify(text, HERE)).identityId;
  } catch (error) {
    if (error instanceof LatchkeyError) return error.errorCode;
    throw error;
  }
}

/** How many look-ups something takes. */
async function lookupsOf(act: () => Promise<unknown>): Promise<number> {
  const asked = jest.spyOn(latchkey.app.get(VerificationPools), 'query');
  try {
    await act();
    return asked.mock.calls.length;
  } finally {
    asked.mockRestore();
  }
}

/** Well-made keys that this installation has not made: their checksum is right. */
function unknownKeys(count: number): string[] {
  const settings = {
    database: { url: 'postgres://x@y/z' },
    authSecret: randomBytes(48).toString('base64'),
    keys: KEYS,
  };
  const keyring = new ShortKeyring(new LatchkeySettings(settings));
  return Array.from({ length: count }, () => keyring.make().text);
}

describe('a short key', () => {
  it('is a credential as a JWT is: its uses count, and revoked, expired or used up it is refused', async () => {
    const { key, identityId, tokenId } = await givenKey({ accessTokenNumUsesLimit: 3 });
    expect(key).toMatch(/^acme_live_[0-9A-Za-z]{36}$/);
    const details = await latchkey.as(key).get(DETAILS);
    expect([details.status, details.body.identityDetails.organization.id]).toEqual([
      200,
      latchkey.given.organizationId,
    ]);
    const many = await Promise.all(Array.from({ length: 10 }, () => verdictOf(key)));
    expect(many.filter((verdict) => verdict === identityId)).toHaveLength(2);
    expect(await verdictOf(key)).toBe('access_token_uses_exhausted');
    const [row] = await latchkey.dataSource.query<{ num_uses: string }[]>(
      'SELECT num_uses FROM latchkey.identity_access_tokens WHERE id = $1',
      [tokenId],
    );
    expect(row!.num_uses).toBe('3');

    const other = await givenKey({ accessTokenTTL: 60, accessTokenMaxTTL: 60 });
    expect(await verdictOf(other.key)).toBe(other.identityId);
    await latchkey.app.get(AccessTokens).revoke(other.tokenId);
    expect(await verdictOf(other.key)).toBe('access_token_revoked');

    const short = await givenKey({ accessTokenTTL: 60, accessTokenMaxTTL: 60 });
    expect(await verdictOf(short.key)).toBe(short.identityId);
    // A later end stands in the row alone, and every node learns of it.
    const later = `UPDATE latchkey.identity_access_tokens SET expires_at = expires_at + interval '1 hour' WHERE id = $1`;
    await latchkey.change(later, [short.tokenId]);
    latchkey.clock.advance(120);
    expect(await verdictOf(short.key)).toBe(short.identityId);
    latchkey.clock.advance(3_600);
    expect(await verdictOf(short.key)).toBe('access_token_expired');
  });

  it('is revoked by whoever presents it, and cannot be renewed', async () => {
    const { key, identityId } = await givenKey();
    const renewed = await latchkey.anonymous.post(RENEW, { accessToken: key });
    expect([renewed.status, renewed.body.message]).toEqual([400, expect.stringContaining('cannot be renewed')]);
    expect(await verdictOf(key)).toBe(identityId);
    expect((await latchkey.anonymous.post(REVOKE, { accessToken: key })).status).toBe(200);
    expect(await verdictOf(key)).toBe('access_token_revoked');
    const [unknown] = unknownKeys(1);
    expect((await latchkey.anonymous.post(REVOKE, { accessToken: unknown })).status).toBe(401);
  });

  // Seen red: the SHA-256 of the key is stored; a wrong checksum is looked up.
  it('is stored as a keyed hash alone, and with a wrong checksum is refused without a look-up', async () => {
    const { key, tokenId } = await givenKey();
    const sql = 'SELECT key_hash, t::text AS everything FROM latchkey.identity_access_tokens t WHERE id = $1';
    const [row] = await latchkey.dataSource.query<{ key_hash: Buffer; everything: string }[]>(sql, [tokenId]);
    const plain = createHash('sha256').update(key).digest();
    expect([row!.everything.includes(key.slice(-20)), row!.key_hash.equals(plain)]).toEqual([false, false]);
    const typo = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
    const lookups = await lookupsOf(async () => expect(await verdictOf(typo)).toBe('access_token_checksum'));
    expect(lookups).toBe(0);
  });

  it('costs one look-up when it is not remembered, and none when it is', async () => {
    const { key, identityId } = await givenKey();
    const first = () => Promise.all(Array.from({ length: 50 }, () => verdictOf(key)));
    expect(await lookupsOf(first)).toBe(1);
    expect(await lookupsOf(async () => expect(await verdictOf(key)).toBe(identityId))).toBe(0);
  });

  // Seen red: what is remembered is found by the last letters alone, and not compared whole.
  it('never gets what is known of another, and what only looks like one costs no look-up', async () => {
    const [mine, other] = [await givenKey(), await givenKey()];
    for (const { key } of [mine, other]) await verdictOf(key);
    const { key } = mine;
    const positions = Array.from(key, (_, at) => at);
    const flipped = positions.flatMap((at) => {
      const [before, letter, after] = [key.slice(0, at), key[at]!, key.slice(at + 1)];
      const otherCase = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
      return [before + otherCase + after, before + (letter === 'a' ? 'b' : 'a') + after, before + after];
    });
    const mixed = positions.map((at) => key.slice(0, at) + other.key.slice(at));
    const framed = [`${key}=`, `"${key}"`, ` ${key}`, `${key}\0`, key + key, `x${key}`, key.replace('live', 'test')];
    const close = [...flipped, ...mixed, ...framed].filter((text) => text !== key && text !== other.key);
    const verdicts = new Set<string>();
    const lookups = await lookupsOf(async () => {
      for (const text of close) verdicts.add(await verdictOf(text));
    });
    expect(lookups).toBe(0);
    expect([...verdicts].sort()).toEqual(['access_token_checksum', 'access_token_malformed', 'access_token_prefix']);
    expect(await verdictOf(key)).toBe(mine.identityId);
    const foreign = await latchkey.as(key.replace('acme', 'other')).get(DETAILS);
    expect([foreign.status, foreign.headers.get('www-authenticate')]).toEqual([401, 'Bearer error="invalid_token"']);
  });

  it('that no token has costs one look-up in a second', async () => {
    const [unknown] = unknownKeys(1);
    const asked = () => Promise.all(Array.from({ length: 50 }, () => verdictOf(unknown!)));
    expect(await lookupsOf(async () => expect(new Set(await asked())).toEqual(new Set(['access_token_unknown'])))).toBe(
      1,
    );
    expect(await lookupsOf(asked)).toBe(0);
  });

  // Seen red: all first look-ups stand in one line.
  it('keeps its turn in a flood of well-made keys that nothing has', async () => {
    const known = await givenKey();
    await verdictOf(known.key);
    const fresh: GivenKey[] = [];
    for (let i = 0; i < 2; i += 1) fresh.push(await givenKey());
    const jwt = await latchkey.given.token();
    const pools = latchkey.app.get(VerificationPools);
    // Look-ups by strangers that take their time: more than can be served before they have waited too long.
    const strangers = { group: 'strangers', member: HERE, isCrowd: true };
    const flood = Array.from({ length: 500 }, () =>
      pools.query('SELECT pg_sleep(0.1)', [], strangers).catch(() => null),
    );
    const more = unknownKeys(100).map((text) => verdictOf(text));
    const good = [known, ...fresh].map(({ key }) => verdictOf(key));
    expect(await Promise.all(good)).toEqual([known, ...fresh].map(({ identityId }) => identityId));
    expect(await verdictOf(jwt.accessToken)).toBe(jwt.identityId);
    const told = new Set(await Promise.all(more));
    expect([...told].filter((code) => !['access_token_unknown', 'database_unavailable'].includes(code))).toEqual([]);
    await Promise.all(flood);
  });

  it('outlives the secret under which it was made, once it was used under the next', async () => {
    const { key, identityId, tokenId } = await givenKey();
    const hashOf = async () => {
      const sql = `SELECT encode(key_hash, 'hex') AS hash, visible_start, t::text AS everything
                     FROM latchkey.identity_access_tokens t WHERE id = $1`;
      const [row] = await latchkey.dataSource.query<Record<string, string>[]>(sql, [tokenId]);
      return row!;
    };
    const before = await hashOf();
    expect(before.visible_start).toBe(key.slice(0, 14));
    expect(before.everything).not.toContain(key.slice(14));
    const next = randomBytes(48).toString('base64');
    const during = await startLatchkey(
      { keys: KEYS, authSecret: next, previousAuthSecrets: [latchkey.authSecret] },
      { isBootstrapped: false },
    );
    try {
      expect(await verdictOf(key, during.app)).toBe(identityId);
      while ((await hashOf()).hash === before.hash) await new Promise((resolve) => setTimeout(resolve, 5));
    } finally {
      await during.stop();
    }
    const after = await startLatchkey({ keys: KEYS, authSecret: next }, { isBootstrapped: false });
    try {
      expect(await verdictOf(key, after.app)).toBe(identityId);
      const never = await givenKey();
      expect(await verdictOf(never.key, after.app)).toBe('access_token_unknown');
    } finally {
      await after.stop();
    }
  });

  it('is issued where a JWT is not asked for, and only with a prefix', async () => {
    const identityId = await latchkey.given.identity();
    await latchkey.given.tokenAuth(identityId);
    const tokens = latchkey.app.get(AccessTokens);
    const key = await tokens.issue({ identityId });
    expect(key.visibleStart).toBe(key.accessToken.slice(0, 14));
    const jwt = await tokens.issue({ identityId, format: 'jwt' });
    expect([jwt.visibleStart, jwt.accessToken.split('.').length]).toEqual([null, 3]);
    await expect(tokens.issue({ identityId, format: 'opaque' as never })).rejects.toThrow(
      "format must be 'key' or 'jwt'",
    );
    // The routes of the REST API go on answering with JWTs.
    expect((await latchkey.given.tokenFor(identityId)).accessToken.split('.')).toHaveLength(3);
  });

  it('that another system gave out works on, once its hash is imported', async () => {
    const identityId = await latchkey.given.identity();
    const other = await latchkey.given.identity();
    for (const id of [identityId, other]) await latchkey.given.tokenAuth(id);
    const tokens = latchkey.app.get(AccessTokens);
    const old = ['hex', 'base64', 'base64url'].map((encoding) => {
      const key = `sk_old_${randomBytes(16).toString('hex')}`;
      const hash = createHash('sha256')
        .update(key)
        .digest(encoding as 'hex');
      return {
        key,
        imported: { hash, algorithm: 'sha256', identityId, name: encoding, visibleStart: 'sk_old_' } as const,
      };
    });
    const list = old.map(({ imported }) => imported);
    expect(await verdictOf(old[0]!.key)).toBe('access_token_unknown');
    const outcomes = await tokens.import(list);
    await tokens.applyChanges();
    expect(outcomes.map(({ isNew }) => isNew)).toEqual([true, true, true]);
    for (const { key } of old) expect(await verdictOf(key)).toBe(identityId);
    // Nothing that the database holds is the hash that the host had: a dump of the host's table finds no row here.
    const sql = 'SELECT FROM latchkey.identity_access_tokens WHERE key_hash = $1';
    expect(await latchkey.dataSource.query(sql, [Buffer.from(list[0]!.hash, 'hex')])).toEqual([]);
    const again = outcomes.map(({ tokenId }) => ({ tokenId, isNew: false }));
    expect(await tokens.import(list)).toEqual(again);
    const taken = tokens.import([{ ...list[0]!, identityId: other }]);
    await expect(taken).rejects.toMatchObject({ errorCode: 'key_taken' });
    const { organizationId } = await latchkey.given.organization();
    await expect(tokens.import(list, { organizationId })).rejects.toMatchObject({ errorCode: 'identity_not_found' });
    const bad = [
      { ...list[0]!, hash: 'x', visibleStart: 'sk_new_' },
      { ...list[0]!, algorithm: 'bcrypt' as never },
    ];
    await expect(tokens.import(bad)).rejects.toMatchObject({ errorCode: 'validation_failed' });
    await expect(tokens.import([{ ...list[0]!, key: 'x' } as never])).rejects.toThrow('knows no key');
    await tokens.revoke(outcomes[0]!.tokenId);
    expect(await verdictOf(old[0]!.key)).toBe('access_token_revoked');
  });

  // Seen red: all calls but one ended in an error of the database's unique index.
  it('that several calls import at once is imported by one of them', async () => {
    const identityId = await latchkey.given.identity();
    await latchkey.given.tokenAuth(identityId);
    const imported = { hash: randomBytes(32).toString('hex'), algorithm: 'sha256', identityId } as const;
    const calls = Array.from({ length: 5 }, () => latchkey.app.get(AccessTokens).import([imported]));
    const outcomes = (await Promise.all(calls)).flat();
    expect(new Set(outcomes.map(({ tokenId }) => tokenId)).size).toBe(1);
    expect(outcomes.filter(({ isNew }) => isNew)).toHaveLength(1);
  });

  it('is rotated into a short key, which a repeated call gets again, also under another secret', async () => {
    const { key, tokenId, identityId } = await givenKey();
    const how = { graceSeconds: 0, idempotencyKey: randomBytes(16).toString('hex') };
    const tokens = latchkey.app.get(AccessTokens);
    const rotated = await tokens.rotate(tokenId, how);
    expect(rotated.accessToken).toMatch(/^acme_live_[0-9A-Za-z]{36}$/);
    expect(await tokens.rotate(tokenId, how)).toEqual({ ...rotated, isRepeated: true });
    expect(await verdictOf(rotated.accessToken)).toBe(identityId);
    expect(await verdictOf(key)).toBe('access_token_rotated');
    const shown = await tokens.get(rotated.tokenId);
    expect(shown?.visibleStart).toBe(rotated.visibleStart);
    const secrets = { authSecret: randomBytes(48).toString('base64'), previousAuthSecrets: [latchkey.authSecret] };
    const next = await startLatchkey({ keys: KEYS, ...secrets }, { isBootstrapped: false });
    try {
      const again = await next.app.get(AccessTokens).rotate(tokenId, how);
      expect(again.accessToken).toBe(rotated.accessToken);
    } finally {
      await next.stop();
    }
  });

  it('is let in by passport, and refused with what the guard says', async () => {
    @Controller()
    class ReportsController {
      @Get('passport')
      @UseGuards(AuthGuard(LATCHKEY_STRATEGY))
      passport(@Caller('identityId') identityId: string) {
        return { identityId };
      }
    }
    const database = { url: process.env.LATCHKEY_TEST_DATABASE! };
    const options = { database, authSecret: latchkey.authSecret, migrate: 'never', keys: KEYS } as const;
    @Module({
      imports: [LatchkeyModule.forRoot({ ...options, controllers: false })],
      controllers: [ReportsController],
      providers: [AccessTokenStrategy],
    })
    class HostModule {}
    const host = await NestFactory.create(HostModule, new FastifyAdapter(), { logger: false });
    await host.listen(0, HERE);
    try {
      const { key, identityId } = await givenKey();
      const { accessToken: jwt, ...given } = await latchkey.given.token();
      const url = `${await host.getUrl()}/passport`;
      const ask = async (token: string) => {
        const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
        return [response.status, await response.json()] as const;
      };
      expect(await ask(key)).toEqual([200, { identityId }]);
      expect(await ask(jwt)).toEqual([200, { identityId: given.identityId }]);
      expect((await ask(`${key}x`))[1]).toMatchObject({ statusCode: 401, error: 'TokenError' });
    } finally {
      await host.close();
    }
  });
});
