import { MAX_SECONDS } from '../common/dto/limits';
import { MAX_COUNT } from '../common/dto/request-fields';
import { isWellFormed } from '../common/dto/rules';
import { ValidationFailureError, type ValidationIssue } from '../common/errors/common.errors';
import type { TrustedIp } from '../common/net/trusted-ips';
import { isObject } from '../common/option-rules';
import { requireIps } from '../access-tokens/issuing/access-token-policy';
import {
  isRateLimits,
  LONGEST_PERIOD_SECONDS,
  MOST_RATE_LIMITS,
  MOST_REQUESTS,
  type RateLimits,
} from '../access-tokens/issuing/rate-limits';
import type { TokenPermissions } from '../access-tokens/issuing/token-permissions';
import { MAX_GRACE_SECONDS } from '../access-tokens/issuing/rotation';
import { type AccessTokenState, STATES, type UsesRefill } from './key-reader.service';
import type { RotationOptions } from './key-types';

const MOST_LABELS = 100;
const MOST_ACTIONS = 100;
const MOST_ADDRESSES = 256;
const LONGEST_NAME = 255;
const LONGEST_LABEL = 1_020;
/** A subject or an action, such as `files` or `read`. */
const RIGHT = /^[a-z][a-z0-9-]{0,63}$/;
// eslint-disable-next-line no-control-regex -- control characters are exactly what must not be in an id
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** The words of a host about a key, all of them optional. */
export interface KeyInput {
  readonly externalId?: unknown;
  readonly expiresAt?: unknown;
  readonly permissions?: unknown;
  readonly metadata?: unknown;
  readonly usesLimit?: unknown;
  readonly usesRefill?: unknown;
  readonly rateLimits?: unknown;
  readonly trustedIps?: unknown;
}

/** The same, checked. Undefined where nothing is said, null where that is cleared. */
export interface CheckedKey {
  readonly externalId?: string;
  readonly expiresAt?: Date | null;
  readonly permissions?: TokenPermissions | null;
  readonly metadata?: Readonly<Record<string, string>> | null;
  readonly usesLimit?: number | null;
  readonly usesRefill?: UsesRefill | null;
  readonly rateLimits?: RateLimits | null;
  readonly trustedIps?: TrustedIp[] | null;
}

type Check = (value: unknown) => string | undefined;

const CHECKS: Record<keyof KeyInput, Check> = {
  externalId: (value) =>
    isText(value, LONGEST_NAME) && !CONTROL.test(value)
      ? undefined
      : `Expected text of 1 to ${LONGEST_NAME} characters without control characters`,
  expiresAt: (value) =>
    value === null || (value instanceof Date && Number.isFinite(value.getTime()))
      ? undefined
      : 'Expected a Date, or null for a key that never ends',
  permissions: (value) =>
    value === null || isPermissions(value)
      ? undefined
      : `Expected up to ${MOST_LABELS} subjects, each with up to ${MOST_ACTIONS} actions, such as { files: ['read'] }: lower case letters, digits and hyphens`,
  metadata: (value) =>
    value === null || isLabels(value)
      ? undefined
      : `Expected up to ${MOST_LABELS} labels: keys of 1 to ${LONGEST_NAME} and values of up to ${LONGEST_LABEL} characters`,
  usesLimit: (value) =>
    value === null || isWithin(value, MAX_COUNT)
      ? undefined
      : `Expected a whole number from 1 to ${MAX_COUNT}, or null for no limit`,
  usesRefill: (value) =>
    value === null || isRefill(value)
      ? undefined
      : `Expected { amount, everySeconds }: whole numbers from 1 to ${MAX_COUNT}, and to ${MAX_SECONDS}`,
  rateLimits: (value) =>
    value === null || isRateLimits(value)
      ? undefined
      : `Expected 1 to ${MOST_RATE_LIMITS} limits { limit, perSeconds }, whole numbers from 1 to ${MOST_REQUESTS} and to ${LONGEST_PERIOD_SECONDS}, no perSeconds twice; or null for none`,
  trustedIps: (value) =>
    value === null || (Array.isArray(value) && isWithin(value.length, MOST_ADDRESSES) && value.every(isAddress))
      ? undefined
      : `Expected a list of 1 to ${MOST_ADDRESSES} addresses and CIDR blocks, or null for those of the identity`,
};

