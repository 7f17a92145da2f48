import { createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { HttpsPeer } from '../../../test/support/https-peer';
import { IpNetwork } from '../../common/net/ip-network';
import { OutboundHttp } from '../../common/net/outbound-http';
import type { DocumentSource } from './document.cache';
import { JwksCache } from './jwks.cache';
import { readPublicKey } from './key-set';

const MAX_AGE_MS = 600_000;
const COOLDOWN_MS = 30_000;
const http = new OutboundHttp({ allow: [IpNetwork.parse('127.0.0.0/8')!], timeoutMs: 60_000 });

const jwk = (more: object = {}, curve = 'P-256'): JsonWebKey & object => ({
  ...generateKeyPairSync('ec', { namedCurve: curve }).publicKey.export({ format: 'jwk' }),
  ...more,
});
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).publicKey;

let peer: HttpsPeer;
let now: number;
let cache: JwksCache;
let source: DocumentSource;

beforeEach(async () => {
  peer = await HttpsPeer.start();
  peer.answerJson({ keys: [jwk({ kid: 'a' }), jwk({ kid: 'b' })] });
  now = 1_000_000;
  cache = new JwksCache(http, { maxAgeMs: MAX_AGE_MS, cooldownMs: COOLDOWN_MS }, () => now);
  source = { url: `${peer.url}/jwks`, ca: peer.authority.cert, party: 'any' };
});
afterEach(() => peer.stop());

const kids = async (kid?: string) => (await cache.keysFor(source, kid)).map((key) => key.kid);
const unavailable = (reason: string) => expect.objectContaining({ name: 'DocumentUnavailableError', reason }) as Error;
/** Until so many requests have come. */
const asked = async (requests: number) => {
  while (peer.asked.length < requests) await new Promise(setImmediate);
};
const down = () => peer.answerJson({ error: 'sorry' }, {}, 500);
/** Until what goes on in the background has come to its end. */
const settled = async (fetches: number) => {
  await asked(fetches);
  for (let i = 0; i < 200; i += 1) await new Promise(setImmediate);
  await kids('a').catch(() => undefined);
};

describe('a key set', () => {
  it('answers the keys of an id, or all of them', async () => {
    expect(await kids('b')).toEqual(['b']);
    expect(await kids()).toEqual(['a', 'b']);
    expect(peer.asked).toEqual(['GET /jwks']);
  });

  it('is fetched once for five hundred logins at the same moment', async () => {
    const found = await Promise.all(Array.from({ length: 500 }, () => kids('a')));
    expect(found).toEqual(Array.from({ length: 500 }, () => ['a']));
    expect(peer.asked).toHaveLength(1);
  });

  it('is fetched once for five hundred logins that it fails', async () => {
    down();
    const outcomes = await Promise.allSettled(Array.from({ length: 500 }, () => kids('a')));
    expect(outcomes.every((outcome) => outcome.status === 'rejected')).toBe(true);
    expect(peer.asked).toHaveLength(1);
  });

  it('is one for each authority: what one trusts is not handed to another', async () => {
    await kids('a');
    const stranger = { url: source.url, ca: undefined, party: 'any' };
    await expect(cache.keysFor(stranger, 'a')).rejects.toEqual(unavailable('certificate_refused'));
  });
});

describe('an unknown key', () => {
  it('has the set fetched again, once in a cooldown, however many ask for however many', async () => {
    await kids('a');
    now += COOLDOWN_MS;
    peer.answerJson({ keys: [jwk({ kid: 'c' })] });
    expect(await kids('c')).toEqual(['c']);
    expect(peer.asked).toHaveLength(2);
    await Promise.all(Array.from({ length: 200 }, (_, n) => kids(`spray ${n}`)));
    now += COOLDOWN_MS - 1;
    expect(await kids('d')).toEqual([]);
    expect(peer.asked).toHaveLength(2);
    now += 1;
    expect(await Promise.all(Array.from({ length: 200 }, (_, n) => kids(`spray ${n}`)))).toEqual(
      Array.from({ length: 200 }, () => []),
    );
    expect(peer.asked).toHaveLength(3);
  });

  it('is not said to be unknown while its issuer cannot be asked: it may be new', async () => {
    await kids('a');
    now += COOLDOWN_MS;
    down();
    await expect(kids('c')).rejects.toEqual(unavailable('status_500'));
    await expect(kids('c')).rejects.toEqual(unavailable('status_500'));
    expect(peer.asked).toHaveLength(2);
    expect(await kids('a')).toEqual(['a']);
  });
});

