import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { AddressedRequest } from '../common/net/client-address';
import { AccessTokenVerifier } from './access-token.verifier';
import { setCaller } from './caller.decorator';

/**
 * Lets in requests with a good access token, and notes who is calling. It asks the verifier itself: passport keeps its
 * strategies per process, and two applications in one process would share them.
 */
@Injectable()
export class AccessTokenGuard implements CanActivate {
  constructor(private readonly verifier: AccessTokenVerifier) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AddressedRequest>();
    setCaller(request, await this.verifier.verifyRequest(request));
    return true;
  }
}
