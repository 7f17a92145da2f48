import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { bearerToken } from '../../common/http/bearer';
import { AccessTokenVerifier } from '../verification/access-token.verifier';
import { originOf } from './call-origin';
import { stateOf } from '../verification/request-state';
import { refuse } from './transport-errors';
import { METADATA, MissingMetadataError, OPTIONAL, type RequiredMetadata } from './route-rules';
import type { VerifiedAccessToken } from '../verification/verified-access-token';

/**
 * Admits callers with a usable access token, and makes the caller available to `@Caller()`: over HTTP, GraphQL, web sockets and
 * gRPC.
 *
 * Throws a `LatchkeyError` for every other caller (see `AccessTokenVerifier`): over HTTP as it is, on web sockets as the cause
 * of a `WsException`, in gRPC of an `RpcException`.
 *
 * It asks the verifier itself: passport keeps its strategies per process, and two applications in one process would share them.
 */
@Injectable()
export class AccessTokenGuard implements CanActivate {
  constructor(
    private readonly verifier: AccessTokenVerifier,
    private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    try {
      const result = this.verifyCaller(context);
      return result instanceof Promise ? result.catch((error: unknown) => refuse(context, error)) : result;
    } catch (error) {
      return refuse(context, error);
    }
  }

  private verifyCaller(context: ExecutionContext): boolean | Promise<boolean> {
    const { subject, request } = originOf(context);
    const { isOptional, metadata } = this.rulesOf(context);
    if (isOptional && bearerToken(request) === undefined) {
      stateOf(subject).caller = null;
      return true;
    }
    const caller = this.verifier.verificationOf(request);
    if (!(caller instanceof Promise)) return keepCaller(subject, caller, metadata);
    return caller.then((verified) => keepCaller(subject, verified, metadata));
  }

  /** Read once for each handler, because they stand in the code, and again for a handler that several controllers inherit. */
  private rulesOf(context: ExecutionContext): Rules {
    const handler = context.getHandler();
    const controller = context.getClass();
    const known = rules.get(handler);
    if (known?.controller === controller) return known;
    const ruleOf = <Rule>(key: string) =>
      this.reflector.getAllAndOverride<Rule | undefined>(key, [handler, controller]);
    const read = { controller, isOptional: ruleOf<boolean>(OPTIONAL), metadata: ruleOf<RequiredMetadata>(METADATA) };
    rules.set(handler, read);
    return read;
  }
}

interface Rules {
  readonly controller: object;
  readonly isOptional: boolean | undefined;
  readonly metadata: RequiredMetadata | undefined;
}

const rules = new WeakMap<object, Rules>();

function keepCaller(subject: object, caller: VerifiedAccessToken, metadata: RequiredMetadata | undefined): true {
  if (metadata !== undefined) requireMetadata(caller, metadata);
  stateOf(subject).caller = caller;
  return true;
}

function requireMetadata(caller: VerifiedAccessToken, labels: RequiredMetadata): void {
  const missing = Object.keys(labels).filter(
    (key) => !Object.hasOwn(caller.metadata, key) || caller.metadata[key] !== labels[key],
  );
  if (missing.length > 0) throw new MissingMetadataError(missing);
}
