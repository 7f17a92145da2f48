import type { Socket } from 'node:net';
import underPressure from '@fastify/under-pressure';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HttpStatus } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { HEADERS_TOO_LARGE, OverloadedError, RefusedRequestError } from '../common/errors/common.errors';
import { asLatchkeyError } from '../common/http/latchkey-exception.filter';
import { newRequestId } from '../common/http/request-id';

const BODY_LIMIT = 100 * 1024;
const MAX_DELAY_MS = 700;

/** Fastify, set up for the wire contract (decisions 11 and 23). */
export function httpAdapter(): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    exposeHeadRoutes: false,
    // An overlong id is an unknown one (decisions 11). What bounds it is the limit on headers, which counts the path.
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength: 16 * 1024 },
    forceCloseConnections: 'idle',
    clientErrorHandler: refuseConnection,
    frameworkErrors: (error: Error, _request: FastifyRequest, reply: FastifyReply) => {
      const { status, body } = bodyOf(asLatchkeyError(error));
      void reply.status(status).send(body);
    },
  });
  acceptBodies(adapter);
  shedLoad(adapter);
  return adapter;
}

/**
 * Turns requests away while the process is so far behind that it would answer them too late anyhow (promise P17). The plugin
 * measures the delay of the event loop, as Fastify's own documentation advises.
 */
function shedLoad(adapter: FastifyAdapter): void {
  void adapter.getInstance().register(underPressure, {
    maxEventLoopDelay: MAX_DELAY_MS,
    pressureHandler: () => {
      throw new OverloadedError();
    },
  });
}

/** JSON and forms, with an empty body for `{}`; an empty body of any type, because some clients name odd ones. */
function acceptBodies(adapter: FastifyAdapter): void {
  const parseJson = adapter.getInstance().getDefaultJsonParser('error', 'error');
  const options = { bodyLimit: BODY_LIMIT };
  // Fastify reads plain text unasked.
  adapter.getInstance().removeContentTypeParser('text/plain');
  // Fastify's own parser would hand plain text to the handlers.
  adapter.getInstance().removeContentTypeParser('text/plain');
  adapter.useBodyParser('application/x-www-form-urlencoded', false, options);
  adapter.useBodyParser('application/json', false, options, (request, body: Buffer, done) => {
    if (body.length === 0) done(null, {});
    else void parseJson(request, body.toString(), done);
  });
  adapter.useBodyParser('*', false, options, (_request, body: Buffer, done) => {
    if (body.length === 0) done(null, {});
    else done(new RefusedRequestError(HttpStatus.UNSUPPORTED_MEDIA_TYPE));
  });
}

/** What is no HTTP at all never reaches a route: answered on the bare socket, in the common body. */
function refuseConnection(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const isTooLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const { status, body } = bodyOf(new RefusedRequestError(isTooLarge ? HEADERS_TOO_LARGE : HttpStatus.BAD_REQUEST));
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${isTooLarge ? 'Request Header Fields Too Large' : 'Bad Request'}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}

function bodyOf(error: ReturnType<typeof asLatchkeyError>) {
  return { status: error.getStatus(), body: { reqId: newRequestId(), ...(error.getResponse() as object) } };
}
