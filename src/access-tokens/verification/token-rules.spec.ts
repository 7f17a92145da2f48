import { EVERY_ADDRESS, parseTrustedIp } from '../../common/net/trusted-ips';
import type { TokenFacts } from './token-facts.reader';
import { type TokenCheck, requireUsable } from './token-rules';

const NOW = new Date('2026-09-01T12:00:00.000Z');
const SECRET_ID = 'a0b1c2d3-e4f5-4a6b-8c7d-9e0f1a2b3c4d';
const LIMITS = { accessTokenTTL: 3600, accessTokenMaxTTL: 86400, accessTokenPeriod: 0 };

const GOOD: TokenFacts = {
  ...LIMITS,
  tokenId: '0b8f4b1c-3a44-4a5e-9d0e-7a0f4f7f8a02',
  tokenName: null,
  createdAt: new Date('2026-09-01T11:30:00.000Z'),
  expiresAt: new Date('2026-09-01T12:30:00.000Z'),
  isRevoked: false,
  endsAt: null,
  isRotated: false,
  isDisabled: false,
  endsTokenId: null,
  rateLimits: null,
  countedWith: null,
  externalId: null,
  tokenMetadata: {},
  permissions: null,
  trustedIps: null,
  numUses: 0,
  numUsesLimit: 0,
  authMethod: 'token-auth',
  clientSecretId: null,
  clientSecret: null,
  identityAuth: null,
  identityId: 'c1f9a4e2-40a0-4a7e-8a53-6f0f0f6c2d10',
  identityName: 'deployer',
  metadata: {},
  isInstanceAdmin: false,
  organization: { id: '18b65352-ad1e-43d5-830f-65c72245c3a3', name: 'Acme', slug: 'acme-x7k2q9', externalId: null },
  method: { ...LIMITS, trustedIps: EVERY_ADDRESS },
  membership: { role: 'member', isActive: true, customRole: null },
};

/** Everything that can be wrong, in the order of decisions 6: what stands first is what is said. */
const FAULTS: [name: string, fault: Partial<TokenFacts>, status: number, message: string][] = [
  ['expired', { expiresAt: NOW }, 401, 'Your token has expired. Please re-authenticate.'],
  ['method gone', { method: null }, 401, 'Failed to authorize: auth method has been revoked'],
  ['revoked', { isRevoked: true }, 401, 'Failed to authorize: token has been revoked'],
  ['replaced', { isRotated: true, endsAt: NOW }, 401, 'Failed to authorize: token has been replaced by another one'],
  ['disabled', { isDisabled: true }, 401, 'Failed to authorize: token is disabled'],
  [
    'client secret revoked',
    { clientSecretId: SECRET_ID, clientSecret: { isRevoked: true } },
    401,
    'Failed to authorize: client secret has been revoked',
  ],
  ['not a member', { membership: null }, 401, 'Failed to authorize: identity is not a member of the organization'],
  [
    'inactive',
    { membership: { role: 'member', isActive: false, customRole: null } },
    401,
    'Failed to authorize: organization membership is inactive',
  ],
  [
    'address',
    { method: { ...LIMITS, trustedIps: [parseTrustedIp('203.0.113.0/24')!] } },
    403,
    'You are not allowed to access this resource from the current IP address',
  ],
  ['exhausted', { numUsesLimit: 3, numUses: 3 }, 401, 'Failed to authorize: token usage limit reached'],
];

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value) && !(value instanceof Date)) {
    Object.values(Object.freeze(value)).forEach(frozen);
  }
  return value;
}

function ask(facts: TokenFacts | null, more: Partial<TokenCheck> = {}) {
  return () =>
    requireUsable(
      frozen({ facts, epochMs: NOW.getTime(), address: '198.51.100.7', purpose: 'Failed to authorize', ...more }),
    );
}

const saying = (status: number, message: string) => expect.objectContaining({ status, message });

