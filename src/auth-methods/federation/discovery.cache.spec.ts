import { HttpsPeer } from '../../../test/support/https-peer';
import { IpNetwork } from '../../common/net/ip-network';
import { OutboundHttp } from '../../common/net/outbound-http';
import { DiscoveryCache } from './discovery.cache';

const MAX_AGE_MS = 600_000;
const COOLDOWN_MS = 30_000;
const ISSUER = 'https://issuer.test';
const http = new OutboundHttp({ allow: [IpNetwork.parse('127.0.0.0/8')!], timeoutMs: 20_000 });

let peer: HttpsPeer;
let now: number;
let cache: DiscoveryCache;

beforeEach(async () => {
  peer = await HttpsPeer.start();
  now = 1_000_000;
  cache = new DiscoveryCache(http, { maxAgeMs: MAX_AGE_MS, cooldownMs: COOLDOWN_MS }, () => now);
});
afterEach(() => peer.stop());

const says = (issuer: string, jwks = 'https://issuer.test/jwks') => peer.answerJson({ issuer, jwks_uri: jwks });
const at = (path: string) => ({ url: `${peer.url}${path}`, ca: peer.authority.cert, party: 'any' });
const ask = (path = '') => cache.jwksUriOf(at(path), ISSUER);
const askAgain = () => cache.newestJwksUriOf(at(''), ISSUER);
const unavailable = (reason: string) => expect.objectContaining({ name: 'DocumentUnavailableError', reason }) as Error;

describe('a discovery document', () => {
  it('is kept for the age that keys are kept, and read where the issuer is, with a slash or without', async () => {
    says(ISSUER);
    for (const path of ['/a', '/a/']) expect(await ask(path)).toBe('https://issuer.test/jwks');
    says(ISSUER, 'https://issuer.test/moved');
    now += MAX_AGE_MS / 2 - 1;
    expect(await ask('/a')).toBe('https://issuer.test/jwks');
    now += MAX_AGE_MS / 2 + 1;
    expect(await ask('/a')).toBe('https://issuer.test/moved');
    expect(peer.asked).toEqual(Array(2).fill('GET /a/.well-known/openid-configuration'));
  });

  it('of another issuer is asked for again once in a cooldown, however many ask', async () => {
    says(`${ISSUER}/`);
    for (let round = 1; round < 3; round += 1) {
      const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => ask()));
      expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
      await expect(ask()).rejects.toEqual(unavailable('discovery_issuer_mismatch'));
      expect(peer.asked).toHaveLength(round);
      now += COOLDOWN_MS;
    }
    says(ISSUER);
    expect(await ask()).toBe('https://issuer.test/jwks');
  });

  it.each([null, [], 'x', 7, {}, { issuer: ISSUER, jwks_uri: 7 }, { issuer: [ISSUER], jwks_uri: 'https://x.test' }])(
    'is not %j',
    async (body) => {
      peer.answerJson(body);
      await expect(ask()).rejects.toEqual(unavailable('discovery_unusable'));
    },
  );
});

describe('keys that have moved', () => {
  it('are found by asking for the document again, once in a cooldown', async () => {
    says(ISSUER);
    expect(await ask()).toBe('https://issuer.test/jwks');
    says(ISSUER, 'https://issuer.test/moved');
    expect(await askAgain()).toBe('https://issuer.test/jwks');
    now += COOLDOWN_MS;
    expect(new Set(await Promise.all(Array.from({ length: 50 }, () => askAgain())))).toEqual(
      new Set(['https://issuer.test/moved']),
    );
    expect(peer.asked).toHaveLength(2);
  });
});
