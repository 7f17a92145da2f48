import { createParamDecorator, type ExecutionContext, Injectable, type PipeTransform } from '@nestjs/common';
import { noteVerified } from '../../changes/caller-standing';
import type { Actor } from '../../changes/change';
import { requestId } from '../../common/http/request-id';
import type { RequestOrigin } from '../../common/http/request-origin';
import type { AddressedRequest } from '../../common/net/client-address';
import { AccessTokenVerifier } from '../verification/access-token.verifier';
import { type CallOrigin, originOf } from './call-origin';
import { callerOf } from './caller.decorator';

/** A client can send any text in the header, as long as all headers together allow. */
const MAX_USER_AGENT = 512;

/** Reads where a request came from. A pipe, because it needs to know which proxies are trusted. */
@Injectable()
export class RequestOriginPipe implements PipeTransform<CallOrigin, RequestOrigin> {
  constructor(private readonly verifier: AccessTokenVerifier) {}

  transform({ subject, request }: CallOrigin): RequestOrigin {
    return originOfRequest(this.verifier, request, subject);
  }
}

/** @param subject the object that stands for the call, where that is another one than the request. */
export function originOfRequest(
  verifier: AccessTokenVerifier,
  request: AddressedRequest,
  subject: object = request,
): RequestOrigin {
  return {
    address: verifier.addressOf(request),
    requestId: requestId(subject),
    userAgent: [request.headers['user-agent']].flat()[0]?.slice(0, MAX_USER_AGENT),
  };
}

/** Reads who is calling, and from where. @throws TypeError on a route without `AccessTokenGuard` */
@Injectable()
export class ActorPipe implements PipeTransform<CallOrigin, Actor> {
  constructor(private readonly verifier: AccessTokenVerifier) {}

  transform(origin: CallOrigin): Actor {
    const caller = callerOf(origin.subject);
    if (caller === null) throw new TypeError('No caller was verified here: guard the route with AccessTokenGuard');
    noteVerified(caller);
    return { caller, ...originOfRequest(this.verifier, origin.request, origin.subject) };
  }
}

const FromCall = createParamDecorator((_property: unknown, context: ExecutionContext) => originOf(context));

/** Injects where the request came from. */
export const Origin = () => FromCall(RequestOriginPipe);

/** Injects the actor: who is calling, and from where. For routes that change something. */
export const CurrentActor = () => FromCall(ActorPipe);