describe('a key that is removed by its issuer', () => {
  it('works for the age of the set at most', async () => {
    await kids('a');
    peer.answerJson({ keys: [jwk({ kid: 'b' })] });
    now += MAX_AGE_MS;
    expect(await kids('a')).toEqual([]);
  });

  it('works no longer than its issuer says that the set is good', async () => {
    for (const [control, age, good] of [
      ['public, max-age=60', undefined, 60_000],
      ['max-age="120", must-revalidate', '90', 30_000],
      ['s-maxage=5, max-age=70', undefined, 70_000],
      ['max-age=99999999', undefined, MAX_AGE_MS],
      ['no-store', undefined, MAX_AGE_MS],
    ] as const) {
      const headers = { 'cache-control': control, ...(age === undefined ? {} : { age }) };
      peer.answerJson({ keys: [jwk({ kid: 'a' })] }, headers);
      cache = new JwksCache(http, { maxAgeMs: MAX_AGE_MS, cooldownMs: COOLDOWN_MS }, () => now);
      await kids('a');
      peer.answerJson({ keys: [] });
      now += good / 2 - 1;
      expect({ control, kids: await kids('a') }).toEqual({ control, kids: ['a'] });
      now += good / 2 + 1;
      expect({ control, kids: await kids('a') }).toEqual({ control, kids: [] });
    }
  });

  it('works for a cooldown when its issuer says that less is to be kept: no login fetches for itself alone', async () => {
    for (const control of ['max-age=0', 'max-age=29', 'max-age=30']) {
      peer.answerJson({ keys: [jwk({ kid: 'a' })] }, { 'cache-control': control });
      cache = new JwksCache(http, { maxAgeMs: MAX_AGE_MS, cooldownMs: COOLDOWN_MS }, () => now);
      const before = peer.asked.length;
      for (const end = now + COOLDOWN_MS; now < end; now += 5_000) expect(await kids('a')).toEqual(['a']);
      expect({ control, fetches: peer.asked.length - before }).toEqual({ control, fetches: 1 });
      peer.answerJson({ keys: [] });
      expect(await kids('a')).toEqual([]);
    }
  });

  it('is gone once the set has been fetched again in the background', async () => {
    await kids('a');
    peer.answerJson({ keys: [jwk({ kid: 'b' })] });
    now += MAX_AGE_MS / 2;
    expect(await kids('a')).toEqual(['a']);
    await settled(2);
    expect(await kids('a')).toEqual([]);
    expect(peer.asked).toHaveLength(2);
  });
});

