import { ValidationFailureError } from '../../common/errors/common.errors';
import { BadRequestError } from '../../common/errors/latchkey.error';
import { EVERY_ADDRESS, parseTrustedIp, type TrustedIp } from '../../common/net/trusted-ips';
import type { AccessTokenPolicyDto } from './dto/access-token-policy.dto';

const THIRTY_DAYS = 2_592_000;

/** The policy of an auth method's tokens. */
export interface AccessTokenPolicy {
  readonly accessTokenTTL: number;
  readonly accessTokenMaxTTL: number;
  readonly accessTokenNumUsesLimit: number;
  readonly accessTokenTrustedIps: TrustedIp[];
  /** Seconds between renewals of periodic tokens; 0 if tokens are not periodic. */
  readonly accessTokenPeriod: number;
}

export const DEFAULT_POLICY: AccessTokenPolicy = {
  accessTokenTTL: THIRTY_DAYS,
  accessTokenMaxTTL: THIRTY_DAYS,
  accessTokenNumUsesLimit: 0,
  accessTokenTrustedIps: [...EVERY_ADDRESS],
  accessTokenPeriod: 0,
};

/** The TTL of a token is longer than its max TTL, which covers all renewals. */
export class TtlExceedsMaxError extends BadRequestError {
  constructor() {
    super('ttl_exceeds_max', 'Access token TTL cannot be greater than max TTL');
  }
}

/** An entry of `accessTokenTrustedIps` is not a valid IP address or CIDR block. */
export class InvalidIpError extends BadRequestError {
  constructor() {
    super('ip_invalid', 'The IP is not a valid IPv4, IPv6, or CIDR block');
  }
}

type Lifetimes = Pick<AccessTokenPolicy, 'accessTokenTTL' | 'accessTokenMaxTTL'>;

/** Decision 14: a max TTL of 0 means no maximum, whatever the TTL. */
function isCoherent({ accessTokenTTL, accessTokenMaxTTL }: Lifetimes): boolean {
  return accessTokenMaxTTL === 0 || accessTokenTTL <= accessTokenMaxTTL;
}

/** Checks a body together with the defaults of its route, before anything is looked up. @throws ValidationFailureError */
export function requireCoherentInput(input: Partial<Lifetimes>, defaults: Partial<Lifetimes> = {}): void {
  const { accessTokenTTL = defaults.accessTokenTTL ?? 0, accessTokenMaxTTL = defaults.accessTokenMaxTTL ?? 0 } = input;
  if (isCoherent({ accessTokenTTL, accessTokenMaxTTL })) return;
  const message = 'Access Token TTL cannot be greater than Access Token Max TTL.';
  throw new ValidationFailureError([{ code: 'custom', path: [], message }]);
}

/** The setting that only some methods have beyond the common policy. */
export interface PeriodInput {
  readonly accessTokenPeriod?: number;
}

/** A policy with the fields of an input replaced. @throws TtlExceedsMaxError, InvalidIpError */
export function mergePolicy(base: AccessTokenPolicy, input: AccessTokenPolicyDto & PeriodInput): AccessTokenPolicy {
  const { accessTokenTrustedIps: ips } = input;
  const merged = {
    accessTokenTTL: input.accessTokenTTL ?? base.accessTokenTTL,
    accessTokenMaxTTL: input.accessTokenMaxTTL ?? base.accessTokenMaxTTL,
    accessTokenNumUsesLimit: input.accessTokenNumUsesLimit ?? base.accessTokenNumUsesLimit,
    accessTokenTrustedIps: ips ? requireIps(ips) : base.accessTokenTrustedIps,
    accessTokenPeriod: input.accessTokenPeriod ?? base.accessTokenPeriod,
  };
  if (!isCoherent(merged)) throw new TtlExceedsMaxError();
  return merged;
}

/** The addresses of an input, in stored form. @throws InvalidIpError */
export function requireIps(input: readonly { readonly ipAddress: string }[]): TrustedIp[] {
  return input.map(({ ipAddress }) => {
    const ip = parseTrustedIp(ipAddress);
    if (ip === undefined) throw new InvalidIpError();
    return ip;
  });
}
