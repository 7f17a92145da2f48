import { randomUUID } from 'node:crypto';
import { decode } from 'jsonwebtoken';
import { AccessTokenVerifier } from '../src/access-tokens/verification/access-token.verifier';
import { MAX_WAITING } from '../src/access-tokens/usage/pending-uses';
import { UsageCounter } from '../src/access-tokens/usage/usage.counter';
import type { LatchkeyOptions } from '../src/latchkey.options';
import { type Answer, answered, type ApiClient, invalid, refused } from './support/api-client';
import { done, type GivenToken } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { startTcpProxy } from './support/tcp-proxy';

const REVOKED = { message: 'Successfully revoked access token', revision: expect.any(Number) };
const DETAILS = '/api/v1/identities/details';
const RENEW = '/api/v1/auth/token/renew';
const REVOKE = '/api/v1/auth/token/revoke';
const IDENTITIES = '/api/v1/auth/token-auth/identities';
const TOKENS = '/api/v1/auth/token-auth/tokens';

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const ELSEWHERE = { accessTokenTrustedIps: [{ ipAddress: '203.0.113.0/24' }] };
const ANYWHERE = { accessTokenTrustedIps: [{ ipAddress: '0.0.0.0/0' }, { ipAddress: '::/0' }] };
const EXPIRED = 'Your token has expired. Please re-authenticate.';
const MALFORMED =
  'The provided access token is malformed. Please use a valid token or generate a new one and try again.';
const WRONG_ADDRESS = 'You are not allowed to access this resource from the current IP address';

let latchkey: TestLatchkey;
const nodes: TestLatchkey[] = [];

beforeAll(async () => {
  latchkey = await startLatchkey();
});
afterEach(async () => {
  latchkey.clock.reset();
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});
afterAll(() => latchkey.stop());

/** One more server on the same database, stopped after the test. */
async function startNode(options: Partial<LatchkeyOptions> = {}): Promise<TestLatchkey> {
  const node = await startLatchkey({ authSecret: latchkey.authSecret, ...options }, { isBootstrapped: false });
  nodes.push(node);
  return node;
}

const use = (api: ApiClient, headers?: Record<string, string>) => api.get(DETAILS, headers);
const renew = (accessToken: string, headers?: Record<string, string>) =>
  latchkey.anonymous.post(RENEW, { accessToken }, headers);
const revoke = (accessToken: string) => latchkey.anonymous.post(REVOKE, { accessToken });
const setPolicy = async (identityId: string, policy: object) =>
  void done(await latchkey.admin.patch(`${IDENTITIES}/${identityId}`, policy));
const shown = async (tokenId: string) => done(await latchkey.admin.get(`${TOKENS}/${tokenId}`)).token as ShownToken;
const claimsOf = (jwt: string) => decode(jwt) as { iat: number; exp: number; creationEpoch: number; jti: string };

interface ShownToken {
  readonly accessTokenTTL: number;
  readonly accessTokenNumUses: number;
  readonly accessTokenLastUsedAt: string | null;
  readonly accessTokenLastRenewedAt: string | null;
  readonly isAccessTokenRevoked: boolean;
}

/** A good token whose membership the API cannot switch off yet. */
const setMembership = (identityId: string, isActive: boolean) =>
  latchkey.change('UPDATE latchkey.organization_memberships SET is_active = $2 WHERE identity_id = $1', [
    identityId,
    isActive,
  ]);

function expectUnauthorized(answer: Answer, error: 'TokenError' | 'UnauthorizedError', message: string): void {
  expect(answer).toEqual(refused(401, error, message));
  expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
}

/** Asks until the answer is the one waited for; fails with the last one when ten seconds have passed. */
async function eventually<T>(ask: () => Promise<T>, expected: T): Promise<void> {
  const deadline = Date.now() + 10_000;
  let last = await ask();
  while (last !== expected && Date.now() < deadline) {
    await new Promise((resolve) => setImmediate(resolve));
    last = await ask();
  }
  expect(last).toBe(expected);
}

/** A busy machine may not have a connection for everybody in time. Such a 503 has spent nothing, and is asked again. */
async function insist(call: () => Promise<Answer>): Promise<Answer> {
  const answer = await call();
  return answer.status === 503 ? insist(call) : answer;
}

/** All at once; a call that finds nobody listening any more is null. */
const atOnce = (count: number, call: (n: number) => Promise<Answer>) =>
  Promise.all(Array.from({ length: count }, (_, n) => insist(() => call(n)).catch(() => null)));

const statusesOf = (answers: (Answer | null)[]) => {
  const counts: Record<number, number> = {};
  for (const answer of answers) counts[answer?.status ?? 0] = (counts[answer?.status ?? 0] ?? 0) + 1;
  return counts;
};