describe('an issuer that is down', () => {
  it('is not missed while its keys are kept, and not a moment longer', async () => {
    await kids('a');
    down();
    now += MAX_AGE_MS / 2;
    for (let i = 0; i < 50; i += 1) expect(await kids('a')).toEqual(['a']);
    await settled(2);
    expect(peer.asked).toHaveLength(2);
    now += MAX_AGE_MS / 2 - 1;
    expect(await kids('a')).toEqual(['a']);
    now += 1;
    await expect(kids('a')).rejects.toEqual(unavailable('status_500'));
  });

  it('is asked again after a pause that grows up to the cooldown, and believed at once when it is back', async () => {
    down();
    const askedAt: number[] = [];
    for (const end = now + 130_000; now < end; now += 500) {
      await expect(kids('a')).rejects.toEqual(unavailable('status_500'));
      if (peer.asked.length > askedAt.length) askedAt.push(now);
    }
    const pauses = askedAt.slice(1).map((at, n) => (at - askedAt[n]!) / 1_000);
    expect(pauses).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
    peer.answerJson({ keys: [jwk({ kid: 'a' })] });
    now += COOLDOWN_MS;
    expect(await kids('a')).toEqual(['a']);
    down();
    expect(await kids('a')).toEqual(['a']);
  });

  it('says why, whatever it is that comes instead of keys', async () => {
    const bad: [string, () => void][] = [
      ['status_404', () => peer.answerJson({ keys: [] }, {}, 404)],
      ['redirected', () => peer.answerJson({}, { location: '/else' }, 302)],
      ['not_a_key_set', () => peer.answerJson({})],
      ['not_a_key_set', () => peer.answerJson({ keys: {} })],
      ['not_a_key_set', () => peer.answerJson(null)],
      ['not_a_key_set', () => peer.answerJson({ keys: Array.from({ length: 101 }, () => ({})) })],
      ['not_a_key_set', () => (peer.answer = (_, response) => void response.end('<html>'))],
      ['too_large', () => peer.answerJson({ keys: [], padding: 'x'.repeat(1_048_576) })],
      ['unreachable', () => (peer.answer = (request) => void request.socket.destroy())],
    ];
    for (const [reason, answer] of bad) {
      answer();
      await expect(kids('a')).rejects.toEqual(unavailable(reason));
      now += COOLDOWN_MS;
    }
    await peer.stop();
    await expect(kids('a')).rejects.toEqual(unavailable('unreachable'));
    peer = await HttpsPeer.start();
  });
});

describe('a party that asks too much at once', () => {
  const busy = async (party: string) => {
    const many = Array.from({ length: 300 }, (_, n) =>
      cache.keysFor({ ...source, url: `${source.url}?${n}`, party }, 'a'),
    );
    return Promise.allSettled(many);
  };

  it('is told so, and takes nothing from others: neither slots nor the good name of the issuer', async () => {
    let answer: () => void = () => undefined;
    const open = new Promise<void>((resolve) => (answer = resolve));
    const keys = JSON.stringify({ keys: [jwk({ kid: 'a' })] });
    peer.answer = ({ url }, response) =>
      void (url === '/jwks' ? Promise.resolve() : open).then(() => response.end(keys));
    const flood = busy('greedy');
    const greedy = { ...source, party: 'greedy' };
    await expect(cache.keysFor(greedy, 'a')).rejects.toEqual(unavailable('busy'));
    const [found] = await cache.keysFor({ ...source, party: 'modest' }, 'a');
    expect(found?.kid).toBe('a');
    answer();
    const turnedAway = (await flood).filter(({ status }) => status === 'rejected');
    expect(turnedAway).toHaveLength(300 - 8 - 256);
    // What was busy is not remembered: the same document is fetched as soon as there is room.
    for (const outcome of await busy('modest')) expect(outcome.status).toBe('fulfilled');
  });
});

