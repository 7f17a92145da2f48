import { createParamDecorator, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common';
import { stateOf } from '../verification/request-state';
import { originOf } from './call-origin';
import type { VerifiedAccessToken } from '../verification/verified-access-token';

/** Who is calling; null for nobody, where that is allowed. @throws TypeError on a route without `AccessTokenGuard`. */
export function callerOf(subject: object): VerifiedAccessToken | null {
  const { caller } = stateOf(subject);
  if (caller === undefined)
    throw new TypeError('No caller was verified for this request: guard the route with AccessTokenGuard');
  return caller;
}

/**
 * Injects who is calling into a handler guarded by `AccessTokenGuard`, or one thing about it: `@Caller('organization')`. With
 * `@OptionalAccessToken` that is undefined when nobody has said.
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