describe('the verification of a token', () => {
  it('is good when nothing is wrong, and hands back the facts it was given, unchanged', () => {
    expect(ask(GOOD)()).toBe(GOOD);
  });

  it.each(FAULTS)('%s: refused', (_, fault, status, message) => {
    expect(ask({ ...GOOD, ...fault })).toThrow(saying(status, message));
  });

  it('refuses a token whose row is gone', () => {
    expect(ask(null)).toThrow(saying(401, 'Failed to authorize: identity tokens have been revoked'));
  });

  it('names the first of two faults in the order of the contract', () => {
    FAULTS.forEach(([, first, status, message], index) => {
      for (const [, second] of FAULTS.slice(index + 1)) {
        const both = { ...GOOD, ...second, ...first };
        expect(ask(both)).toThrow(saying(status, message));
      }
    });
  });

  it('stands while the client secret a token came from is not revoked, and falls when it is gone', () => {
    const facts = { ...GOOD, clientSecretId: SECRET_ID };
    expect(ask({ ...facts, clientSecret: { isRevoked: false } })).not.toThrow();
    expect(ask({ ...facts, clientSecret: null })).toThrow(
      saying(401, 'Failed to authorize: client secret has been revoked'),
    );
  });

  it('is good until the millisecond before it expires, and never after', () => {
    const at = (ms: number) => ask({ ...GOOD, expiresAt: new Date(NOW.getTime() + ms) });
    expect(at(1)).not.toThrow();
    expect(at(0)).toThrow();
    expect(at(-1)).toThrow();
  });

  it('never expires when the row holds no end', () => {
    expect(ask({ ...GOOD, expiresAt: null }, { epochMs: Date.parse('2999-01-01') })).not.toThrow();
  });

  it.each([
    [0, 1_000_000, true],
    [1, 0, true],
    [1, 1, false],
    [3, 2, true],
    [3, 3, false],
    [3, 4, false],
  ])('with a limit of %s and %s uses is good: %s', (numUsesLimit, numUses, isGood) => {
    const verification = ask({ ...GOOD, numUsesLimit, numUses });
    if (isGood) expect(verification).not.toThrow();
    else expect(verification).toThrow();
  });

  it('refuses an address that cannot be told, whatever the list', () => {
    expect(ask(GOOD, { address: undefined })).toThrow(
      saying(403, 'You are not allowed to access this resource from the current IP address'),
    );
  });

  it('follows the list of the method, not what was in force when the token was made', () => {
    const facts = { ...GOOD, method: { ...LIMITS, trustedIps: [parseTrustedIp('198.51.100.0/24')!] } };
    expect(ask(facts)).not.toThrow();
    expect(ask(facts, { address: '::ffff:198.51.100.9' })).not.toThrow();
    expect(ask(facts, { address: '198.51.101.1' })).toThrow();
  });

  it('follows the list of the token instead, where it has one', () => {
    const method = { ...LIMITS, trustedIps: [parseTrustedIp('203.0.113.0/24')!] };
    const facts = { ...GOOD, method, trustedIps: [parseTrustedIp('198.51.100.0/24')!] };
    expect(ask(facts)).not.toThrow();
    expect(ask(facts, { address: '203.0.113.1' })).toThrow();
  });

  it('falls at an end that the JWT does not know of', () => {
    const saysSo = saying(401, 'Your token has expired. Please re-authenticate.');
    expect(ask({ ...GOOD, endsAt: NOW, isRevoked: true })).toThrow(saysSo);
    expect(ask({ ...GOOD, endsAt: new Date(NOW.getTime() + 1) })).not.toThrow();
  });

  it('holds for a token that was replaced until its end comes', () => {
    expect(ask({ ...GOOD, isRotated: true, endsAt: new Date(NOW.getTime() + 1) })).not.toThrow();
    expect(ask({ ...GOOD, isRotated: true })).not.toThrow();
  });

  it('lets an address in that was let in before, and no other because of it', () => {
    const facts = { ...GOOD, method: { ...LIMITS, trustedIps: [parseTrustedIp('203.0.113.0/24')!] } };
    const trustedAddress = '203.0.113.1';
    expect(ask(facts, { address: trustedAddress, trustedAddress })).not.toThrow();
    expect(ask(facts, { address: '198.51.100.7', trustedAddress })).toThrow();
    expect(ask(facts, { address: undefined, trustedAddress: undefined })).toThrow();
  });

  it.each([
    [{ isRevoked: true }, 'Cannot renew: token has been revoked'],
    [{ method: null }, 'Cannot renew: auth method has been revoked'],
    [{ clientSecretId: SECRET_ID, clientSecret: null }, 'Cannot renew: client secret has been revoked'],
    [{ membership: null }, 'Cannot renew: identity is not a member of the organization'],
    [{ numUsesLimit: 1, numUses: 1 }, 'Cannot renew exhausted access token'],
    [{ expiresAt: NOW }, 'Your token has expired. Please re-authenticate.'],
  ])('words a refused renewal as one: %o', (fault, message) => {
    expect(ask({ ...GOOD, ...fault }, { purpose: 'Cannot renew' })).toThrow(saying(401, message));
  });
});
