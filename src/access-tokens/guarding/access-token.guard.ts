import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { AddressedRequest } from '../../common/net/client-address';
import { AccessTokenVerifier } from '../verification/access-token.verifier';
import { ratesOf } from '../verification/caller';
import { originOf } from './call-origin';
import { stateOf, type Verification } from '../verification/request-state';
import { refuse, tellRates } from './transport-errors';
import { MissingMetadataError, type RequiredMetadata, rulesOf } from './route-rules';
import type { VerifiedAccessToken } from '../verification/verified-access-token';

/**
 * Admits callers with a usable access token, and makes the caller available to `@Caller()`: over HTTP, GraphQL, web sockets and
 * gRPC. As the guard of a whole application it leaves Latchkey's own routes to their own guard, and those with `@Public()` to
 * every request.
 *
 * Throws a `LatchkeyError` for every other caller (see `AccessTokenVerifier`): over HTTP as it is, on web sockets as the cause
 * of a `WsException`, in gRPC of an `RpcException`.
 *
 * It asks the verifier itself: passport keeps its strategies per process, and two applications in one process would share them.
 */
@Injectable()
export class AccessTokenGuard implements CanActivate {
  private readonly isReadElsewhere = this.tokenOf !== AccessTokenGuard.prototype.tokenOf;
  private readonly isForLatchkeysRoutes: boolean = this instanceof LatchkeyTokenGuard;

  constructor(private readonly verifier: AccessTokenVerifier) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    try {
      const result = this.verifyCaller(context);
      return result instanceof Promise ? result.catch((error: unknown) => refuse(context, error)) : result;
    } catch (error) {
      return refuse(context, error);
    }
  }

  /**
   * The token of a request: that of `Authorization: Bearer`, or of the header that the option `tokenHeader` names. A subclass
   * may read it from elsewhere, such as a cookie. Guards that follow, as `@RequirePermission` has, accept what this one
   * accepted.
   *
   * @returns undefined for a request without a token.
   * @throws ConflictingAccessTokensError for a request with two different tokens.
   */
  protected tokenOf(request: AddressedRequest): string | undefined {
    return this.verifier.tokenOf(request);
  }

  private verifyCaller(context: ExecutionContext): boolean | Promise<boolean> {
    const { isLatchkeys, isPublic, isOptional, metadata } = rulesOf(context);
    if (isPublic || (isLatchkeys && !this.isForLatchkeysRoutes)) return true;
    const { subject, request } = originOf(context);
    if (isOptional && !this.hasToken(request)) {
      stateOf(subject).caller = null;
      return true;
    }
    const caller = this.verificationOf(request);
    if (!(caller instanceof Promise)) return keepCaller(context, subject, caller, metadata);
    return caller.then((verified) => keepCaller(context, subject, verified, metadata));
  }

  private hasToken(request: AddressedRequest): boolean {
    return this.isReadElsewhere ? this.tokenOf(request) !== undefined : this.verifier.hasToken(request);
  }

  private verificationOf(request: AddressedRequest): Verification {
    if (!this.isReadElsewhere) return this.verifier.verificationOf(request);
    return this.verifier.verificationOfToken(request, this.tokenOf(request));
  }
}

/** The guard of Latchkey's own routes, for which an `AccessTokenGuard` of the whole application lets every call pass. */
@Injectable()
export class LatchkeyTokenGuard extends AccessTokenGuard {}

function keepCaller(
  context: ExecutionContext,
  subject: object,
  caller: VerifiedAccessToken,
  metadata: RequiredMetadata | undefined,
): true {
  const rates = ratesOf(caller);
  if (rates !== undefined) tellRates(context, rates);
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
