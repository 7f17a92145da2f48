import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { bearerToken } from '../common/http/bearer';
import { AccessTokenVerifier } from './access-token.verifier';
import { originOf } from './call-origin';
import { setCaller } from './caller.decorator';
import { METADATA, MissingMetadataError, OPTIONAL, type RequiredMetadata } from './route-rules';
import type { VerifiedAccessToken } from './verified-access-token';

/**
 * Lets in callers with a good access token, and notes who is calling: over HTTP, GraphQL, web sockets and gRPC. It asks the
 * verifier itself: passport keeps its strategies per process, and two applications in one process would share them.
 */
@Injectable()
export class AccessTokenGuard implements CanActivate {
  constructor(
    private readonly verifier: AccessTokenVerifier,
    private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const { subject, request } = originOf(context);
    if (this.ruleOf<boolean>(OPTIONAL, context) && bearerToken(request) === undefined) {
      setCaller(subject, null);
      return true;
    }
    const metadata = this.ruleOf<RequiredMetadata>(METADATA, context);
    const caller = this.verifier.judgeRequest(request);
    if (!(caller instanceof Promise)) return admit(subject, caller, metadata);
    return caller.then((verified) => admit(subject, verified, metadata));
  }

  private ruleOf<Rule>(key: string, context: ExecutionContext): Rule | undefined {
    return this.reflector.getAllAndOverride<Rule | undefined>(key, [context.getHandler(), context.getClass()]);
  }
}

function admit(subject: object, caller: VerifiedAccessToken, metadata: RequiredMetadata | undefined): true {
  if (metadata !== undefined) requireMetadata(caller, metadata);
  setCaller(subject, caller);
  return true;
}

function requireMetadata(caller: VerifiedAccessToken, labels: RequiredMetadata): void {
  const missing = Object.keys(labels).filter(
    (key) => !Object.hasOwn(caller.metadata, key) || caller.metadata[key] !== labels[key],
  );
  if (missing.length > 0) throw new MissingMetadataError(missing);
}