describe('two parties that fetch a set at the same time', () => {
  const other = (kid: string) => cache.keysFor({ ...source, party: 'other' }, kid);
  const keysOf = (kid: string) => JSON.stringify({ keys: [jwk({ kid })] });
  /** Holds every answer back until it is let go. @returns what lets the oldest of them go */
  const holding = () => {
    const held: ServerResponse[] = [];
    peer.answer = (_, response) => void held.push(response);
    return async (body: string, status = 200) => {
      while (held.length === 0) await new Promise(setImmediate);
      held.shift()!.writeHead(status).end(body);
    };
  };

  // Seen red: the slow answer counted from the start of the quick one, and so worked 20 seconds too long.
  it('keep what each is answered for no longer than from its own question on', async () => {
    const answer = holding();
    const slow = kids('a');
    await asked(1);
    now += 20_000;
    peer.answerJson({ keys: [] }, {}, 500);
    await expect(other('a')).rejects.toEqual(unavailable('status_500'));
    await answer(keysOf('a'));
    expect(await slow).toEqual(['a']);
    peer.answerJson({ keys: [] });
    now += MAX_AGE_MS - 20_000;
    expect(await kids('a')).toEqual([]);
  });

  // Seen red: the removed key worked again.
  it('keep the newer of their answers, whichever comes last', async () => {
    const answer = holding();
    const slow = kids('old');
    await asked(1);
    now += 5_000;
    peer.answerJson({ keys: [jwk({ kid: 'new' })] });
    await other('new');
    await answer(keysOf('old'));
    expect(await slow).toEqual([]);
    expect(await kids('new')).toEqual(['new']);
    // Nor is a failure of before held against the newer answer.
    now += COOLDOWN_MS;
    const failing = kids('unknown').catch((error: unknown) => error);
    const fail = holding();
    await asked(3);
    now += 1;
    peer.answerJson({ keys: [jwk({ kid: 'newest' })] });
    expect(await other('newest')).toHaveLength(1);
    await fail('', 500);
    expect(await failing).toEqual(unavailable('status_500'));
    expect(await kids('newer still')).toEqual([]);
  });

  // Seen red: the party that never got a slot set the time back, and each unknown key id was a fetch.
  it('share a cooldown, though one of them is too busy to fetch', async () => {
    await kids('a');
    now += COOLDOWN_MS;
    holding();
    const greedy = Array.from({ length: 264 }, (_, n) =>
      cache.keysFor({ ...source, url: `${source.url}?${n}`, party: 'greedy' }, 'a').catch(() => undefined),
    );
    await asked(1 + 8);
    peer.answerJson({ keys: [jwk({ kid: 'a' })] });
    const turnedAway = cache.keysFor({ ...source, party: 'greedy' }, 'c').catch((error: unknown) => error);
    expect(await other('c')).toEqual([]);
    expect(await turnedAway).toEqual(unavailable('busy'));
    const before = peer.asked.filter((line) => line === 'GET /jwks').length;
    for (let n = 0; n < 5; n += 1) await other(`spray ${n}`);
    expect(peer.asked.filter((line) => line === 'GET /jwks')).toHaveLength(before);
    await peer.stop();
    await Promise.all(greedy);
    peer = await HttpsPeer.start();
  });
});

