import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { AddressedRequest } from '../common/net/client-address';
import { AccessTokenVerifier } from './access-token.verifier';
import { setCaller } from './caller.decorator';
import type { VerifiedAccessToken } from './verified-access-token';

/**
 * Lets in requests with a good access token, and notes who is calling. It asks the verifier itself: passport keeps its
 * strategies per process, and two applications in one process would share them.
 */
@Injectable()
export class AccessTokenGuard implements CanActivate {
  constructor(private readonly verifier: AccessTokenVerifier) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<AddressedRequest>();
    const caller = this.verifier.judgeRequest(request);
    if (!(caller instanceof Promise)) return admit(request, caller);
    return caller.then((verified) => admit(request, verified));
  }
}

function admit(request: object, caller: VerifiedAccessToken): true {
  setCaller(request, caller);
  return true;
}
