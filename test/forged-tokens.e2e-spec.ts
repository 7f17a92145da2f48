import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { AccessTokenVerifier } from '../src/access-tokens/verification/access-token.verifier';
import { LatchkeyError } from '../src/common/errors/latchkey.error';
import { invalid, refused } from './support/api-client';
import { EXPIRED, FORGERIES, known, type Known, MALFORMED, SIGNATURE, signed, WRONG_TYPE } from './support/forgeries';
import { done, type GivenToken } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { type RawAnswer, requestText, sendRaw } from './support/raw-http';
import { snapshot } from './support/snapshot';

const DETAILS = '/api/v1/identities/details';
const RENEW = '/api/v1/auth/token/renew';
const REVOKE = '/api/v1/auth/token/revoke';
const INVALID_TOKEN = 'Bearer error="invalid_token"';

let latchkey: TestLatchkey;

beforeAll(async () => {
  latchkey = await startLatchkey();
});
afterAll(() => latchkey.stop());

describe('a forged token', () => {
  let verifier: AccessTokenVerifier;
  let given: GivenToken;
  let genuine: Known;

  beforeAll(async () => {
    verifier = latchkey.app.get(AccessTokenVerifier);
    given = await latchkey.given.token({ role: 'admin' });
    genuine = known(given, latchkey.authSecret);
  });

  /** What became of a token where hosts ask for it: sockets, queues, the guard itself. */
  const verify = async (token: string): Promise<'accepted' | number> => {
    try {
      await verifier.verify(token, '127.0.0.1');
      return 'accepted';
    } catch (error) {
      if (error instanceof LatchkeyError) return error.getStatus();
      throw error;
    }
  };

  it('differs from the genuine one, which is good and made as this suite makes them', async () => {
    expect(signed(genuine)).toBe(given.accessToken);
    expect((await given.api.get(DETAILS)).status).toBe(200);
    const forged = FORGERIES.map(([, , forge]) => forge(genuine));
    expect(forged).not.toContain(given.accessToken);
    expect(forged.length).toBeGreaterThan(280);
  });

  it.each(FORGERIES)('is no credential: %s', async (_, message, forge) => {
    const token = forge(genuine);
    const answer = await latchkey.anonymous.get(DETAILS, { authorization: `Bearer ${token}` });
    expect(answer).toEqual(refused(401, 'TokenError', message === WRONG_TYPE ? MALFORMED : message));
    expect(answer.headers.get('www-authenticate')).toBe(INVALID_TOKEN);
    expect(await verify(token)).toBe(401);
  });

  it('is no proof either: it renews nothing and revokes nothing', async () => {
    const before = await snapshot(latchkey.dataSource);
    for (const [what, message, forge] of FORGERIES) {
      const accessToken = forge(genuine);
      // Longer than any token there is: the field itself is refused.
      const tooLong = invalid(['too_big', ['accessToken'], 'String must contain at most 4096 character(s)']);
      const wrongType = refused(400, 'BadRequest', WRONG_TYPE);
      const refusal = message === WRONG_TYPE ? wrongType : refused(401, 'TokenError', message);
      for (const path of [RENEW, REVOKE]) {
        const answer = await latchkey.anonymous.post(path, { accessToken });
        expect({ what, ...answer }).toEqual({ what, ...(accessToken.length > 4_096 ? tooLong : refusal) });
      }
    }
    expect(await snapshot(latchkey.dataSource)).toEqual(before);
    expect((await given.api.get(DETAILS)).status).toBe(200);
  });

  it('is whatever differs from a genuine one in a single bit', async () => {
    const accepted: string[] = [];
    for (const [part, text] of genuine.parts.entries()) {
      const bytes = Buffer.from(text, 'base64url');
      for (let bit = 0; bit < bytes.length * 8; bit += 1) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        const token = genuine.parts.with(part, flipped.toString('base64url')).join('.');
        if ((await verify(token)) !== 401) accepted.push(`part ${part}, bit ${bit}`);
      }
    }
    expect(accepted).toEqual([]);
  });

  it('is whatever differs from a genuine one in a single letter, unused bits included', async () => {
    const { token } = genuine;
    const accepted: string[] = [];
    for (let at = 0; at < token.length; at += 1) {
      for (const letter of [
        'A',
        'B',
        '_',
        '-',
        '+',
        '/',
        '=',
        '.',
        ' ',
        '\0',
        'é',
        String.fromCharCode(token.charCodeAt(at) ^ 1),
      ]) {
        if (letter === token[at]) continue;
        const other = `${token.slice(0, at)}${letter}${token.slice(at + 1)}`;
        if ((await verify(other)) !== 401) accepted.push(`${letter} at ${at}`);
      }
    }
    expect(accepted).toEqual([]);
  });

  it('is whatever a genuine one is cut, doubled, shuffled and mixed into', async () => {
    const other = known(await latchkey.given.token(), latchkey.authSecret);
    const { token } = genuine;
    const at = fc.nat(token.length);
    const text = fc.string({ unit: 'binary', maxLength: 12 });
    const mutation = fc.oneof(
      fc.tuple(at, at).map(([from, to]) => token.slice(0, from) + token.slice(to)),
      fc.tuple(at, at, at).map(([from, to, into]) => token.slice(0, into) + token.slice(from, to) + token.slice(into)),
      fc.tuple(at, text).map(([into, more]) => token.slice(0, into) + more + token.slice(into)),
      fc.tuple(at, fc.nat(other.token.length)).map(([to, from]) => token.slice(0, to) + other.token.slice(from)),
      fc
        .tuple(fc.constantFrom(genuine, other), fc.constantFrom(genuine, other), fc.constantFrom(genuine, other))
        .map((three) => three.map(({ parts }, index) => parts[index]).join('.')),
      fc.tuple(fc.json(), fc.json()).map(([header, claims]) => signed(genuine, { header, claims })),
      fc
        .dictionary(fc.constantFrom('alg', 'typ', 'kid', 'crit', 'jwk', 'b64'), fc.jsonValue())
        .map((change) => signed(genuine, { header: { ...genuine.header, ...change } })),
      fc
        .dictionary(
          fc.constantFrom('jti', 'iat', 'authTokenType', 'identityId', 'identityAccessTokenId'),
          fc.jsonValue(),
          { minKeys: 1 },
        )
        .map((change) => signed(genuine, { claims: { ...genuine.claims, ...change } })),
      text,
    );
    await fc.assert(
      fc.asyncProperty(mutation, async (forged) => {
        fc.pre(forged !== token && forged !== other.token);
        expect(await verify(forged)).toBe(401);
      }),
      { numRuns: 5_000 },
    );
  });

  it('with the secret but without an expiry, or with a far one, still ends with its row', async () => {
    const short = await latchkey.given.token({ policy: { accessTokenTTL: 60 } });
    const { exp, ...claims } = known(short, '').claims;
    expect(exp).toBeDefined();
    const forged = [claims, { ...claims, exp: 9_999_999_999 }].map((change) => signed(genuine, { claims: change }));
    latchkey.clock.advance(60);
    try {
      for (const token of forged) {
        expect(await latchkey.as(token).get(DETAILS)).toEqual(refused(401, 'TokenError', EXPIRED));
        expect((await latchkey.anonymous.post(RENEW, { accessToken: token })).status).toBe(401);
      }
    } finally {
      latchkey.clock.reset();
    }
  });

  it('with the secret speaks for the identity of its row, whatever it says of itself', async () => {
    const poor = await latchkey.given.token();
    const claims = { ...known(poor, '').claims, identityId: given.identityId, identityName: 'root', role: 'admin' };
    expect(await latchkey.as(signed(genuine, { claims })).get(`/api/v1/identities/${given.identityId}`)).toEqual(
      refused(403, 'PermissionDenied', 'You are not allowed to read on identity', []),
    );
  });
});