describe('the keys of a set', () => {
  const only = async (...keys: unknown[]) => {
    peer.answerJson({ keys });
    return (await cache.keysFor(source, undefined)).map(({ kid, alg, key }) => [kid, alg, key.asymmetricKeyType]);
  };

  it('are those that verify signatures; others, and what cannot be read, leave the rest as it is', async () => {
    const ed = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
    const x = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' });
    const long = rsa(2_048).export({ format: 'jwk' });
    expect(
      await only(
        ...[
          null,
          7,
          'x',
          [],
          {},
          { kty: 'constructor' },
          { kty: ['RSA'] },
          { kty: 'oct', k: 'c2VjcmV0', kid: 'hmac' },
          { kty: 'RSA', n: '!', e: 'AQAB' },
        ],
        ...[{ ...long, use: 'enc' }, { ...long, key_ops: ['encrypt'] }, { ...long, kid: 'x'.repeat(300) }, x],
        ...[rsa(1_024).export({ format: 'jwk' }), jwk({}, 'secp256k1'), { ...jwk(), x: 'AAAA' }],
        ...[{ ...long, use: 'sig', alg: 'RS256', kid: 'r' }, { ...ed, kid: 'e' }, jwk({ kid: 'p' }, 'P-521')],
      ),
    ).toEqual([
      ['r', 'RS256', 'rsa'],
      ['e', undefined, 'ed25519'],
      ['p', undefined, 'ec'],
    ]);
  });

  // Seen red: they were taken, and it took a second to look at the exponent, and minutes at one that fills a document.
  it('have no numbers that no key has, and no other long texts that would only be kept', async () => {
    const { n, e } = rsa(2_048).export({ format: 'jwk' });
    const long = Buffer.alloc(60_000, 0xff).toString('base64url');
    const keys = [
      ...[
        { n, e: long },
        { n: long, e },
        { n, e: 'AQ' },
        { n, e: Buffer.alloc(9, 0xff).toString('base64url') },
      ],
      ...[
        { n: [n], e },
        { n, e: undefined },
        { n, e, alg: `RS256${long}` },
      ],
    ].map((more) => ({ kty: 'RSA', kid: 'x', ...more }));
    const good = { kty: 'RSA', n, e, kid: 'r' };
    expect(await only(...keys, jwk({ crv: 'P-384' }), jwk({ y: long }), good)).toEqual([['r', undefined, 'rsa']]);
  });

  it('are read when they are needed, a few at a time: to read all would hold up others', async () => {
    const keys = Array.from({ length: 100 }, (_, number) => jwk({ kid: number < 50 ? 'a' : String(number) }, 'P-521'));
    expect(await only(...keys)).toHaveLength(11);
    expect(await kids('a')).toHaveLength(11);
    expect(await kids('99')).toEqual(['99']);
    const [one] = await cache.keysFor(source, '99');
    expect((await cache.keysFor(source, '99'))[0]).toBe(one);
  });

  it('may be several of one id', async () => {
    expect(await only(jwk({ kid: 'a' }), jwk({ kid: 'a' }))).toHaveLength(2);
    expect(await kids('a')).toEqual(['a', 'a']);
  });

  it('are bounded, all sets together: the first to go are those that were not asked for again', async () => {
    peer.answerJson({ keys: Array.from({ length: 100 }, () => jwk({ kid: 'a' })) });
    for (let n = 0; n < 120; n += 1) await cache.keysFor({ ...source, url: `${source.url}?${n}` }, 'a');
    expect(peer.asked).toHaveLength(120);
    await cache.keysFor({ ...source, url: `${source.url}?0` }, 'a');
    expect(peer.asked).toHaveLength(121);
    await cache.keysFor({ ...source, url: `${source.url}?119` }, 'a');
    expect(peer.asked).toHaveLength(121);
  });
});

describe('a public key in PEM', () => {
  it('is one that verifies signatures, and nothing that only looks like one', () => {
    const pem = (key: { export(options: object): string | Buffer }) =>
      String(key.export({ type: 'spki', format: 'pem' }));
    const withExponent = (e: Buffer) => {
      const { n } = rsa(2_048).export({ format: 'jwk' });
      return createPublicKey({ key: { kty: 'RSA', n, e: e.toString('base64url') }, format: 'jwk' });
    };
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(readPublicKey(pem(pair.publicKey))?.asymmetricKeyType).toBe('ec');
    expect(readPublicKey(pem(rsa(2_048)))?.asymmetricKeyType).toBe('rsa');
    expect(readPublicKey(pem(generateKeyPairSync('ed25519').publicKey))?.asymmetricKeyType).toBe('ed25519');
    for (const wrong of [
      pem(rsa(1_024)),
      pem(withExponent(Buffer.alloc(5_000, 0xff))),
      pem(withExponent(Buffer.from([1]))),
      pem(pair.publicKey) + pem(rsa(2_048)),
      pem(pair.publicKey) + String(pair.privateKey.export({ type: 'pkcs8', format: 'pem' })),
      `${pem(pair.publicKey)}junk`,
      pem(generateKeyPairSync('x25519').publicKey),
      pem(pair.publicKey).replaceAll('\n', ' ').replace(/[A-Z]/, '!'),
      String(pair.privateKey.export({ type: 'pkcs8', format: 'pem' })),
      peer.authority.cert,
      'secret',
      '',
    ]) {
      expect(readPublicKey(wrong)).toBeUndefined();
    }
  });
});
