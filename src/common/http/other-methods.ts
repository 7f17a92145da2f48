import { HttpStatus } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { MethodNotAllowedError } from '../errors/common.errors';
import { requestId, REQUEST_ID_HEADER } from './request-id';

interface FastifyInstance {
  readonly supportedMethods: readonly string[];
  route(options: object): unknown;
}

interface ExpressApplication {
  all(path: string, handler: (request: Request, response: object, next: () => void) => void): unknown;
}

interface Request {
  readonly method: string;
}

/** Marks a route of Fastify's that only refuses, so that code which lists routes can tell. */
export const ONLY_REFUSES = 'latchkey:only-refuses';

/**
 * Answers the methods that a path does not offer: `OPTIONS` with the offered ones, any other with 405 (RFC 9110 sections 9.3.7
 * and 15.5.6). To be called when the routes are registered. It runs before the body is read, so that no parser answers first.
 *
 * @param known the methods that have a route; `HEAD` goes with `GET`.
 * @param others methods to be left alone, because the application may answer them.
 */
export function answerOtherMethods(
  adapter: AbstractHttpAdapter,
  path: string,
  known: readonly string[],
  others: readonly string[] = [],
): void {
  const allow = [...new Set([...known, ...(known.includes('GET') ? ['HEAD'] : []), 'OPTIONS'])].sort().join(', ');
  const isLeft = (method: string) => others.includes(method) || known.includes(method);
  const answer = (request: Request, response: object) => {
    const isQuestion = request.method === 'OPTIONS';
    const error = new MethodNotAllowedError(allow);
    const reqId = requestId(request);
    adapter.setHeader(response, REQUEST_ID_HEADER, reqId);
    adapter.setHeader(response, 'Allow', allow);
    if (isQuestion) adapter.reply(response, undefined, HttpStatus.NO_CONTENT);
    else adapter.reply(response, { reqId, ...(error.getResponse() as object) }, error.getStatus());
  };
  if (adapter.getType() === 'express') {
    const application = adapter.getInstance<ExpressApplication>();
    application.all(path, (request, response, next) => (isLeft(request.method) ? next() : answer(request, response)));
    return;
  }
  const instance = adapter.getInstance<FastifyInstance>();
  const method = instance.supportedMethods.filter(
    (name) => !isLeft(name) && !(name === 'HEAD' && (known.includes('GET') || others.includes('GET'))),
  );
  const onRequest = (request: Request, reply: object) => answer(request, reply);
  instance.route({ method, url: path, onRequest, handler: onRequest, config: { [ONLY_REFUSES]: true } });
}
