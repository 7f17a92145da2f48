import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { privateNote } from '../common/private-note';
import type { VerifiedAccessToken } from './verified-access-token';

// Beside the request rather than on it: no name there that a host could use too.
const callers = privateNote<VerifiedAccessToken>();

export function setCaller(request: object, caller: VerifiedAccessToken): void {
  callers.set(request, caller);
}

/** Who is calling. @throws TypeError on a route without `AccessTokenGuard`. */
export function callerOf(request: object): VerifiedAccessToken {
  const caller = callers.get(request);
  if (caller === undefined) throw new TypeError('Nobody has been verified here: guard the route with AccessTokenGuard');
  return caller;
}

/** Injects who is calling into a handler guarded by `AccessTokenGuard`. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext) =>
  callerOf(context.switchToHttp().getRequest<object>()),
);
