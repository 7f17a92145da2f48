import { isObject, type OptionRule } from '../../common/option-rules';
import { isRateLimits, type RateLimit } from './rate-limits';

/** Rate limits of Latchkey's own routes: up to five each, for periods of different lengths. Each node counts for itself. */
export interface RequestLimits {
  /**
   * Logins, renewals, revocations by presenting a token, and bootstrap, from one address. An IPv6 address counts as its /64
   * network. Probes are not limited.
   *
   * @default no limit
   */
  readonly publicPerAddress?: readonly RateLimit[];
  /**
   * Logins of one client id or identity, successful or not. A stranger who knows the id can use them up.
   *
   * @default no limit
   */
  readonly loginsPerSubject?: readonly RateLimit[];
  /**
   * Requests of one identity to the management routes.
   *
   * @default no limit
   */
  readonly managementPerCaller?: readonly RateLimit[];
}

const NAMES: readonly (keyof RequestLimits)[] = ['publicPerAddress', 'loginsPerSubject', 'managementPerCaller'];

export const rateLimits: OptionRule = (name, value) =>
  isRateLimits(value)
    ? []
    : [`${name} must be 1 to 5 limits, each for another period of at most a day: [{ limit: 60, perSeconds: 60 }]`];

export const requestLimits: OptionRule = (name, value) => {
  if (!isObject(value))
    return [`${name} must be an object such as { publicPerAddress: [{ limit: 60, perSeconds: 60 }] }`];
  const unknown = Object.keys(value).filter((key) => !(NAMES as readonly string[]).includes(key));
  return [
    ...NAMES.flatMap((key) => (value[key] === undefined ? [] : rateLimits(`${name}.${key}`, value[key]))),
    ...unknown.map((key) => `${name}.${key} is not an option of Latchkey`),
  ];
};
