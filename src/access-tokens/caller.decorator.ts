import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { privateNote } from '../common/private-note';
import { originOf } from './call-origin';
import type { VerifiedAccessToken } from './verified-access-token';

// Beside the request rather than on it: no name there that a host could use too. Null: looked at, and nobody there.
const callers = privateNote<VerifiedAccessToken | null>();

export function setCaller(subject: object, caller: VerifiedAccessToken | null): void {
  callers.set(subject, caller);
}

/** Who is calling; null for nobody, where that is allowed. @throws TypeError on a route without `AccessTokenGuard`. */
export function callerOf(subject: object): VerifiedAccessToken | null {
  const caller = callers.get(subject);
  if (caller === undefined) throw new TypeError('Nobody has been verified here: guard the route with AccessTokenGuard');
  return caller;
}

/**
 * Injects who is calling into a handler guarded by `AccessTokenGuard`, or one thing about it: `@Caller('organization')`. With
 * `@OptionalAccessToken` that is undefined when nobody has said.
 */
export const Caller = createParamDecorator(
  (property: keyof VerifiedAccessToken | undefined, context: ExecutionContext) => {
    const caller = callerOf(originOf(context).subject) ?? undefined;
    return property === undefined ? caller : caller?.[property];
  },
);
