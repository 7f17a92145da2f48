import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { requirePlainBody, type RequestWithBody } from './plain-body';
import { rememberOperation } from './observed-call';
import { requestId, REQUEST_ID_HEADER } from './request-id';

/** The common part of Express's response and Fastify's reply. */
interface Response {
  header(name: string, value: string): unknown;
}

/** Sets the headers of every answer of Latchkey's own routes, in any application. It is the first of their guards. */
export class LatchkeyRouteGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const request = http.getRequest<RequestWithBody>();
    const response = http.getResponse<Response>();
    rememberOperation(request, context);
    response.header(REQUEST_ID_HEADER, requestId(request));
    response.header('X-Content-Type-Options', 'nosniff');
    requirePlainBody(request);
    return true;
  }
}