/**
 * Checks what a host says about a key. @throws ValidationFailureError that names every fault; InvalidIpError
 *
 * @param now an end must lie after it.
 */
export function checkedKey(input: KeyInput, now: Date): CheckedKey {
  const names = (Object.keys(CHECKS) as (keyof KeyInput)[]).filter((name) => input[name] !== undefined);
  const issues = names.flatMap((name) => issuesOf(name, CHECKS[name](input[name])));
  const { expiresAt, trustedIps } = input;
  if (expiresAt instanceof Date && issues.length === 0)
    issues.push(...issuesOf('expiresAt', faultOfEnd(expiresAt, now)));
  if (issues.length > 0) throw new ValidationFailureError(issues);
  const given = Object.fromEntries(names.map((name) => [name, input[name]])) as CheckedKey;
  if (!Array.isArray(trustedIps)) return given;
  return { ...given, trustedIps: requireIps(trustedIps.map((ipAddress: string) => ({ ipAddress }))) };
}

function issuesOf(name: string, message: string | undefined): ValidationIssue[] {
  return message === undefined ? [] : [{ code: 'custom', path: [name], message }];
}

function faultOfEnd(end: Date, now: Date): string | undefined {
  const seconds = (end.getTime() - now.getTime()) / 1_000;
  // The end of a JWT is a whole second.
  if (seconds < 1) return 'Expected a time at least a second from now';
  return seconds > MAX_SECONDS ? 'Expected a time within ten years, or null for a key that never ends' : undefined;
}

function isText(value: unknown, most: number, least = 1): value is string {
  return (
    typeof value === 'string' &&
    value.length >= least &&
    value.length <= most &&
    !value.includes('\0') &&
    isWellFormed(value)
  );
}

function isWithin(value: unknown, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
}

function isPermissions(value: unknown): boolean {
  if (!isObject(value) || Object.keys(value).length > MOST_LABELS) return false;
  return Object.entries(value).every(([subject, actions]) => RIGHT.test(subject) && isActions(actions));
}

function isActions(actions: unknown): boolean {
  const isAction = (action: unknown) => typeof action === 'string' && RIGHT.test(action);
  return Array.isArray(actions) && actions.length <= MOST_ACTIONS && actions.every(isAction);
}

function isLabels(value: unknown): boolean {
  if (!isObject(value) || Object.keys(value).length > MOST_LABELS) return false;
  return Object.entries(value).every(([key, text]) => isText(key, LONGEST_NAME) && isText(text, LONGEST_LABEL, 0));
}

function isRefill(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { amount, everySeconds, ...rest } = value;
  return isWithin(amount, MAX_COUNT) && isWithin(everySeconds, MAX_SECONDS) && Object.keys(rest).length === 0;
}

function isAddress(value: unknown): boolean {
  return isText(value, 64);
}

/** @throws ValidationFailureError */
export function requireExternalId(externalId: unknown): string {
  const message = CHECKS.externalId(externalId);
  if (message !== undefined) throw new ValidationFailureError(issuesOf('externalId', message));
  return externalId as string;
}

/** @throws ValidationFailureError */
export function requireState(state: unknown): void {
  if (state === undefined || STATES.includes(state as AccessTokenState)) return;
  throw new ValidationFailureError(issuesOf('state', `Expected one of ${STATES.join(', ')}`));
}

const ROTATION: Record<keyof RotationOptions, Check> = {
  graceSeconds: (value) =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_GRACE_SECONDS
      ? undefined
      : `Expected whole seconds from 0 to ${MAX_GRACE_SECONDS}`,
  endsOldOnFirstUse: (value) =>
    value === undefined || typeof value === 'boolean' ? undefined : 'Expected true or false',
  idempotencyKey: (value) =>
    value === undefined || isText(value, LONGEST_NAME) ? undefined : `Expected text of 1 to ${LONGEST_NAME} characters`,
};

/** @throws ValidationFailureError that names every fault */
export function checkedRotation(how: RotationOptions) {
  const names = Object.keys(ROTATION) as (keyof RotationOptions)[];
  const issues = names.flatMap((name) => issuesOf(name, ROTATION[name](how[name])));
  if (issues.length > 0) throw new ValidationFailureError(issues);
  const { graceSeconds, endsOldOnFirstUse = true, idempotencyKey } = how;
  return { graceSeconds, endsOldOnFirstUse, idempotencyKey };
}
