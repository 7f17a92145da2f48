import { createParamDecorator, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common';
import { stateOf } from '../verification/request-state';
import { originOf } from './call-origin';
import { isGuarded } from './route-rules';
import type { CallerFacts } from '../verification/caller';
import type { VerifiedAccessToken } from '../verification/verified-access-token';

/** The caller; null if there is none and the route allows that. @throws TypeError on a route without `AccessTokenGuard`. */
export function callerOf(subject: object): VerifiedAccessToken | null {
  const { caller } = stateOf(subject);
  if (caller === undefined) throw new UnguardedError();
  return caller;
}

class UnguardedError extends TypeError {
  constructor() {
    super('No caller was verified for this request: guard the route with AccessTokenGuard');
  }
}

/**
 * Injects the caller into a handler guarded by `AccessTokenGuard`, or one property of the caller: `@Caller('organization')`. It
 * is undefined for a request that was let in without a token: by `@OptionalAccessToken`, by `@Public`, or by another guard.
 *
 * @throws TypeError at the request, on a route without any guard.
 */
export const Caller: (
  // Written out, for the type that is inferred names what Nest 11 does not have.
  ...propertyOrPipes: (keyof CallerFacts | PipeTransform | Type<PipeTransform> | undefined)[]
) => ParameterDecorator = createParamDecorator((property: keyof CallerFacts | undefined, context: ExecutionContext) => {
  const { caller } = stateOf(originOf(context).subject);
  if (caller === undefined && !isGuarded(context)) throw new UnguardedError();
  return property === undefined ? (caller ?? undefined) : caller?.[property];
});
