import { createParamDecorator, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common';
import { stateOf } from '../verification/request-state';
import { originOf } from './call-origin';
import type { VerifiedAccessToken } from '../verification/verified-access-token';

/** The caller; null if there is none and the route allows that. @throws TypeError on a route without `AccessTokenGuard`. */
export function callerOf(subject: object): VerifiedAccessToken | null {
  const { caller } = stateOf(subject);
  if (caller === undefined)
    throw new TypeError('No caller was verified for this request: guard the route with AccessTokenGuard');
  return caller;
}

/**
 * Injects the caller into a handler guarded by `AccessTokenGuard`, or one property of the caller: `@Caller('organization')`.
 * With `@OptionalAccessToken` it is undefined for a request without a token.
 *
 * @throws TypeError at the request, on a route without `AccessTokenGuard`.
 */
export const Caller: (
  // Written out, for the type that is inferred names what Nest 11 does not have.
  ...propertyOrPipes: (keyof VerifiedAccessToken | PipeTransform | Type<PipeTransform> | undefined)[]
) => ParameterDecorator = createParamDecorator(
  (property: keyof VerifiedAccessToken | undefined, context: ExecutionContext) => {
    const caller = callerOf(originOf(context).subject) ?? undefined;
    return property === undefined ? caller : caller?.[property];
  },
);