describe('the life of a token', () => {
  it('answers "update token" with every field of the contract, and nothing else', async () => {
    const { tokenId, identityId } = await latchkey.given.token({ name: 'ci-runner' });

    expect(await latchkey.admin.patch(`/api/v1/auth/token-auth/tokens/${tokenId}`, { name: 'ci-runner-2' })).toEqual(
      answered({
        token: {
          id: tokenId,
          accessTokenTTL: 2592000,
          accessTokenMaxTTL: 2592000,
          accessTokenNumUses: 0,
          accessTokenNumUsesLimit: 0,
          accessTokenLastUsedAt: null,
          accessTokenLastRenewedAt: null,
          isAccessTokenRevoked: false,
          identityUAClientSecretId: null,
          identityId,
          createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          updatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          name: 'ci-runner-2',
          authMethod: 'token-auth',
          accessTokenPeriod: 0,
          subOrganizationId: null,
        },
      }),
    );
  });

  it('kills a token that is revoked by presenting it for its very next use, and keeps it dead', async () => {
    const { accessToken, api } = await latchkey.given.token();
    expect((await api.get(DETAILS)).status).toBe(200);

    const revoke = () => latchkey.anonymous.post('/api/v1/auth/token/revoke', { accessToken });
    expect(await revoke()).toEqual(answered(REVOKED));

    const dead = await api.get(DETAILS);
    expect(dead).toEqual(refused(401, 'UnauthorizedError', 'Failed to authorize: token has been revoked'));
    expect(dead.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    expect((await revoke()).status).toBe(200);
  });
});

describe('a request', () => {
  it('without a token is challenged, with no error code: nothing was wrong with what was not there', async () => {
    const answer = await use(latchkey.anonymous);
    expect(answer).toEqual(refused(401, 'UnauthorizedError', 'Token missing'));
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('with an expired token is 401, so that operators log in anew', async () => {
    const { api } = await latchkey.given.token({ policy: { accessTokenTTL: 60 } });
    latchkey.clock.advance(55);
    expect((await use(api)).status).toBe(200);
    latchkey.clock.advance(5);
    expectUnauthorized(await use(api), 'TokenError', EXPIRED);
  });

  it('is refused from the next use on when the identity is deleted, its id told to nobody', async () => {
    const { api, accessToken, identityId } = await latchkey.given.token();
    expect((await use(api)).status).toBe(200);
    done(await latchkey.admin.delete(`/api/v1/identities/${identityId}`));
    expectUnauthorized(await use(api), 'UnauthorizedError', 'Failed to authorize: identity tokens have been revoked');
    expectUnauthorized(
      await renew(accessToken),
      'UnauthorizedError',
      'Cannot renew: identity tokens have been revoked',
    );
  });

  it('is refused while the membership is inactive, and let in again when it returns', async () => {
    const { api, accessToken, identityId } = await latchkey.given.token();
    await setMembership(identityId, false);
    const refusal = 'organization membership is inactive';
    expectUnauthorized(await use(api), 'UnauthorizedError', `Failed to authorize: ${refusal}`);
    expectUnauthorized(await renew(accessToken), 'UnauthorizedError', `Cannot renew: ${refusal}`);
    await setMembership(identityId, true);
    expect((await use(api)).status).toBe(200);
  });

  it('is refused when the identity is no member any more', async () => {
    const { api, accessToken, identityId } = await latchkey.given.token();
    await latchkey.change('DELETE FROM latchkey.organization_memberships WHERE identity_id = $1', [identityId]);
    const refusal = 'identity is not a member of the organization';
    expectUnauthorized(await use(api), 'UnauthorizedError', `Failed to authorize: ${refusal}`);
    expectUnauthorized(await renew(accessToken), 'UnauthorizedError', `Cannot renew: ${refusal}`);
  });

  it('follows a change of role with the token it has', async () => {
    const { api, identityId } = await latchkey.given.token({ role: 'member' });
    expect((await api.get(`${IDENTITIES}/${identityId}`)).status).toBe(200);
    done(await latchkey.admin.patch(`/api/v1/identities/${identityId}`, { role: 'no-access' }));
    expect((await api.get(`${IDENTITIES}/${identityId}`)).status).toBe(403);
  });
});

describe('what is told when several things are wrong', () => {
  const wrongs: Record<string, (token: GivenToken) => Promise<void>> = {
    expired: () => Promise.resolve(latchkey.clock.advance(601)),
    revoked: async ({ accessToken }) => void done(await revoke(accessToken)),
    inactive: async ({ identityId }) => void (await setMembership(identityId, false)),
    elsewhere: ({ identityId }) => setPolicy(identityId, ELSEWHERE),
    exhausted: async ({ api }) => void done(await use(api)),
  };

  it.each<[told: string, status: number, error: string, message: string, wrong: string[]]>([
    ['expired', 401, 'TokenError', EXPIRED, ['exhausted', 'inactive', 'elsewhere', 'revoked', 'expired']],
    [
      'revoked',
      401,
      'UnauthorizedError',
      'Failed to authorize: token has been revoked',
      ['exhausted', 'inactive', 'elsewhere', 'revoked'],
    ],
    [
      'inactive',
      401,
      'UnauthorizedError',
      'Failed to authorize: organization membership is inactive',
      ['exhausted', 'elsewhere', 'inactive'],
    ],
    ['elsewhere', 403, 'ForbiddenError', WRONG_ADDRESS, ['exhausted', 'elsewhere']],
    ['exhausted', 401, 'UnauthorizedError', 'Failed to authorize: token usage limit reached', ['exhausted']],
  ])('is %s first', async (_told, status, error, message, wrong) => {
    const policy = { accessTokenTTL: 600, accessTokenNumUsesLimit: 1 };
    const token = await latchkey.given.token({ policy });
    for (const each of wrong) await wrongs[each]!(token);
    expect(await use(token.api)).toEqual(refused(status, error, message));
    // Asked again, the same: no refusal has changed anything.
    expect(await use(token.api)).toEqual(refused(status, error, message));
  });

  it('is the signature before the expiry', async () => {
    const { accessToken } = await latchkey.given.token({ policy: { accessTokenTTL: 60 } });
    latchkey.clock.advance(61);
    const [head, payload] = accessToken.split('.');
    const forged = latchkey.as(`${head}.${payload}.${'A'.repeat(43)}`);
    expectUnauthorized(await use(forged), 'TokenError', 'invalid signature');
  });

  it('is the token before the permission', async () => {
    const { api, accessToken, identityId } = await latchkey.given.token({ role: 'no-access' });
    done(await revoke(accessToken));
    expect((await api.get(`${IDENTITIES}/${identityId}`)).status).toBe(401);
  });
});

describe('renewing', () => {
  it('answers a later JWT for the same token, whole, and nobody on the way may keep it', async () => {
    const policy = { accessTokenTTL: 600, accessTokenMaxTTL: 3600 };
    const { accessToken, tokenId } = await latchkey.given.token({ policy });
    latchkey.clock.advance(300);
    const answer = await renew(accessToken);
    expect(answer).toEqual(
      answered({
        accessToken: expect.any(String),
        expiresIn: 600,
        accessTokenMaxTTL: 3600,
        tokenType: 'Bearer',
      }),
    );
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const [first, second] = [claimsOf(accessToken), claimsOf(answer.body.accessToken as string)];
    // Everything stays but the two times: the first issuance and the configured lifetimes too.
    expect(second).toEqual({ ...first, iat: expect.any(Number), exp: second.iat + 600 });
    expect(second.jti).toBe(tokenId);
    expect(second.iat - first.iat).toBeGreaterThanOrEqual(300);
  });

  it('leaves the old JWT good until its own end, and the new one good beyond it', async () => {
    const { accessToken, api } = await latchkey.given.token({ policy: { accessTokenTTL: 600 } });
    latchkey.clock.advance(300);
    const renewed = latchkey.as(done(await renew(accessToken)).accessToken as string);
    latchkey.clock.advance(250);
    expect([(await use(api)).status, (await use(renewed)).status]).toEqual([200, 200]);
    latchkey.clock.advance(60);
    expectUnauthorized(await use(api), 'TokenError', EXPIRED);
    expectUnauthorized(await renew(accessToken), 'TokenError', EXPIRED);
    expect((await use(renewed)).status).toBe(200);
  });

  it('is shortened to what the max TTL leaves, and the token ends there whatever is renewed', async () => {
    const hour = 3600;
    const policy = { accessTokenTTL: 5 * hour, accessTokenMaxTTL: 24 * hour };
    latchkey.clock.stop();
    let { accessToken } = await latchkey.given.token({ policy });
    const { creationEpoch } = claimsOf(accessToken);
    for (const hours of [4, 4, 4, 4, 3]) {
      latchkey.clock.advance(hours * hour);
      const { accessToken: next, expiresIn } = done(await renew(accessToken));
      accessToken = next as string;
      const { exp, iat } = claimsOf(accessToken);
      expect([expiresIn, exp - iat]).toEqual([5 * hour, 5 * hour]);
    }
    latchkey.clock.advance(4 * hour);
    const last = done(await renew(accessToken));
    const { exp, iat } = claimsOf(last.accessToken as string);
    expect(exp).toBe(creationEpoch + 24 * hour);
    expect(last.expiresIn).toBe(exp - iat);
    expect(last.accessTokenMaxTTL).toBe(24 * hour);

    latchkey.clock.advance(2 * hour);
    expectUnauthorized(await renew(last.accessToken as string), 'TokenError', EXPIRED);
    expectUnauthorized(await use(latchkey.as(last.accessToken as string)), 'TokenError', EXPIRED);
  });

  it('is refused once the max TTL, made shorter meanwhile, is used up', async () => {
    const { accessToken, identityId, tokenId, api } = await latchkey.given.token({
      policy: { accessTokenTTL: 3600, accessTokenMaxTTL: 86400 },
    });
    await setPolicy(identityId, { accessTokenTTL: 600, accessTokenMaxTTL: 600 });
    latchkey.clock.advance(600);
    const before = await shown(tokenId);
    expectUnauthorized(
      await renew(accessToken),
      'UnauthorizedError',
      'Cannot renew: identity access token has reached its max TTL',
    );
    expect((await use(api)).status).toBe(200);
    expect((await shown(tokenId)).accessTokenLastRenewedAt).toBe(before.accessTokenLastRenewedAt);
  });

  it.each([
    ['shorter now', { accessTokenTTL: 600, accessTokenMaxTTL: 0 }, { accessTokenTTL: 60 }, 60],
    ['longer now', { accessTokenTTL: 600, accessTokenMaxTTL: 0 }, { accessTokenTTL: 6000 }, 600],
    ['none any more', { accessTokenTTL: 600, accessTokenMaxTTL: 0 }, { accessTokenTTL: 0 }, 600],
    ['one where there was none', { accessTokenTTL: 0, accessTokenMaxTTL: 0 }, { accessTokenTTL: 60 }, 60],
  ])('takes the shorter of the TTL granted and the present one: %s', async (_what, policy, change, seconds) => {
    const { accessToken, identityId } = await latchkey.given.token({ policy });
    await setPolicy(identityId, change);
    const answer = done(await renew(accessToken));
    const { exp, iat } = claimsOf(answer.accessToken as string);
    expect([answer.expiresIn, exp - iat]).toEqual([seconds, seconds]);
  });

  it('answers 1000000000 for "no max TTL", because a 0 sends clients into a login loop', async () => {
    const { accessToken } = await latchkey.given.token({ policy: { accessTokenTTL: 60, accessTokenMaxTTL: 0 } });
    expect(done(await renew(accessToken))).toEqual({
      accessToken: expect.any(String),
      expiresIn: 60,
      accessTokenMaxTTL: 1_000_000_000,
      tokenType: 'Bearer',
    });
  });

  it('is noted on the token, with its lifetime, and counts no use', async () => {
    const { accessToken, tokenId } = await latchkey.given.token({
      policy: { accessTokenTTL: 600, accessTokenNumUsesLimit: 2 },
    });
    const before = await shown(tokenId);
    latchkey.clock.advance(60);
    for (let n = 0; n < 5; n++) done(await renew(accessToken));
    const after = await shown(tokenId);
    expect(after).toEqual({ ...before, accessTokenLastRenewedAt: TIME, updatedAt: TIME });
    expect(Date.parse(after.accessTokenLastRenewedAt!)).toBeLessThanOrEqual(latchkey.clock.now().getTime());
    expect(Date.parse(after.accessTokenLastRenewedAt!)).toBeGreaterThan(Date.now() + 50_000);
  });

  it('shows the lifetime last signed when the TTL was made shorter meanwhile', async () => {
    const { accessToken, identityId, tokenId } = await latchkey.given.token({ policy: { accessTokenTTL: 600 } });
    await setPolicy(identityId, { accessTokenTTL: 60 });
    expect(done(await renew(accessToken)).expiresIn).toBe(60);
    expect((await shown(tokenId)).accessTokenTTL).toBe(60);
  });

  it('under a shorter TTL leaves the first JWT its longer life', async () => {
    const { accessToken, identityId, api } = await latchkey.given.token({ policy: { accessTokenTTL: 600 } });
    await setPolicy(identityId, { accessTokenTTL: 60 });
    const short = latchkey.as(done(await renew(accessToken)).accessToken as string);
    latchkey.clock.advance(120);
    expectUnauthorized(await use(short), 'TokenError', EXPIRED);
    expect((await use(api)).status).toBe(200);
  });

  it('is refused from an address the token is not trusted from, and notes nothing', async () => {
    const { accessToken, identityId, tokenId } = await latchkey.given.token();
    await setPolicy(identityId, ELSEWHERE);
    const before = await shown(tokenId);
    expect(await renew(accessToken)).toEqual(refused(403, 'ForbiddenError', WRONG_ADDRESS));
    expect(await shown(tokenId)).toEqual(before);
  });

  it('is refused for a token that is revoked', async () => {
    const { accessToken, tokenId } = await latchkey.given.token();
    done(await latchkey.admin.post(`${TOKENS}/${tokenId}/revoke`));
    expectUnauthorized(await renew(accessToken), 'UnauthorizedError', 'Cannot renew: token has been revoked');
  });

  it('is refused for a token whose method is removed, and stays so when it is attached anew', async () => {
    const { accessToken, identityId } = await latchkey.given.token();
    done(await latchkey.admin.delete(`${IDENTITIES}/${identityId}`));
    const refusal = 'Cannot renew: auth method has been revoked';
    expectUnauthorized(await renew(accessToken), 'UnauthorizedError', refusal);
    await latchkey.given.tokenAuth(identityId);
    expectUnauthorized(await renew(accessToken), 'UnauthorizedError', refusal);
  });

  it('is refused for a token that is used up', async () => {
    const { accessToken, api } = await latchkey.given.token({ policy: { accessTokenNumUsesLimit: 1 } });
    done(await use(api));
    expectUnauthorized(await renew(accessToken), 'UnauthorizedError', 'Cannot renew exhausted access token');
  });

  it('never outruns a revocation that happens at the same moment', async () => {
    const { accessToken } = await latchkey.given.token();
    const answers = await atOnce(20, (n) => (n === 7 ? revoke(accessToken) : renew(accessToken)));
    const renewed = answers.flatMap((answer) => (answer?.body.accessToken as string | undefined) ?? []);
    const uses = await Promise.all([accessToken, ...renewed].map((token) => use(latchkey.as(token))));
    expect(statusesOf(uses)).toEqual({ 401: renewed.length + 1 });
  });
});

describe.each([
  ['renewing', RENEW],
  ['revoking', REVOKE],
])('%s by the token itself', (_what, path) => {
  it.each<[what: string, body: unknown, ...issue: Parameters<typeof invalid>[0]]>([
    ['no body', undefined, 'invalid_type', ['accessToken'], 'Required'],
    ['{}', {}, 'invalid_type', ['accessToken'], 'Required'],
    ['null', { accessToken: null }, 'invalid_type', ['accessToken'], 'Expected string, received null'],
    ['a number', { accessToken: 7 }, 'invalid_type', ['accessToken'], 'Expected string, received number'],
    ['a list', { accessToken: ['x'] }, 'invalid_type', ['accessToken'], 'Expected string, received array'],
    [
      'more than 4096 characters',
      { accessToken: 'x'.repeat(4097) },
      'too_big',
      ['accessToken'],
      'String must contain at most 4096 character(s)',
    ],
  ])('refuses %s with 422', async (_whatBody, body, ...issue) => {
    expect(await latchkey.anonymous.post(path, body)).toEqual(invalid(issue));
  });

  it('takes nothing for a token that is malformed', async () => {
    const { status, body } = await latchkey.anonymous.post(path, { accessToken: ' ' });
    expect([status, body]).toMatchObject([401, { error: 'TokenError', message: MALFORMED }]);
  });

  it('takes the token with white space around it, in JSON and in a form, and drops other keys', async () => {
    const { accessToken } = await latchkey.given.token();
    done(await latchkey.anonymous.post(path, { accessToken: `\n ${accessToken}\t`, tokenId: 'x' }));
    const second = await latchkey.given.token();
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    done(await latchkey.anonymous.post(path, `accessToken=${second.accessToken}&tokenId=x`, form));
  });

  it('does not look at the Authorization header, however bad it is', async () => {
    const stale = await latchkey.given.token();
    done(await revoke(stale.accessToken));
    for (const authorization of [`Bearer ${stale.accessToken}`, 'Bearer nonsense', 'Basic eDp5', 'Bearer', 'x']) {
      const { accessToken } = await latchkey.given.token();
      done(await latchkey.anonymous.post(path, { accessToken }, { authorization }));
    }
  });

  it('spends no use of a token in the Authorization header', async () => {
    const limited = await latchkey.given.token({ policy: { accessTokenNumUsesLimit: 1 } });
    const { accessToken } = await latchkey.given.token();
    done(await limited.api.post(path, { accessToken }));
    expect((await shown(limited.tokenId)).accessTokenNumUses).toBe(0);
    expect((await use(limited.api)).status).toBe(200);
  });

  it('takes no token from the Authorization header instead of the body', async () => {
    const { api, tokenId } = await latchkey.given.token();
    expect(await api.post(path, {})).toEqual(invalid(['invalid_type', ['accessToken'], 'Required']));
    expect(await shown(tokenId)).toMatchObject({ isAccessTokenRevoked: false, accessTokenLastRenewedAt: null });
  });
});

describe('revoking by the token itself', () => {
  it.each([
    ['the first', 0],
    ['the middle', 1],
    ['the last', 2],
  ])('with %s JWT of a chain kills them all', async (_what, which) => {
    const { accessToken, tokenId } = await latchkey.given.token({ policy: { accessTokenTTL: 600 } });
    const chain = [accessToken];
    for (let n = 0; n < 2; n++) {
      latchkey.clock.advance(60);
      chain.push(done(await renew(chain.at(-1)!)).accessToken as string);
    }
    done(await revoke(chain[which]!));
    for (const jwt of chain) {
      expectUnauthorized(
        await use(latchkey.as(jwt)),
        'UnauthorizedError',
        'Failed to authorize: token has been revoked',
      );
      expectUnauthorized(await renew(jwt), 'UnauthorizedError', 'Cannot renew: token has been revoked');
      expect(await revoke(jwt)).toEqual(answered({ ...REVOKED, revision: null }));
    }
    expect((await shown(tokenId)).isAccessTokenRevoked).toBe(true);
  });

  it('works from any address and with a token that is used up: giving up a token is always allowed', async () => {
    const { api, accessToken, identityId, tokenId } = await latchkey.given.token({
      policy: { accessTokenNumUsesLimit: 1 },
    });
    done(await use(api));
    await setPolicy(identityId, ELSEWHERE);
    expect(await revoke(accessToken)).toEqual(answered(REVOKED));
    expect((await shown(tokenId)).isAccessTokenRevoked).toBe(true);
  });

  it('is refused with an expired JWT, and changes nothing', async () => {
    const { accessToken, tokenId } = await latchkey.given.token({ policy: { accessTokenTTL: 60 } });
    latchkey.clock.advance(60);
    expectUnauthorized(await revoke(accessToken), 'TokenError', EXPIRED);
    expect((await shown(tokenId)).isAccessTokenRevoked).toBe(false);
  });

  it('has reached every other node, whatever it remembers, when the answer has waited for them', async () => {
    const node = await startNode();
    const { accessToken } = await latchkey.given.token();
    expect((await use(node.as(accessToken))).status).toBe(200);
    const revokeEverywhere = async () =>
      done(await latchkey.anonymous.post('/api/v1/auth/token/revoke?wait=all', { accessToken })).nodes;
    await revokeEverywhere();
    expect((await use(node.as(accessToken))).status).toBe(401);
    // On a machine that is too busy for seconds, a node may count as gone, or as late.
    const spread = async () => {
      const { applied, pending } = await revokeEverywhere();
      return `${applied.length} applied, ${pending.length} pending`;
    };
    await eventually(spread, '2 applied, 0 pending');
  });

  it('changes the token once: the second time is 200 and leaves its time of change', async () => {
    const { accessToken, tokenId } = await latchkey.given.token();
    done(await revoke(accessToken));
    const before = await shown(tokenId);
    latchkey.clock.advance(60);
    done(await revoke(accessToken));
    expect(await shown(tokenId)).toEqual(before);
  });
});

describe('where a token may be used from', () => {
  it('follows the present list at once, for tokens that were issued under another', async () => {
    const { api, accessToken, identityId } = await latchkey.given.token();
    const renewed = latchkey.as(done(await renew(accessToken)).accessToken as string);
    await setPolicy(identityId, ELSEWHERE);
    for (const each of [api, renewed]) expect(await use(each)).toEqual(refused(403, 'ForbiddenError', WRONG_ADDRESS));
    await setPolicy(identityId, ANYWHERE);
    for (const each of [api, renewed]) expect((await use(each)).status).toBe(200);
  });

  it.each([
    [['127.0.0.1'], 200],
    [['127.0.0.1/32'], 200],
    [['127.9.9.9/8'], 200],
    [['0.0.0.0/0'], 200],
    [['::ffff:127.0.0.1'], 200],
    [['::ffff:127.0.0.0/104'], 200],
    [['203.0.113.0/24', '2001:db8::/32', '127.0.0.1'], 200],
    [['127.0.0.2'], 403],
    [['127.0.0.2/31'], 403],
    [['128.0.0.0/1'], 403],
    [['::1'], 403],
    [['::/0'], 403],
    [['::127.0.0.1'], 403],
  ])('%j answers 127.0.0.1 with %i', async (addresses, status) => {
    const accessTokenTrustedIps = addresses.map((ipAddress) => ({ ipAddress }));
    const { api, accessToken } = await latchkey.given.token({ policy: { accessTokenTrustedIps } });
    expect((await use(api)).status).toBe(status);
    expect((await renew(accessToken)).status).toBe(status);
  });

  const HEADERS = [
    'x-forwarded-for',
    'cf-connecting-ip',
    'cf-pseudo-ipv4',
    'x-client-ip',
    'x-envoy-external-address',
    'fastly-client-ip',
    'true-client-ip',
    'x-real-ip',
    'x-cluster-client-ip',
    'x-cluser-client-ip',
    'forwarded-for',
    'x-forwarded',
    'x-appengine-user-ip',
  ];
  const claiming = (address: string) => ({
    ...Object.fromEntries(HEADERS.map((name) => [name, address])),
    forwarded: `for=${address}`,
  });

  it('is told by the socket alone when no proxy is trusted, whatever the headers claim', async () => {
    const outside = await latchkey.given.token({ policy: ELSEWHERE });
    const inside = await latchkey.given.token({
      policy: { accessTokenTrustedIps: [{ ipAddress: '127.0.0.1' }] },
    });
    for (const address of ['203.0.113.9', '198.51.100.1', 'nonsense', '']) {
      expect((await use(outside.api, claiming(address))).status).toBe(403);
      expect((await renew(outside.accessToken, claiming(address))).status).toBe(403);
      expect((await use(inside.api, claiming(address))).status).toBe(200);
    }
  });

  describe('behind trusted proxies', () => {
    let proxied: TestLatchkey;
    beforeAll(async () => {
      const trustedProxies = ['127.0.0.1', '10.0.0.0/8', '2001:db8:aaaa::/48'];
      proxied = await startLatchkey({ authSecret: latchkey.authSecret, trustedProxies }, { isBootstrapped: false });
    });
    afterAll(() => proxied.stop());

    it.each([
      ['203.0.113.9', 200],
      [' 203.0.113.9 ', 200],
      ['::ffff:203.0.113.9', 200],
      ['203.0.113.9, 10.1.2.3', 200],
      ['203.0.113.9,10.1.2.3,127.0.0.1', 200],
      ['203.0.113.9, 2001:db8:aaaa::1, 10.1.2.3', 200],
      ['198.51.100.1, 203.0.113.9', 200],
      ['nonsense, 203.0.113.9, 10.1.2.3', 200],
      ['198.51.100.1', 403],
      ['203.0.113.9, 198.51.100.1', 403],
      ['203.0.113.9, 198.51.100.1, 10.1.2.3', 403],
      ['203.0.113.9, 10.1.2.3, 198.51.100.1, 10.1.2.4', 403],
      ['203.0.113.9, nonsense', 403],
      ['203.0.113.9, nonsense, 10.1.2.3', 403],
      ['203.0.113.9:443', 200],
      ['"203.0.113.9"', 200],
      ['203.0.113.9, [2001:db8:aaaa::1]:443', 200],
      ['203.0.113.9:443:80', 403],
      ['203.0.113.009', 403],
      ['203.0.113.9;10.1.2.3', 403],
      ['203.0.113.9%eth0', 403],
      ['unknown', 403],
      ['2001:db8:bbbb::1', 403],
      ['10.1.2.3', 403],
      ['', 403],
      [undefined, 403],
    ])('X-Forwarded-For %j is walked from the right: %i', async (header, status) => {
      const { accessToken } = await latchkey.given.token({ policy: ELSEWHERE });
      const headers: Record<string, string> = header === undefined ? {} : { 'x-forwarded-for': header };
      expect((await use(proxied.as(accessToken), headers)).status).toBe(status);
      expect((await proxied.anonymous.post(RENEW, { accessToken }, headers)).status).toBe(status);
    });

    it.each(['nonsense', '203.0.113.9:', '[2001:db8::1', 'unknown', '_hidden', '203.0.113.9, -'])(
      'an address that cannot be read, %j, is trusted by no list, not even by one of everything',
      async (header) => {
        const { accessToken } = await latchkey.given.token();
        expect(await use(proxied.as(accessToken), { 'x-forwarded-for': header })).toEqual(
          refused(403, 'ForbiddenError', WRONG_ADDRESS),
        );
      },
    );

    it('no other header is believed', async () => {
      const { accessToken } = await latchkey.given.token({ policy: ELSEWHERE });
      const headers = { ...claiming('203.0.113.9'), 'x-forwarded-for': '198.51.100.1' };
      expect((await use(proxied.as(accessToken), headers)).status).toBe(403);
    });

    it('a request without the header came from the proxy itself', async () => {
      const { accessToken } = await latchkey.given.token({
        policy: { accessTokenTrustedIps: [{ ipAddress: '127.0.0.1' }] },
      });
      expect((await use(proxied.as(accessToken))).status).toBe(200);
    });
  });
});

describe('a limited token', () => {
  const limited = (uses: number) => latchkey.given.token({ policy: { accessTokenNumUsesLimit: uses } });
  const USED_UP = 'Failed to authorize: token usage limit reached';

  it('passes as often as it may, counts exactly, and is refused from then on', async () => {
    const { api, tokenId } = await limited(3);
    for (let uses = 1; uses <= 3; uses++) {
      expect((await use(api)).status).toBe(200);
      expect(await shown(tokenId)).toMatchObject({ accessTokenNumUses: uses, accessTokenLastUsedAt: TIME });
    }
    const last = await shown(tokenId);
    expectUnauthorized(await use(api), 'UnauthorizedError', USED_UP);
    expect(await shown(tokenId)).toEqual(last);
  });

  it.each([
    [10, 40],
    [40, 200],
    [1, 40],
  ])('of %i uses passes exactly so many of %i requests at once', async (limit, requests) => {
    const { api, tokenId } = await limited(limit);
    const answers = await atOnce(requests, () => use(api));
    expect(statusesOf(answers)).toEqual({ 200: limit, 401: requests - limit });
    const refusal = refused(401, 'UnauthorizedError', USED_UP);
    for (const answer of answers) if (answer?.status === 401) expect(answer).toEqual(refusal);
    expect((await shown(tokenId)).accessTokenNumUses).toBe(limit);
  });

  it('is limited over all nodes together', async () => {
    const node = await startNode();
    const { accessToken, tokenId } = await limited(50);
    const apis = [latchkey.as(accessToken), node.as(accessToken)];
    const answers = await atOnce(200, (n) => use(apis[n % 2]!));
    expect(statusesOf(answers)).toEqual({ 200: 50, 401: 150 });
    expect((await shown(tokenId)).accessTokenNumUses).toBe(50);
  });

  it('is limited over the whole chain of its JWTs', async () => {
    const { accessToken, api, tokenId } = await limited(10);
    latchkey.clock.advance(60);
    const renewed = latchkey.as(done(await renew(accessToken)).accessToken as string);
    const answers = await atOnce(40, (n) => use(n % 2 ? api : renewed));
    expect(statusesOf(answers)).toEqual({ 200: 10, 401: 30 });
    expect((await shown(tokenId)).accessTokenNumUses).toBe(10);
  });

  it('spends nothing on requests from the wrong address, on renewals, or on refusals of any kind', async () => {
    const { api, accessToken, identityId, tokenId } = await limited(2);
    await setPolicy(identityId, ELSEWHERE);
    for (let n = 0; n < 5; n++) expect((await use(api)).status).toBe(403);
    await setPolicy(identityId, ANYWHERE);
    await setMembership(identityId, false);
    for (let n = 0; n < 5; n++) expect((await use(api)).status).toBe(401);
    await setMembership(identityId, true);
    for (let n = 0; n < 5; n++) done(await renew(accessToken));
    expect(await shown(tokenId)).toMatchObject({ accessTokenNumUses: 0, accessTokenLastUsedAt: null });
    expect([(await use(api)).status, (await use(api)).status, (await use(api)).status]).toEqual([200, 200, 401]);
  });

  it('spends a use on a request that its holder has no right to: the token was good', async () => {
    const { api, identityId, tokenId } = await limited(1);
    expect((await api.get(`${IDENTITIES}/${identityId}`)).status).toBe(403);
    expect((await shown(tokenId)).accessTokenNumUses).toBe(1);
  });

  it('keeps the limit it was issued with when the method gets another', async () => {
    const { api, identityId } = await limited(2);
    await setPolicy(identityId, { accessTokenNumUsesLimit: 1 });
    expect([(await use(api)).status, (await use(api)).status, (await use(api)).status]).toEqual([200, 200, 401]);
    await setPolicy(identityId, { accessTokenNumUsesLimit: 0 });
    expect((await use(api)).status).toBe(401);
  });
});

describe('a token without a use limit', () => {
  const usesOf = async (tokenId: string) => (await shown(tokenId)).accessTokenNumUses;

  it('has its uses counted exactly, and the last one noted, soon after', async () => {
    const node = await startNode({ usageFlushIntervalMs: 10 });
    const { accessToken, tokenId } = await latchkey.given.token();
    const { updatedAt } = (await shown(tokenId)) as ShownToken & { updatedAt: string };
    const before = node.clock.now().getTime();
    expect(statusesOf(await atOnce(40, () => use(node.as(accessToken))))).toEqual({ 200: 40 });
    await eventually(() => usesOf(tokenId), 40);
    const { accessTokenLastUsedAt, ...token } = await shown(tokenId);
    const usedAt = Date.parse(accessTokenLastUsedAt!);
    expect(usedAt).toBeGreaterThanOrEqual(before);
    expect(usedAt).toBeLessThanOrEqual(node.clock.now().getTime());
    // Using it is no change of the token.
    expect(token).toMatchObject({ updatedAt });
  });

  it('has its uses written once in an interval, though it is used without a pause', async () => {
    const node = await startNode({ usageFlushIntervalMs: 400 });
    const api = node.as((await latchkey.given.token()).accessToken);
    const batches = async () => {
      const [row] = await latchkey.dataSource.query<[{ written: number }]>(
        'SELECT count(*)::integer AS written FROM latchkey.use_batches',
      );
      return row.written;
    };
    const before = await batches();
    const startedAt = performance.now();
    while (performance.now() - startedAt < 2_000) await atOnce(10, () => use(api));
    const intervals = (performance.now() - startedAt) / 400;
    // The other node may have had something to write, too.
    expect((await batches()) - before).toBeLessThanOrEqual(intervals + 2);
  });

  it('loses no use when the server stops, however long it waits between writes', async () => {
    const node = await startNode({ usageFlushIntervalMs: 60_000 });
    const [a, b] = [await latchkey.given.token(), await latchkey.given.token()];
    const answers = await atOnce(200, (n) => use(node.as(n % 4 ? a.accessToken : b.accessToken)));
    expect(statusesOf(answers)).toEqual({ 200: 200 });
    await node.app.close();
    nodes.splice(nodes.indexOf(node), 1);
    expect([await usesOf(a.tokenId), await usesOf(b.tokenId)]).toEqual([150, 50]);
  });

  it('loses no use that was still being answered when the server stopped', async () => {
    const node = await startNode({ usageFlushIntervalMs: 60_000 });
    const { accessToken, tokenId } = await latchkey.given.token();
    const api = node.as(accessToken);
    done(await use(api));
    const racing = atOnce(100, () => use(api));
    nodes.splice(nodes.indexOf(node), 1);
    await node.app.close();
    const answeredOk = statusesOf(await racing)[200] ?? 0;
    expect(await usesOf(tokenId)).toBeGreaterThanOrEqual(answeredOk + 1);
  });

  it('sums the uses of all nodes', async () => {
    const fast = { usageFlushIntervalMs: 10 };
    const [one, two] = [await startNode(fast), await startNode(fast)];
    const { accessToken, tokenId } = await latchkey.given.token();
    const apis = [one.as(accessToken), two.as(accessToken)];
    expect(statusesOf(await atOnce(80, (n) => use(apis[n % 2]!)))).toEqual({ 200: 80 });
    await eventually(() => usesOf(tokenId), 80);
  });

  it('notes no use for requests that were refused', async () => {
    const node = await startNode({ usageFlushIntervalMs: 10 });
    const { accessToken, tokenId, identityId } = await latchkey.given.token();
    await setPolicy(identityId, ELSEWHERE);
    for (let n = 0; n < 5; n++) expect((await use(node.as(accessToken))).status).toBe(403);
    await setPolicy(identityId, ANYWHERE);
    // Another node learns of it a moment later.
    await eventually(async () => (await use(node.as(accessToken))).status, 200);
    await eventually(() => usesOf(tokenId), 1);
  });

  it('is no hindrance to the others when it was deleted before its uses were written', async () => {
    const node = await startNode({ usageFlushIntervalMs: 60_000 });
    const [gone, kept] = [await latchkey.given.token(), await latchkey.given.token()];
    for (const { accessToken } of [gone, kept, kept]) done(await use(node.as(accessToken)));
    done(await latchkey.admin.delete(`/api/v1/identities/${gone.identityId}`));
    await node.app.close();
    nodes.splice(nodes.indexOf(node), 1);
    expect(await usesOf(kept.tokenId)).toBe(2);
  });

  it('has its uses written though the row of another is held for as long as anybody likes', async () => {
    const node = await startNode({ usageFlushIntervalMs: 200 });
    const [held, free] = [await latchkey.given.token(), await latchkey.given.token()];
    await latchkey.dataSource.transaction(async (tx) => {
      await tx.query('SELECT 1 FROM latchkey.identity_access_tokens WHERE id = $1 FOR UPDATE', [held.tokenId]);
      const answers = await Promise.all([held, free].map(({ accessToken }) => use(node.as(accessToken))));
      expect(statusesOf(answers)).toEqual({ 200: 2 });
      await eventually(() => usesOf(free.tokenId), 1);
      expect(await usesOf(held.tokenId)).toBe(0);
    });
    await eventually(() => usesOf(held.tokenId), 1);
  });

  it('loses none but those of a row that is held when the server stops meanwhile', async () => {
    const node = await startNode({ usageFlushIntervalMs: 60_000 });
    const held = await latchkey.given.token();
    const free: GivenToken[] = [];
    while (free.length < 30) free.push(await latchkey.given.tokenFor(held.identityId));
    for (const { accessToken } of [held, ...free]) done(await use(node.as(accessToken)));
    await latchkey.dataSource.transaction(async (tx) => {
      await tx.query('SELECT 1 FROM latchkey.identity_access_tokens WHERE id = $1 FOR UPDATE', [held.tokenId]);
      await node.app.close();
    });
    nodes.splice(nodes.indexOf(node), 1);
    const counted = await Promise.all(free.map(({ tokenId }) => usesOf(tokenId)));
    expect(counted).toEqual(free.map(() => 1));
    expect(node.logs.filter((line) => line.includes('"uses.lost"'))).toEqual([expect.stringContaining('"tokens":1')]);
  });

  it('loses none when another holds its row for a moment while the server stops', async () => {
    const node = await startNode({ usageFlushIntervalMs: 60_000 });
    const { accessToken, tokenId } = await latchkey.given.token();
    done(await use(node.as(accessToken)));
    let closing: Promise<void> | undefined;
    await latchkey.dataSource.transaction(async (tx) => {
      await tx.query('SELECT 1 FROM latchkey.identity_access_tokens WHERE id = $1 FOR UPDATE', [tokenId]);
      closing = node.app.close();
      await eventually(async () => {
        const [row] = await latchkey.dataSource.query<[{ tried: number }]>(
          'SELECT count(*)::integer AS tried FROM latchkey.use_batches WHERE $1 = ANY (left_out)',
          [tokenId],
        );
        return row.tried > 1;
      }, true);
    });
    await closing;
    nodes.splice(nodes.indexOf(node), 1);
    expect(await usesOf(tokenId)).toBe(1);
  });

  it('does not ask a database that cannot write again for every use', async () => {
    const proxy = await startTcpProxy(process.env.LATCHKEY_TEST_DATABASE!);
    const node = await startNode({ usageFlushIntervalMs: 60_000, database: { url: proxy.url } });
    const counter = node.app.get(UsageCounter);
    const ids = Array.from({ length: 5_000 }, () => randomUUID());
    const noteAll = () => ids.forEach((id) => counter.note(id, node.clock.epochMs()));
    await latchkey.dataSource.transaction(async (tx) => {
      await tx.query('LOCK TABLE latchkey.use_batches');
      noteAll();
      await counter.flush();
      const before = proxy.count('use_batches');
      for (let n = 0; n < 4; n++) noteAll();
      await counter.flush();
      expect(proxy.count('use_batches') - before).toBeLessThanOrEqual(2);
    });
    await proxy.stop();
  });

  it('is counted no more, and that is said, when too many wait for a database that does not write', async () => {
    const node = await startNode({ usageFlushIntervalMs: 200 });
    const counter = node.app.get(UsageCounter);
    const logged = (event: string) => node.logs.filter((line) => line.includes(`"${event}"`));
    await latchkey.dataSource.transaction(async (tx) => {
      await tx.query('LOCK TABLE latchkey.use_batches');
      for (let n = 0; n < MAX_WAITING + 25; n++) counter.note(randomUUID(), node.clock.epochMs());
    });
    expect(logged('uses.not_counted')).toHaveLength(1);
    await eventually(() => Promise.resolve(logged('uses.lost').length), 1);
    expect(logged('uses.lost')).toEqual([expect.stringContaining('"uses":25')]);
  });
});

describe('the ceiling', () => {
  const issue = async (node: TestLatchkey, identityId: string) =>
    done(await node.as(latchkey.admin.token!).post(`${IDENTITIES}/${identityId}/tokens`, {}));

  it('caps what is signed, at issue and on every renewal, and not what is configured', async () => {
    const node = await startNode({ maxTokenAgeSeconds: 600 });
    const identityId = await latchkey.given.identity();
    await latchkey.given.tokenAuth(identityId, { accessTokenTTL: 0, accessTokenMaxTTL: 3600 });
    const { accessToken, expiresIn, accessTokenMaxTTL, tokenData } = await issue(node, identityId);
    expect({ expiresIn, accessTokenMaxTTL, tokenTTL: tokenData.accessTokenTTL as number }).toEqual({
      expiresIn: 600,
      accessTokenMaxTTL: 3600,
      tokenTTL: 600,
    });
    expect(decode(accessToken as string)).toMatchObject({ accessTokenTTL: 0, accessTokenMaxTTL: 3600 });
    node.clock.advance(300);
    expect(done(await node.anonymous.post(RENEW, { accessToken }))).toMatchObject({ expiresIn: 600 });
  });

  it('of 0 is none: a token without limits carries no exp, and never runs out', async () => {
    const node = await startNode({ maxTokenAgeSeconds: 0 });
    const identityId = await latchkey.given.identity();
    await latchkey.given.tokenAuth(identityId, { accessTokenTTL: 0, accessTokenMaxTTL: 0 });
    const { accessToken, expiresIn, accessTokenMaxTTL, tokenData } = await issue(node, identityId);
    expect(decode(accessToken as string)).not.toHaveProperty('exp');
    expect({ expiresIn, accessTokenMaxTTL, tokenTTL: tokenData.accessTokenTTL as number }).toEqual({
      expiresIn: 1_000_000_000,
      accessTokenMaxTTL: 0,
      tokenTTL: 0,
    });
    node.clock.advance(20 * 365 * 86400);
    expect((await use(node.as(accessToken as string))).status).toBe(200);
    const renewed = done(await node.anonymous.post(RENEW, { accessToken }));
    expect(renewed).toEqual({
      accessToken: expect.any(String),
      expiresIn: 1_000_000_000,
      accessTokenMaxTTL: 1_000_000_000,
      tokenType: 'Bearer',
    });
    expect(decode(renewed.accessToken as string)).not.toHaveProperty('exp');
    done(await node.anonymous.post(REVOKE, { accessToken }));
    expect((await use(node.as(renewed.accessToken as string))).status).toBe(401);
  });

  it('of 0 leaves a TTL and a max TTL in force', async () => {
    const node = await startNode({ maxTokenAgeSeconds: 0 });
    const identityId = await latchkey.given.identity();
    await latchkey.given.tokenAuth(identityId, { accessTokenTTL: 315360000, accessTokenMaxTTL: 0 });
    expect(await issue(node, identityId)).toMatchObject({ expiresIn: 315360000, accessTokenMaxTTL: 0 });
  });

  it('is reported by the status', async () => {
    const node = await startNode({ maxTokenAgeSeconds: 600 });
    expect(done(await node.anonymous.get('/api/status'))).toMatchObject({ maxIdentityAccessTokenTTL: 600 });
  });
});

describe('a verification', () => {
  const DEVICE = '127.0.0.1';
  const requestWith = (accessToken: string) => ({
    headers: { authorization: `Bearer ${accessToken}` },
    socket: { remoteAddress: DEVICE },
  });

  it('is its own: who changes what it says changes nothing for the next one', async () => {
    const { accessToken } = await latchkey.given.token();
    const verifier = latchkey.app.get(AccessTokenVerifier);
    const verified = await verifier.verify(accessToken, DEVICE);
    verified.expiresAt!.setFullYear(2000);
    expect((await verifier.verify(accessToken, DEVICE)).expiresAt!.getTime()).toBeGreaterThan(Date.now());
  });

  it('on a request that stays open is given anew once the bound is over, and the request is one use', async () => {
    const node = await startNode({ revocationBoundMs: 100 });
    const verifier = node.app.get(AccessTokenVerifier);
    const { accessToken, tokenId } = await latchkey.given.token({ policy: { accessTokenNumUsesLimit: 1 } });
    const request = requestWith(accessToken);
    await verifier.verifyRequest(request);
    const until = performance.now() + 250;
    while (performance.now() < until) {
      await verifier.verifyRequest(request);
      await new Promise(setImmediate);
    }
    expect((await shown(tokenId)).accessTokenNumUses).toBe(1);
    done(await latchkey.admin.post(`${TOKENS}/${tokenId}/revoke`));
    const outcome = async () =>
      verifier.verifyRequest(request).then(
        () => 'good',
        (error: Error) => error.message,
      );
    await eventually(outcome, 'Failed to authorize: token has been revoked');
  });

  it('is given by the clock of the database, though the machine has slept and its clock was put right only now', async () => {
    const url = process.env.LATCHKEY_TEST_DATABASE!;
    const node = await startNode({ revocationBoundMs: 60_000, database: { url, pushUrl: false } });
    const identityId = await latchkey.given.identity();
    await latchkey.given.tokenAuth(identityId, { accessTokenTTL: 3_600 });
    const asleepMs = 600_000;
    const admin = node.as(latchkey.admin.token!);
    const issued = done(await admin.post(`${IDENTITIES}/${identityId}/tokens`, {}));
    await setPolicy(identityId, { accessTokenTTL: 60 });
    // The monotonic clock, by which the node goes between two words of the database, stands still while a machine sleeps.
    const clock = node.clock as unknown as { offsetMs: number; floorOffsetMs: number };
    clock.offsetMs -= asleepMs;
    clock.floorOffsetMs -= asleepMs;
    // It runs out while the token, which is the row, does not.
    const { accessToken } = done(await node.anonymous.post(RENEW, { accessToken: issued.accessToken as string }));
    const awake = Date.now.bind(Date);
    const spy = jest.spyOn(Date, 'now').mockImplementation(() => awake() + asleepMs);
    try {
      expectUnauthorized(await use(node.as(accessToken as string)), 'TokenError', EXPIRED);
    } finally {
      spy.mockRestore();
    }
  });

  it('is not remembered when what it rests on would take more memory than there is', async () => {
    const proxy = await startTcpProxy(process.env.LATCHKEY_TEST_DATABASE!);
    const node = await startNode({ cacheEntries: 20, revocationBoundMs: 60_000, database: { url: proxy.url } });
    const [light, heavy] = [await latchkey.given.token(), await latchkey.given.token()];
    await latchkey.change(
      `INSERT INTO latchkey.identity_metadata (identity_id, key, value, position)
       SELECT $1, 'label' || n, repeat('x', 500), n FROM generate_series(1, 40) AS n`,
      [heavy.identityId],
    );
    for (let n = 0; n < 2; n++) for (const { accessToken } of [light, heavy]) done(await use(node.as(accessToken)));
    await proxy.cut();
    expect((await use(node.as(light.accessToken))).status).toBe(200);
    expect((await use(node.as(heavy.accessToken))).status).toBe(503);
    await proxy.stop();
  });

  it('that lost against another transaction is asked for again', async () => {
    const [{ name }] = await latchkey.dataSource.query<[{ name: string }]>('SELECT current_database() AS name');
    await latchkey.dataSource.query(`ALTER DATABASE ${name} SET default_transaction_isolation = 'repeatable read'`);
    try {
      const node = await startNode();
      const { accessToken, tokenId } = await latchkey.given.token({ policy: { accessTokenNumUsesLimit: 9 } });
      done(await use(node.as(accessToken)));
      let answer: Promise<Answer> | undefined;
      await latchkey.dataSource.transaction(async (tx) => {
        await tx.query('UPDATE latchkey.identity_access_tokens SET num_uses = num_uses + 1 WHERE id = $1', [tokenId]);
        answer = use(node.as(accessToken));
        await eventually(async () => {
          const [row] = await latchkey.dataSource.query<[{ waiting: number }]>(
            `SELECT count(*)::integer AS waiting FROM pg_stat_activity
              WHERE datname = current_database() AND wait_event_type = 'Lock'`,
          );
          return row.waiting > 0;
        }, true);
      });
      expect((await answer)!.status).toBe(200);
    } finally {
      await latchkey.dataSource.query(`ALTER DATABASE ${name} RESET default_transaction_isolation`);
    }
  });
});
