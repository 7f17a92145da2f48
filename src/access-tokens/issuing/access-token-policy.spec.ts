import fc from 'fast-check';
import {
  DEFAULT_POLICY,
  InvalidIpError,
  mergePolicy,
  requireCoherentInput,
  TtlExceedsMaxError,
} from './access-token-policy';

const BASE = { ...DEFAULT_POLICY, accessTokenTTL: 600, accessTokenMaxTTL: 3600, accessTokenNumUsesLimit: 5 };

describe('a policy with an input laid over it', () => {
  it('begins with 30 days, no use limit, no period, and everybody let in', () => {
    expect(mergePolicy(DEFAULT_POLICY, {})).toEqual({
      accessTokenTTL: 2_592_000,
      accessTokenMaxTTL: 2_592_000,
      accessTokenNumUsesLimit: 0,
      accessTokenTrustedIps: [
        { type: 'ipv4', prefix: 0, ipAddress: '0.0.0.0' },
        { type: 'ipv6', prefix: 0, ipAddress: '::' },
      ],
      accessTokenPeriod: 0,
    });
  });

  it('keeps what is not said', () => {
    expect(mergePolicy(BASE, {})).toEqual(BASE);
  });

  it('takes a 0 for a 0, not for something not said', () => {
    const zero = { accessTokenTTL: 0, accessTokenMaxTTL: 0, accessTokenNumUsesLimit: 0 };
    expect(mergePolicy(BASE, zero)).toEqual({ ...BASE, ...zero });
  });

  it.each([
    ['lowering the max below the stored TTL', { accessTokenMaxTTL: 599 }, false],
    ['lowering the max to the stored TTL', { accessTokenMaxTTL: 600 }, true],
    ['raising the TTL above the stored max', { accessTokenTTL: 3601 }, false],
    ['raising the TTL with the max lifted', { accessTokenTTL: 7200, accessTokenMaxTTL: 0 }, true],
    ['no TTL, with a max', { accessTokenTTL: 0 }, true],
    ['both at once', { accessTokenTTL: 10, accessTokenMaxTTL: 20 }, true],
  ])('%s is allowed: %s', (_, input, isAllowed) => {
    if (isAllowed) expect(mergePolicy(BASE, input)).toEqual({ ...BASE, ...input });
    else expect(() => mergePolicy(BASE, input)).toThrow(TtlExceedsMaxError);
  });

  it('replaces the whole list of trusted IPs, split as they are stored', () => {
    const accessTokenTrustedIps = [{ ipAddress: '10.0.0.7/8' }, { ipAddress: '2001:db8::1' }];
    expect(mergePolicy(BASE, { accessTokenTrustedIps }).accessTokenTrustedIps).toEqual([
      { type: 'ipv4', prefix: 8, ipAddress: '10.0.0.7' },
      { type: 'ipv6', ipAddress: '2001:db8::1' },
    ]);
  });

  it.each(['nonsense', '10.0.0.0/33', '10.0.0.0/24abc', ''])('refuses the trusted IP %j', (ipAddress) => {
    expect(() => mergePolicy(BASE, { accessTokenTrustedIps: [{ ipAddress }] })).toThrow(InvalidIpError);
  });

  it('changes neither of the two', () => {
    const base = structuredClone(BASE);
    mergePolicy(BASE, { accessTokenTTL: 1, accessTokenTrustedIps: [{ ipAddress: '10.0.0.1' }] });
    expect(BASE).toEqual(base);
    expect(DEFAULT_POLICY.accessTokenTTL).toBe(2_592_000);
  });

  it('never has a TTL above its max TTL, unless there is no max', () => {
    const seconds = fc.option(fc.nat(5000), { nil: undefined });
    fc.assert(
      fc.property(seconds, seconds, (accessTokenTTL, accessTokenMaxTTL) => {
        try {
          const merged = mergePolicy(BASE, { accessTokenTTL, accessTokenMaxTTL });
          expect(merged.accessTokenMaxTTL === 0 || merged.accessTokenTTL <= merged.accessTokenMaxTTL).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(TtlExceedsMaxError);
        }
      }),
    );
  });
});

describe('an input by itself', () => {
  it.each([
    [{}],
    [{ accessTokenTTL: 5 }],
    [{ accessTokenMaxTTL: 5 }],
    [{ accessTokenTTL: 5, accessTokenMaxTTL: 5 }],
    [{ accessTokenTTL: 5, accessTokenMaxTTL: 0 }],
  ])('may be %o', (input) => {
    expect(() => requireCoherentInput(input)).not.toThrow();
  });

  it('must not contradict itself', () => {
    expect(() => requireCoherentInput({ accessTokenTTL: 6, accessTokenMaxTTL: 5 })).toThrow(
      expect.objectContaining({
        response: expect.objectContaining({
          statusCode: 422,
          message: [
            { code: 'custom', path: [], message: 'Access Token TTL cannot be greater than Access Token Max TTL.' },
          ],
        }),
      }),
    );
  });
});
