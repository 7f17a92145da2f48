import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { AccessTokenVerifier } from 'latchkey';
import { ClsService } from 'nestjs-cls';

/** Keeps the caller where every service finds it: `cls.get('caller')`. For routes that a guard of Latchkey protects. */
@Injectable()
export class CurrentCallerInterceptor implements NestInterceptor {
  constructor(
    private readonly verifier: AccessTokenVerifier,
    private readonly cls: ClsService,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler) {
    this.cls.set('caller', await this.verifier.verifyRequest(context.switchToHttp().getRequest()));
    return next.handle();
  }
}