describe('a secret', () => {
  it('that is retired verifies nothing any more; one that is kept still does, and signs nothing', async () => {
    const { accessToken } = await latchkey.given.token();
    const authSecret = randomBytes(48).toString('base64');
    const kept = await startLatchkey({ authSecret, previousAuthSecrets: [latchkey.authSecret] });
    const retired = await startLatchkey({ authSecret });
    try {
      expect((await kept.as(accessToken).get(DETAILS)).status).toBe(200);
      expect(await retired.as(accessToken).get(DETAILS)).toEqual(refused(401, 'TokenError', SIGNATURE));
      for (const path of [RENEW, REVOKE]) {
        expect(await retired.anonymous.post(path, { accessToken })).toEqual(refused(401, 'TokenError', SIGNATURE));
      }
      const renewed = done(await kept.anonymous.post(RENEW, { accessToken })).accessToken as string;
      expect(renewed.split('.')[0]).not.toBe(accessToken.split('.')[0]);
      expect((await retired.as(renewed).get(DETAILS)).status).toBe(200);
      expect(await latchkey.as(renewed).get(DETAILS)).toEqual(refused(401, 'TokenError', SIGNATURE));
    } finally {
      await Promise.all([kept, retired].map((one) => one.stop()));
    }
  });
});

describe('an Authorization header', () => {
  let token: string;

  beforeAll(async () => {
    token = (await latchkey.given.token()).accessToken;
  });

  const send = (...values: string[]): Promise<RawAnswer> =>
    sendRaw(
      latchkey.url,
      requestText(
        'GET',
        DETAILS,
        values.map((value) => ['Authorization', value] as const),
      ),
    );

  it.each<[what: string, values: (token: string) => string[]]>([
    ['none', () => []],
    ['empty', () => ['']],
    ['blanks', () => ['   ']],
    ['a tab', () => ['\t']],
    ['Bearer', () => ['Bearer']],
    ['Bearer and a blank', () => ['Bearer ']],
    ['Bearer and many blanks', () => [`Bearer${' '.repeat(1_000)}`]],
    ['Bearer without a blank', (it) => [`Bearer${it}`]],
    ['Bearer and a colon', (it) => [`Bearer: ${it}`]],
    ['Bearer and a tab', (it) => [`Bearer\t${it}`]],
    ['the token alone', (it) => [it]],
    ['a service token alone', () => ['st.63f1a2b3.c4d5e6.f7a8b9']],
    ['Basic', (it) => [`Basic ${Buffer.from(`x:${it}`).toString('base64')}`]],
    ['Basic with the token', (it) => [`Basic ${it}`]],
    ['Digest', () => ['Digest username="root", realm="x", nonce="y", uri="/", response="z"']],
    ['Negotiate', () => ['Negotiate YII=']],
    ['JWT', (it) => [`JWT ${it}`]],
    ['Token', (it) => [`Token ${it}`]],
    ['another scheme first', (it) => [`Basic eDp5, Bearer ${it}`]],
    ['another scheme in a header before', (it) => ['Basic eDp5', `Bearer ${it}`]],
    ['a letter that looks like another', (it) => [`\u00dfearer ${it}`]],
    ['a word in front', (it) => [`x Bearer ${it}`]],
  ])('with no bearer token in it is challenged as if there were none: %s', async (_, values) => {
    const answer = await send(...values(token));
    expect(answer).toEqual(refused(401, 'UnauthorizedError', 'Token missing'));
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  it.each<[what: string, values: (token: string) => string[]]>([
    ['Bearer twice', (it) => [`Bearer Bearer ${it}`]],
    ['a service token', () => ['Bearer st.63f1a2b3.c4d5e6.f7a8b9']],
    ['two tokens, comma-joined', (it) => [`Bearer ${it},${it}`]],
    ['two bearers, comma-joined', (it) => [`Bearer ${it}, Bearer ${it}`]],
    ['two headers alike', (it) => [`Bearer ${it}`, `Bearer ${it}`]],
    ['two headers, the good one first', (it) => [`Bearer ${it}`, 'Bearer x.y.z']],
    ['two headers, the good one last', (it) => ['Bearer x.y.z', `Bearer ${it}`]],
    ['two headers, the other empty', (it) => [`Bearer ${it}`, '']],
    ['two headers, the other of another scheme', (it) => [`Bearer ${it}`, 'Basic eDp5']],
    ['a parameter', (it) => [`Bearer ${it}; charset=utf-8`]],
    ['a parameter in front', (it) => [`Bearer realm="x", ${it}`]],
    ['quotes', (it) => [`Bearer "${it}"`]],
    ['angle brackets', (it) => [`Bearer <${it}>`]],
    ['Latin-1 letters', () => ['Bearer \u00e9\u00e8.\u00fc\u00f6.\u00df']],
    ['Latin-1 letters in the token', (it) => [`Bearer ${it}\u00e9`]],
    ['letters of UTF-8', () => [`Bearer ${Buffer.from('ключ.🔑.鍵').toString('latin1')}`]],
    ['a no-break space behind the token', (it) => [`Bearer x${it}\u00a0`]],
    ['a tab in the token', (it) => [`Bearer ${it.replace('.', '.\t')}`]],
    ['null', () => ['Bearer null']],
    ['undefined', () => ['Bearer undefined']],
    ['[object Object]', () => ['Bearer [object Object]']],
    ['one dot', () => ['Bearer .']],
    ['two dots', () => ['Bearer ..']],
    ['dots only', () => [`Bearer ${'.'.repeat(10_000)}`]],
    ['ten thousand letters', () => [`Bearer ${'a'.repeat(10_000)}`]],
    ['JSON', () => ['Bearer {"alg":"none"}']],
  ])('with something else for a token is 401: %s', async (_, values) => {
    const answer = await send(...values(token));
    expect(answer).toEqual(refused(401, 'TokenError', MALFORMED));
    expect(answer.headers.get('www-authenticate')).toBe(INVALID_TOKEN);
  });

  it.each([
    ['Bearer', (it: string) => `Bearer ${it}`],
    ['bearer in small letters', (it: string) => `bearer ${it}`],
    ['blanks around', (it: string) => `   BEARER    ${it}   `],
  ])('with the token is let in: %s', async (_, value) => {
    expect((await send(value(token))).status).toBe(200);
  });

  it.each([
    ['NUL', '\0'],
    ['a bare line feed', '\n'],
    ['a bare carriage return', '\r'],
    ['DEL', '\x7f'],
    ['an escape', '\x1b[0m'],
  ])('with %s in it is no HTTP', async (_, text) => {
    const { status, body } = await send(`Bearer ${token}${text}x`);
    expect({ status, body }).toEqual({
      status: 400,
      body: refused(
        400,
        'BadRequest',
        'The request is malformed: its body must be valid JSON, its path and headers valid HTTP.',
      ).body,
    });
  });

  it('of a megabyte is too large, and the server goes on', async () => {
    const { status, body } = await send(`Bearer ${'a'.repeat(1024 * 1024)}`);
    expect({ status, body }).toEqual({
      status: 431,
      body: refused(431, 'RequestHeaderFieldsTooLarge', 'The headers of the request are larger than 16 KiB.').body,
    });
    expect((await send(`Bearer ${token}`)).status).toBe(200);
  });
});
