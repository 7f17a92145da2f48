import { isIPv6 } from 'node:net';
import { HttpStatus, Injectable } from '@nestjs/common';
import * as ipaddr from 'ipaddr.js';
import { LatchkeyError } from '../../common/errors/latchkey.error';
import { LatchkeySettings } from '../../latchkey.options';
import { type RateStanding, rateHeaders, retryAfter } from '../issuing/rate-standing';
import type { RequestLimits } from '../issuing/request-limit-options';
import { RateLimiter } from '../verification/rate.limiter';

/** Too many requests to Latchkey's own routes from one address, for one subject or by one caller. 429; `Retry-After` says when to come back. */
export class RequestLimitError extends LatchkeyError {
  constructor(standings: readonly RateStanding[]) {
    const seconds = retryAfter(standings);
    super(
      { errorCode: 'rate_limited', status: HttpStatus.TOO_MANY_REQUESTS, error: 'RateLimitExceeded' },
      `Rate limit exceeded. Please try again in ${seconds} seconds`,
      { headers: { 'Retry-After': String(seconds), ...rateHeaders(standings) } },
    );
  }
}

/** As a document shows it. */
export const REQUEST_LIMIT_EXAMPLE = new RequestLimitError([
  { limit: 600, perSeconds: 60, remaining: 0, moreInMs: 12_000 },
]);

const NONE: readonly RateStanding[] = [];
/** Names are ids of 36 characters. A longer one is of no client, and must not fill memory. */
const LONGEST_NAME = 100;

/**
 * Holds Latchkey's own routes to the limits of the option `requestLimits`, with the windows that keys have: in memory, at most
 * 100,000 of each kind, each node for itself. An address counts as the network that one customer has: for IPv6 the first 64 bits.
 */
@Injectable()
export class RequestLimitsService {
  private readonly limits: RequestLimits;
  private readonly addresses = limiter();
  private readonly subjects = limiter();
  private readonly callers = limiter();

  constructor({ requestLimits }: LatchkeySettings) {
    this.limits = requestLimits;
  }

  /** Counts a request without a credential of its own. @throws RequestLimitError */
  admitAddress(addressOf: () => string | undefined): readonly RateStanding[] {
    const { publicPerAddress: limits } = this.limits;
    return limits ? this.addresses.admit(networkOf(addressOf()), limits, performance.now()) : NONE;
  }

  /** Counts a login of a client or an identity, whether it succeeds or not. @throws RequestLimitError */
  admitSubject(method: string, name: unknown): void {
    const { loginsPerSubject: limits } = this.limits;
    if (limits && typeof name === 'string')
      this.subjects.admit(`${method} ${name.toLowerCase().slice(0, LONGEST_NAME)}`, limits, performance.now());
  }

  /** Counts a request of a caller to a management route. @throws RequestLimitError */
  admitCaller(identityId: string): readonly RateStanding[] {
    const { managementPerCaller: limits } = this.limits;
    return limits ? this.callers.admit(identityId, limits, performance.now()) : NONE;
  }
}

function limiter(): RateLimiter {
  return new RateLimiter((standings) => new RequestLimitError(standings));
}

/** The network that an address counts for. All callers whose address cannot be read count as one. */
export function networkOf(address = ''): string {
  if (!isIPv6(address)) return address;
  const parsed = ipaddr.IPv6.parse(address.replace(/%.*$/, ''));
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  return parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':');
}
